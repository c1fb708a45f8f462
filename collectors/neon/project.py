"""A project at Neon: its plan, limits, branches, computes, and what Free counts. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from advisor.core.model import Confidence, Gap, Limit, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = [
    "Branches",
    "branches",
    "computes",
    "connections",
    "counters",
    "free",
    "own_limits",
    "plan_of",
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


def own_limits(project: Body, now: datetime, *, is_free: bool) -> list[Term]:
    """Return the limits that Neon itself names: of Free a branch's size, and what the owner set."""
    source = "provider API"
    terms = []
    if is_free and (size := project.number("branch_logical_size_limit_bytes")):
        terms.append(Term("limit", size, source, now, "storage", Limit.QUOTA))
    if (count := project.number("owner", "branches_limit")) and count > 0:
        terms.append(Term("limit", count, source, now, "branches", Limit.QUOTA))
    if cap := project.number("settings", "quota", "compute_time_seconds"):  # 0: unlimited.
        terms.append(Term("limit", cap / _HOUR, _OWN, now, "compute_hours", Limit.QUOTA, part="month"))
    return terms


@dataclass(frozen=True, slots=True)
class Branches:
    """The size of the largest in bytes, and the id of the default one."""

    largest: float | None = None
    default: str = ""


def branches(items: Sequence[Body], now: datetime, *, with_storage: bool) -> tuple[Answer, Branches]:
    """Count the branches; on Free their logical sizes together are the storage."""
    sizes = [one.number("logical_size") for one in items]
    known = [size for size in sizes if size is not None]
    readings = [Reading("branches", float(len(items)), now)]
    gaps = []
    if with_storage and known:
        quality = Quality.MEASURED if len(known) == len(sizes) else Quality.ESTIMATED
        readings.append(Reading("storage", sum(known), now, quality=quality))
    if with_storage and len(known) < len(sizes):
        why = f"Neon tells no size of {len(sizes) - len(known)} of {len(sizes)} branches, which is not 0"
        gaps.append(Gap("storage", why, ("storage",)))
    default = next((one.text("id") for one in items if _is(one, "default") or _is(one, "primary")), "")
    return Answer(readings, gaps=gaps), Branches(max(known, default=None), default)


def _is(body: Body, key: str) -> bool:
    told = body.get(key)
    return told is not None and told.value is True


def computes(body: Body, project: Body, of: Branches, now: datetime, *, is_free: bool) -> Answer:
    """Read which computes run, since when none does, what is restricted, and how many connections one takes.

    Of several that write, which are those of other branches, the one of the default branch speaks, or where
    that is not known the largest.
    """
    active = disabled = 0
    takes: list[tuple[bool, float]] = []
    for one in body["endpoints"].each():
        active += one.text("current_state") == "active"
        if one.text("type") != "read_write":
            continue
        disabled += _is(one, "disabled")
        least, most = one.number("autoscaling_limit_min_cu"), one.number("autoscaling_limit_max_cu")
        if least and most:
            branch = one.get("branch_id")
            mine = branch is not None and branch.value == of.default
            takes.append((mine, connections(least, most)))
    readings = [Reading("instances", float(active), now)]
    last = project.get("compute_last_active_at")
    if active:
        readings.append(Reading("idle_time", 0.0, now))
    elif last is not None:
        readings.append(Reading("idle_time", max(0.0, (now - last.time()).total_seconds()), now))
    terms = []
    if takes:
        source, sure = "Neon docs: connections by compute size", Confidence.DOCUMENTED
        most = max(takes)[1]
        terms = [Term("limit", most, source, now, "connections", Limit.QUOTA, confidence=sure)]
    held = _restrictions(project, of.largest, active=active, disabled=disabled, is_free=is_free)
    if isinstance(held, Gap):
        return Answer(readings, terms, [held])
    return Answer([*readings, Reading("restricted", float(held), now)], terms)


def connections(least: float, most: float) -> float:
    """Return how many connections a compute takes of its users, 7 being Neon's own.

    With autoscaling it is fixed by the lower of the largest size and eight times the smallest.
    """
    return float(int(min(4000.0, min(most, 8 * least) * 4e9 / 9_531_392)) - 7)


def _restrictions(
    project: Body, largest: float | None, *, active: int, disabled: int, is_free: bool
) -> int | Gap:
    """Count quotas of the owner's own that are used up, and disabled computes; 0 only where that is known."""
    quota = project.get("settings", "quota")
    caps = {key: quota.number(key) or 0.0 for key in _CAPS} if quota is not None else {}
    hit = sum(1 for key, cap in caps.items() if cap and (project.number(key) or 0.0) >= cap)
    size = (quota.number("logical_size_bytes") or 0.0) if quota is not None else 0.0
    hit += bool(size and largest is not None and largest >= size)
    count = hit + disabled
    if count or active or not (is_free or any(caps.values())):
        return count
    why = (
        "the compute sleeps, and Neon does not tell whether for a used-up quota; a query would wake it, "
        "so none is made"
    )
    return Gap("restrictions", why, ("restricted",))


def counters(
    project: Body, metrics: Sequence[str], now: datetime, before: Mapping[str, Any], *, doubtful: bool = False
) -> Answer:
    """Turn the project's counters into amounts since the last poll, or since its period began.

    `before` is what that poll kept as `counters`. `doubtful` says that the plan is not known, so that
    counters of 0 may be a paid plan's.
    """
    kept = {"counters": dict(before)} if before else {}
    began = project.get("consumption_period_start")
    if began is None:
        why = "Neon does not tell when the period began"
        return Answer(gaps=[Gap("usage", why, tuple(metrics))], keep=kept)
    start = max(began.time(), project.time("created_at"))
    same = before.get("period") == start.timestamp()
    if doubtful and not any(project.number(_COUNTED[metric][0]) for metric in metrics):
        why = "the project's counters are 0, which on a paid plan is not nothing, and no other usage is told"
        return Answer(gaps=[Gap("usage", why, tuple(metrics))], keep=kept)
    now_kept = {"period": start.timestamp(), "at": now.timestamp()}
    readings: list[Reading] = []
    gaps: list[Gap] = []
    for metric in metrics:
        key, factor = _COUNTED[metric]
        value = project.number(key)
        if value is None:
            gaps.append(Gap(metric, f"Neon does not tell `{key}`, which is not 0", (metric,)))
            continue
        now_kept[key] = value
        since, amount = start, value
        if "at" in before:
            since = max(start, datetime.fromtimestamp(before["at"], UTC))
            # It only falls where it was set back: what it shows came since.
            if same and before.get(key, 0.0) <= value:
                amount = value - before.get(key, 0.0)
        if since < now:
            readings.append(Reading(metric, amount * factor, now, since))
    return Answer(readings, gaps=gaps, keep={"counters": now_kept})
