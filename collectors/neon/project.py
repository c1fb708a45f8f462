"""A project at Neon: its plan, limits, branches, computes, and what Free counts. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from advisor.collectors._found import Found
from advisor.core.model import Confidence, Gap, Limit, Quality, Reading, Term
from advisor.polling.body import Body

__all__ = [
    "Branches",
    "Computes",
    "branches",
    "computes",
    "connections",
    "counters",
    "free",
    "own_limits",
    "plan_of",
    "restrictions",
]

_HOUR = 3600.0
_CHANNELS = {"", "unknown", "aws_marketplace", "vercel_pg_legacy"}  # How it is paid, not what is bought.
_COUNTED = {"compute_hours": ("compute_time_seconds", 1 / _HOUR), "egress": ("data_transfer_bytes", 1.0)}
_CAPS = ("active_time_seconds", "compute_time_seconds", "written_data_bytes", "data_transfer_bytes")
_OWN = "provider API: the project's own quota"


def plan_of(subscription: str) -> str:
    """Return the plan's name: `launch` of launch_v3; "" where the subscription does not tell."""
    name = re.sub(r"_v\d+$", "", subscription.lower())
    return "" if name in _CHANNELS else "enterprise" if name == "direct_sales" else name


def free(subscription: str) -> bool:
    """Say whether usage is in the project's own counters: on Free, and where nobody pays."""
    return subscription.lower() in _CHANNELS - {"aws_marketplace"} or plan_of(subscription) == "free"


def own_limits(found: Found, project: Body, *, is_free: bool) -> None:
    """Read the limits that Neon itself names: of Free a branch's size, and what the owner set."""
    if is_free:
        size = project.number("branch_logical_size_limit_bytes")
        found.limit("storage", Limit.QUOTA, size or None)
    if count := project.number("owner", "branches_limit"):
        found.limit("branches", Limit.QUOTA, count if count > 0 else None)
    if cap := project.number("settings", "quota", "compute_time_seconds"):  # 0: unlimited.
        found.terms.append(
            Term("limit", cap / _HOUR, _OWN, found.now, "compute_hours", Limit.QUOTA, part="month")
        )


@dataclass(frozen=True, slots=True)
class Branches:
    """How many there are, and the size of the largest in bytes."""

    count: int
    largest: float | None


def branches(found: Found, items: Sequence[Body], *, with_storage: bool) -> Branches:
    """Count the branches; on Free their logical sizes together are the storage."""
    sizes = [one.number("logical_size") for one in items]
    known = [size for size in sizes if size is not None]
    found.level("branches", float(len(items)))
    if with_storage and known:
        whole = len(known) == len(sizes)
        found.level("storage", sum(known), quality=Quality.MEASURED if whole else Quality.ESTIMATED)
    if with_storage and len(known) < len(sizes):
        why = f"Neon tells no size of {len(sizes) - len(known)} of {len(sizes)} branches, which is not 0"
        found.gaps.append(Gap("storage", why, ("storage",)))
    return Branches(len(items), max(known, default=None))


@dataclass(frozen=True, slots=True)
class Computes:
    """How many run now, and how many that write are disabled."""

    active: int
    disabled: int


def computes(found: Found, body: Body, project: Body) -> Computes:
    """Read which computes run, since when none does, and how many connections the writing one takes."""
    active = disabled = 0
    for one in body["endpoints"].each():
        active += one.text("current_state") == "active"
        if one.text("type") != "read_write":
            continue
        told = one.get("disabled")
        disabled += told is not None and told.value is True
        least, most = one.number("autoscaling_limit_min_cu"), one.number("autoscaling_limit_max_cu")
        if least and most:
            found.terms.append(
                Term(
                    "limit", connections(least, most), "Neon docs: connections by compute size", found.now,
                    "connections", Limit.QUOTA, confidence=Confidence.DOCUMENTED,
                )
            )  # fmt: skip
    found.level("instances", float(active))
    last = project.get("compute_last_active_at")
    if active:
        found.level("idle_time", 0.0)
    elif last is not None:
        found.level("idle_time", max(0.0, (found.now - last.time()).total_seconds()))
    return Computes(active, disabled)


def connections(least: float, most: float) -> float:
    """Return how many connections a compute takes of its users, 7 being Neon's own.

    With autoscaling it is fixed by the lower of the largest size and eight times the smallest.
    """
    return float(int(min(4000.0, min(most, 8 * least) * 4e9 / 9_531_392)) - 7)


def restrictions(
    found: Found, project: Body, of_computes: Computes, largest: float | None, *, is_free: bool
) -> None:
    """Count quotas of the owner's own that are used up, and disabled computes; 0 only where that is known."""
    quota = project.get("settings", "quota")
    caps = {key: quota.number(key) or 0.0 for key in _CAPS} if quota is not None else {}
    hit = sum(1 for key, cap in caps.items() if cap and (project.number(key) or 0.0) >= cap)
    size = (quota.number("logical_size_bytes") or 0.0) if quota is not None else 0.0
    hit += bool(size and largest is not None and largest >= size)
    count = hit + of_computes.disabled
    if count or of_computes.active or not (is_free or any(caps.values())):
        found.level("restricted", float(count))
        return
    why = (
        "the compute sleeps, and Neon does not tell whether for a used-up quota; a query would wake it, "
        "so none is made"
    )
    found.gaps.append(Gap("restrictions", why, ("restricted",)))


def counters(found: Found, project: Body, metrics: Sequence[str], *, doubtful: bool = False) -> None:
    """Turn the project's counters into amounts since the last poll, or since its period began.

    `doubtful` says that the plan is not known, so that counters of 0 may be a paid plan's.
    """
    began = project.get("consumption_period_start")
    if began is None:
        found.gaps.append(Gap("usage", "Neon does not tell when the period began", tuple(metrics)))
        return
    start = max(began.time(), project.time("created_at"))
    before = found.poll.previous.get("counters") or {}
    same = before.get("period") == start.timestamp()
    if doubtful and not any(project.number(_COUNTED[metric][0]) for metric in metrics):
        why = "the project's counters are 0, which on a paid plan is not nothing, and no other usage is told"
        found.gaps.append(Gap("usage", why, tuple(metrics)))
        return
    kept = {"period": start.timestamp(), "at": found.now.timestamp()}
    for metric in metrics:
        key, factor = _COUNTED[metric]
        value = project.number(key)
        if value is None:
            found.gaps.append(Gap(metric, f"Neon does not tell `{key}`, which is not 0", (metric,)))
            continue
        kept[key] = value
        since, amount = start, value
        if "at" in before:
            polled = datetime.fromtimestamp(before["at"], UTC)
            since = max(start, polled)
            # It only falls where it was set back: what it shows came since.
            if same and before.get(key, 0.0) <= value:
                amount = value - before.get(key, 0.0)
        if since < found.now:
            found.readings.append(Reading(metric, amount * factor, found.now, since))
    found.keep["counters"] = kept
