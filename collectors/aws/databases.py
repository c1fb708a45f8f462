"""What RDS and Aurora share: descriptions, and series that are levels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from advisor.collectors.aws.ask import Api
from advisor.collectors.aws.cloudwatch import Found, Series
from advisor.collectors.aws.machines import memory, serverless
from advisor.core.model import Confidence, Gap, Limit, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer, Unexpected

__all__ = [
    "RESTRICTED",
    "SHOWN",
    "SOURCE",
    "VERSION",
    "Draft",
    "Level",
    "as_level",
    "backup",
    "described",
    "items",
    "levels",
    "memory_in_use",
    "of",
    "of_class",
    "show",
    "silent",
]

VERSION = "2014-10-31"
SOURCE = "provider API: Amazon RDS"

_PAGES = 20

#: States in which the provider keeps the database from working.
RESTRICTED = frozenset(
    {"storage-full", "inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable"}
)


@dataclass(frozen=True, slots=True)
class Level:
    """A series that is a level: its metric, how it is made one, and by what its values are multiplied."""

    name: str
    stat: str
    metric: str
    factor: float = 1.0


_LEVELS = (
    Level("CPUUtilization", "Average", "cpu", 0.01),
    Level("DatabaseConnections", "Maximum", "connections"),
)
_WRAPAROUND = Level("MaximumUsedTransactionIDs", "Maximum", "transaction_id_age")
#: For people: what no metric of ours is, with how it is written.
SHOWN = (
    ("CPUCreditBalance", "Minimum", "CPU credits left", 1.0, ""),
    ("BurstBalance", "Minimum", "burst balance of the disk", 1.0, " %"),
    ("ReadLatency", "Average", "read latency of the disk", 1000.0, " ms"),
    ("WriteLatency", "Average", "write latency of the disk", 1000.0, " ms"),
)


@dataclass(slots=True)
class Draft:
    """An answer in the making; `shown` is for people, under `title`."""

    title: str = "Disk and credits"
    readings: list[Reading] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    shown: list[Mapping[str, str]] = field(default_factory=list)

    def answer(self) -> Answer:
        """Return it as it is now."""
        evidence = {self.title: self.shown} if self.shown else {}
        return Answer(self.readings, self.terms, self.gaps, {}, evidence)


async def described(api: Api, kind: str, name: str, right: str, by: str = "") -> Sequence[Body]:
    """Return the instances or clusters of a name; by a filter, all pages of them."""
    form = (
        {"Filters.Filter.1.Name": by, "Filters.Filter.1.Values.Value.1": name}
        if by
        else {f"{kind}Identifier": name}
    )
    found: list[Body] = []
    marker = ""
    for _ in range(_PAGES):
        more = {"Marker": marker} if marker else {}
        page = await api.query("rds", f"Describe{kind}s", VERSION, form | more, right)
        found += page[f"{kind}s"].each()
        token = page.get("Marker")
        marker = token.text() if token is not None else ""
        if not marker:
            break
    if not by and len(found) != 1:
        raise Unexpected(
            f"Amazon RDS describes {len(found)} of `{name}`; name one by its identifier as `database`"
        )
    return found


def of_class(name: str, api: Api) -> list[Term]:
    """Return the memory of an instance class as a limit, where it is known."""
    size = memory(name)
    if size is None:
        return []
    source = f"class {name} as AWS documents it"
    return [
        Term("limit", float(size), source, api.poll.now, "memory", Limit.AVAILABLE, "", Confidence.DOCUMENTED)
    ]


def backup(one: Body, api: Api) -> list[Reading]:
    """Return the age of the newest moment that can be restored; without backups there is none."""
    if one.get("LatestRestorableTime") is None:
        return []
    age = (api.poll.now - one.time("LatestRestorableTime")).total_seconds()
    return [Reading("backup_age", max(0.0, age), api.poll.now)]


def of(instance: str, name: str, stat: str, period: int = 300) -> Series:
    """Return a series of an instance."""
    return Series("AWS/RDS", name, (("DBInstanceIdentifier", instance),), stat, period)


def levels(instance: Body) -> tuple[Level, ...]:
    """Return the levels that an instance of its engine has."""
    return (*_LEVELS, _WRAPAROUND) if "postgres" in instance.text("Engine") else _LEVELS


def items(body: Body, key: str) -> Sequence[Body]:
    """Return the items of a list that may be missing."""
    found = body.get(key)
    return list(found.each()) if found is not None else ()


def as_level(draft: Draft, found: Found, one: Series, level: Level, part: str = "") -> None:
    """Add the points of a series as a level."""
    for _, end, value in found.points.get(one, ()):
        draft.readings.append(Reading(level.metric, value * level.factor, end, part=part))


def memory_in_use(draft: Draft, found: Found, classes: Mapping[str, str]) -> str:
    """Give what is in use of the fullest instance: its class' memory, as documented, less what is free.

    `classes` are those of the instances by name. Returns the fullest's, "" where nothing is known: instances
    of several sizes have no limit in common.
    """
    fullest = ("", 0.0)
    for name, instance_class in classes.items():
        total, free = memory(instance_class), found.newest(of(name, "FreeableMemory", "Minimum"))
        if free is None or serverless(instance_class):
            continue
        if total is None:
            why = f"AWS tells what is free, and the memory of the class `{instance_class}` is not known here"
            draft.gaps.append(Gap(f"memory of {name}", why, ("memory",)))
        elif 0 <= free[2] <= total and (not fullest[0] or free[2] / total < fullest[1]):
            fullest = (name, free[2] / total)
    if not fullest[0]:
        return ""
    size = float(memory(classes[fullest[0]]) or 0)
    for _, end, value in found.points.get(of(fullest[0], "FreeableMemory", "Minimum"), ()):
        if value <= size:
            draft.readings.append(Reading("memory", size - value, end, quality=Quality.ESTIMATED))
    return classes[fullest[0]]


def show(draft: Draft, found: Found, name: str) -> None:
    """Show people the newest of what no metric is."""
    for metric, stat, title, factor, unit in SHOWN:
        if (point := found.newest(of(name, metric, stat))) is not None:
            draft.shown.append({"what": f"{title} of {name}", "value": f"{point[2] * factor:.4g}{unit}"})


def silent(draft: Draft, name: str, found: Found, wanted: Sequence[Series]) -> None:
    """Say that nothing was found: CloudWatch answers a wrong name so."""
    if not any(found.points.get(one) for one in wanted):
        why = f"CloudWatch has no points of `{name}`, which is not zero: does it run, and in this region?"
        draft.gaps.append(Gap("CloudWatch", why, ("cpu", "connections")))
