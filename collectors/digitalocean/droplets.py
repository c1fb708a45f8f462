"""Droplets: counters of CPU, memory and disk of the agent, bandwidth in megabits a second. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from advisor.collectors.digitalocean.matrix import Series
from advisor.core.model import Gap, Limit, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["METRICS", "egress", "fullest", "hours", "inventory", "levels", "names"]

METRICS = ("cpu", "memory", "disk_used", "disk_size", "egress")
SOURCE = "provider API: DigitalOcean"
_MIB, _TIB = 2**20, 2**40
_MEGABIT = 125_000  # Bytes.
_FIRST = timedelta(days=1)
_KEPT = timedelta(days=14)
_HOUR = timedelta(hours=1)
_HOLE = timedelta(minutes=30)  # Two points further apart: nothing was measured between them.


def names(droplets: Sequence[Body]) -> list[str]:
    """Return a name for each that no other has."""
    counts = Counter(one.text("name") for one in droplets)
    return [
        name if counts[name := one.text("name")] == 1 else f"{name} {one['id'].value}" for one in droplets
    ]


def inventory(droplets: Sequence[Body], now: datetime, *, whole: bool) -> Answer:
    """Count them; where they are all of the account's, the pool of their transfer is its quota."""
    readings = [Reading("instances", float(len(droplets)), now)]
    transfers = [one["size"].number("transfer") for one in droplets]
    if not whole or not transfers or any(one is None for one in transfers):
        return Answer(readings)
    pool = sum(one for one in transfers if one is not None) * _TIB
    return Answer(readings, [Term("limit", pool, SOURCE, now, "egress", Limit.QUOTA, "month")])


def levels(found: Mapping[str, Sequence[Series]], name: str) -> Answer:
    """Give CPU, memory and the root's disk of one Droplet."""
    readings: list[Reading] = []
    gaps: list[Gap] = []
    busy = cpu(found["cpu"])
    if busy is None:
        gaps.append(Gap("cpu", f"DigitalOcean has no two values of {name}'s CPU yet", ("cpu",)))
    else:
        readings.append(Reading("cpu", busy[1], busy[0], part=name))
    total, free = (_newest(found[key]) for key in ("memory_total", "memory_available"))
    if total is not None and free is not None:
        readings.append(Reading("memory", max(total[1] - free[1], 0.0), total[0], part=name))
    size, left = (_newest(_root(found[key])) for key in ("filesystem_size", "filesystem_free"))
    if size is not None and left is not None:
        readings.append(Reading("disk_used", max(size[1] - left[1], 0.0), size[0], part=name))
        readings.append(Reading("disk_size", size[1], size[0], part=name))
    if total is None or size is None:
        why = f"DigitalOcean has no memory or disk of {name}: install the metrics agent in it"
        gaps.append(Gap("agent", why, ("memory", "disk_used", "disk_size")))
    return Answer(readings, gaps=gaps)


def cpu(modes: Sequence[Series]) -> tuple[datetime, float] | None:
    """Return the busy share over the newest stretch; None where there are no two values of it.

    Values are seconds since the start, by mode. After a restart they begin again from 0, and what lies before
    does not count.
    """
    by_time: dict[datetime, dict[str, float]] = {}
    for mode in modes:
        for at, value in mode.points:
            by_time.setdefault(at, {})[mode.labels.get("mode", "")] = value
    times = sorted(at for at, values in by_time.items() if "idle" in values)
    idle = total = 0.0
    for earlier, later in pairwise(times):
        old, new = by_time[earlier], by_time[later]
        if old.keys() != new.keys() or any(new[key] < old[key] for key in new):
            idle = total = 0.0
            continue
        idle += new["idle"] - old["idle"]
        total += sum(new.values()) - sum(old.values())
    return (times[-1], max(0.0, 1 - idle / total)) if total > 0 else None


def _newest(found: Sequence[Series]) -> tuple[datetime, float] | None:
    return max((one.points[-1] for one in found), default=None)


def _root(found: Sequence[Series]) -> list[Series]:
    return [one for one in found if one.labels.get("mountpoint") == "/"]


def fullest(droplets: Sequence[Body], answer: Answer, all_names: Sequence[str], now: datetime) -> list[Term]:
    """Return the limits: the memory of the fullest Droplet, the disks of all that tell theirs."""
    terms: list[Term] = []
    used = {reading.part: reading.value for reading in answer.readings if reading.metric == "memory"}
    if used:
        name = max(used, key=lambda part: (used[part], part))
        size = droplets[all_names.index(name)].number("memory")
        if size:
            terms = [
                Term("limit", size * _MIB, SOURCE, now, "memory", which)
                for which in (Limit.QUOTA, Limit.AVAILABLE)
            ]
    disks = sum(reading.value for reading in answer.readings if reading.metric == "disk_size")
    if disks:
        terms.append(Term("limit", disks, SOURCE, now, "disk_used", Limit.QUOTA))
    return terms


def hours(now: datetime, covered: float | None) -> tuple[datetime, datetime]:
    """Return from where to where bandwidth is read: whole hours, the newest known one once more."""
    until = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    since = until - _FIRST if covered is None else datetime.fromtimestamp(covered, UTC) - _HOUR
    return max(since, until - _KEPT), until


def egress(sent: Sequence[Series], name: str, since: datetime, until: datetime) -> list[Reading]:
    """Return the bytes sent by hour: each value holds for the time since the one before it. Estimated."""
    total: dict[datetime, float] = {}
    for series in sent:
        for (earlier, _), (at, rate) in pairwise(series.points):
            hour = (at - timedelta(microseconds=1)).replace(minute=0, second=0, microsecond=0)
            if at - earlier <= _HOLE and since <= hour < until:
                seconds = (at - max(earlier, hour)).total_seconds()
                total[hour] = total.get(hour, 0.0) + rate * _MEGABIT * seconds
                if earlier < hour and hour - _HOUR >= since:
                    before = (hour - earlier).total_seconds()
                    total[hour - _HOUR] = total.get(hour - _HOUR, 0.0) + rate * _MEGABIT * before
    return [
        Reading("egress", value, hour + _HOUR, hour, part=name, quality=Quality.ESTIMATED)
        for hour, value in sorted(total.items())
    ]
