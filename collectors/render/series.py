"""Render's time series: which there are, what their units mean, and the readings that they make. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from advisor.core.model import Gap, Limit, Reading, Term
from advisor.core.units import Unit
from advisor.polling.body import Body
from advisor.polling.contract import Answer
from advisor.polling.reply import plain

__all__ = ["AMOUNTS", "LEVELS", "Amount", "Level", "Question", "level"]

SOURCE = "provider API: Render"
_KEPT = timedelta(days=29)  # History reaches 30 days back.
_AGAIN = 2  # Steps that are asked for once more, as late points correct them.

#: What Render's unit words mean, in ours; a word that is not here is said and not guessed.
_UNITS: Mapping[Unit, Mapping[str, float]] = {
    Unit.BYTES: {
        "bytes": 1, "byte": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
        "kib": 2**10, "mib": 2**20, "gib": 2**30,
    },
    Unit.SECONDS: {"ms": 1e-3, "milliseconds": 1e-3, "s": 1, "seconds": 1, "second": 1},
    Unit.RATIO: {"cpu": 1, "cpus": 1, "cores": 1, "vcpu": 1, "mcpu": 1e-3, "millicpu": 1e-3},
    Unit.COUNT: {"unitless": 1, "": 1, "count": 1, "instances": 1, "connections": 1, "requests": 1},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Level:
    """A value at a moment: Render's name of it, ours, the series of its limit, and which ids have it."""

    name: str
    metric: str
    unit: Unit
    limit: str = ""
    kinds: tuple[str, ...] = ("srv-", "crn-", "dpg-", "red-")


LEVELS = (
    Level("cpu", "cpu", Unit.RATIO, "cpu-limit"),
    Level("memory", "memory", Unit.BYTES, "memory-limit"),
    Level("disk-usage", "disk_used", Unit.BYTES, "disk-capacity"),
    Level("instance-count", "instances", Unit.COUNT),
    Level("active-connections", "connections", Unit.COUNT, kinds=("dpg-", "red-")),
    Level("replication-lag", "replication_lag", Unit.SECONDS, kinds=("dpg-",)),
)


@dataclass(frozen=True, slots=True)
class Series:
    """One series in base units. `part` names whose it is."""

    labels: Mapping[str, str]
    points: Sequence[tuple[datetime, float]]

    @property
    def part(self) -> str:
        """Return the instance, else the resource."""
        return self.labels.get("instance") or self.resource

    @property
    def resource(self) -> str:
        """Return the resource, as far as the labels name it."""
        return self.labels.get("resource") or self.labels.get("service") or ""


def read(body: Body, unit: Unit, metric: str) -> tuple[list[Series], list[Gap]]:
    """Return the series of an answer in our base unit; one whose unit is not known is a gap."""
    found: list[Series] = []
    gaps: dict[str, Gap] = {}
    for one in body.each():
        said = one.get("unit")
        word = said.text() if said is not None else ""
        factor = _UNITS[unit].get(word.strip().lower())
        if factor is None:
            why = (
                f"Render gives it in `{plain(word, 20)}`, which is no unit of {unit} known here; not guessed"
            )
            gaps[word] = Gap(metric, why, (metric,))
            continue
        labels = {label.text("field"): label.text("value") for label in one["labels"].each()}
        points = [
            (point.time("timestamp"), value * factor)
            for point in one["values"].each()
            if (value := point.number("value")) is not None
        ]
        found.append(Series(labels, sorted(points)))
    return found, list(gaps.values())


def level(wanted: Level, body: Body, most: Body | None) -> Answer:
    """Give the newest value of each series; CPU over its limit, else the limit of the fullest beside it."""
    found, gaps = read(body, wanted.unit, wanted.metric)
    limits, more = read(most, wanted.unit, wanted.metric) if most is not None else ([], [])
    newest = [(one, *one.points[-1]) for one in found if one.points]
    readings: list[Reading] = []
    judged: list[tuple[float, float, datetime]] = []
    for one, at, value in newest:
        limit = _limit_of(one, limits)
        if wanted.metric == "cpu":
            if limit:
                readings.append(Reading("cpu", value / limit, at, part=one.part))
            else:
                more.append(Gap("cpu", f"Render gives no limit of {one.part or 'it'}: no share", ("cpu",)))
            continue
        readings.append(Reading(wanted.metric, value, at, part=one.part))
        if limit:
            judged.append((value, limit, at))
        if wanted.metric == "disk_used" and limit:
            readings.append(Reading("disk_size", limit, at, part=one.part))
    gaps += more
    terms = []
    if judged and wanted.metric == "memory":
        _, limit, at = max(judged)
        terms = [
            Term("limit", limit, SOURCE, at, "memory", which) for which in (Limit.QUOTA, Limit.AVAILABLE)
        ]
    elif judged:
        at = max(at for _, _, at in judged)
        whole = sum(limit for _, limit, _ in judged)
        terms = [Term("limit", whole, SOURCE, at, wanted.metric, Limit.QUOTA)]
    return Answer(readings, terms, list(dict.fromkeys(gaps)))


def _limit_of(one: Series, limits: Sequence[Series]) -> float | None:
    """Return the limit of the same instance, else of the same resource, else the only one there is."""
    told = [limit for limit in limits if limit.points]
    instance = one.labels.get("instance")
    same = [limit for limit in told if instance and limit.labels.get("instance") == instance]
    same = same or [limit for limit in told if one.resource and limit.resource == one.resource]
    same = same or (told if len(told) == 1 and not (one.resource and told[0].resource) else [])
    return same[0].points[-1][1] if same else None


@dataclass(frozen=True, slots=True)
class Question:
    """One request of an amount's: what is added to its query, and how the answer is read."""

    parse: Callable[[Body, float, datetime], Answer]
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Amount:
    """What is counted by steps of `width` seconds; a first look goes back by `first`."""

    key: str
    name: str
    metrics: tuple[str, ...]
    width: float
    first: timedelta
    ask: tuple[Question, ...]
    query: Mapping[str, str] = field(default_factory=dict)

    def span(self, now: datetime, covered: float | None) -> tuple[datetime, datetime]:
        """Return from where to where is asked: whole steps, the newest known ones once more."""
        end = now.timestamp() // self.width * self.width
        start = end - self.first.total_seconds() if covered is None else covered - _AGAIN * self.width
        start = max(start, end - _KEPT.total_seconds())
        return datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)


def bandwidth(body: Body, width: float, end: datetime) -> Answer:
    """Give the bytes sent in each hour, all services together."""
    found, gaps = read(body, Unit.BYTES, "egress")
    step = timedelta(seconds=width)
    sent: dict[datetime, float] = {}
    for one in found:
        for at, value in one.points:
            if at + step <= end:
                sent[at] = sent.get(at, 0.0) + value
    readings = [Reading("egress", value, at + step, at) for at, value in sorted(sent.items())]
    return Answer(readings, gaps=gaps)


def answers(body: Body, width: float, end: datetime) -> Answer:
    """Give how many answers and how many of 5xx there were in each step, all services together."""
    found, gaps = read(body, Unit.COUNT, "requests")
    step = timedelta(seconds=width)
    total: dict[datetime, float] = {}
    failed: dict[datetime, float] = {}
    told = False
    for one in found:
        status = _status(one.labels)
        told |= bool(status)
        for at, value in one.points:
            if at + step <= end:
                total[at] = total.get(at, 0.0) + value
                failed[at] = failed.get(at, 0.0) + (value if status.startswith("5") else 0.0)
    readings = [Reading("requests", count, at + step, at) for at, count in sorted(total.items())]
    if told:
        readings += [
            Reading("error_rate", failed[at], at + step, at, of=count)
            for at, count in sorted(total.items())
            if count > 0
        ]
    elif total:
        gaps.append(Gap("error_rate", "Render's answer does not tell status codes apart", ("error_rate",)))
    return Answer(readings, gaps=gaps)


def _status(labels: Mapping[str, str]) -> str:
    """Return the status code that a label names; how it spells that is not confirmed."""
    return next((text for key, text in labels.items() if key.lower().replace("_", "") == "statuscode"), "")


def latency(stat: str) -> Callable[[Body, float, datetime], Answer]:
    """Return what reads one quantile of durations; of several services the slowest stands for all."""

    def parse(body: Body, width: float, end: datetime) -> Answer:
        found, gaps = read(body, Unit.SECONDS, "response_time")
        step = timedelta(seconds=width)
        slowest: dict[datetime, float] = {}
        for one in found:
            for at, value in one.points:
                if at + step <= end:
                    slowest[at] = max(slowest.get(at, 0.0), value)
        readings = [
            Reading("response_time", value, at + step, at, stat=stat)
            for at, value in sorted(slowest.items())
            if value > 0  # A step without requests has no duration.
        ]
        return Answer(readings, gaps=gaps)

    return parse


AMOUNTS = (
    Amount("bandwidth", "bandwidth", ("egress",), 3600.0, timedelta(days=29), (Question(bandwidth),)),
    Amount(
        "answers",
        "http-requests",
        ("requests", "error_rate"),
        300.0,
        timedelta(hours=6),
        (Question(answers, {"aggregateBy": "statusCode"}),),
        {"resolutionSeconds": "300"},
    ),
    Amount(
        "durations",
        "http-latency",
        ("response_time",),
        300.0,
        timedelta(hours=6),
        tuple(
            Question(latency(stat), {"quantile": quantile})
            for stat, quantile in (("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99"))
        ),
        {"resolutionSeconds": "300"},
    ),
)
