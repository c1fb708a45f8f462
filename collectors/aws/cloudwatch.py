"""CloudWatch: many series in one request, whole periods only, and what it says of each one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from advisor.collectors.aws.ask import Api
from advisor.core.model import Gap
from advisor.polling.body import Body
from advisor.polling.contract import Unexpected

__all__ = ["DATA", "LIST", "Found", "Series", "listed", "series", "window"]

DATA, LIST = "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"

_VERSION = "2010-08-01"
_AT_ONCE = 500  # Series in one request.
_PAGES = 20


@dataclass(frozen=True, slots=True)
class Series:
    """One metric with all its dimensions, how its points are made, and how long each covers (s)."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    stat: str
    period: int = 300


@dataclass(slots=True)
class Found:
    """Points by series, oldest first, each as the start and end of what it covers and its value."""

    points: dict[Series, list[tuple[datetime, datetime, float]]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    def newest(self, one: Series) -> tuple[datetime, datetime, float] | None:
        """Return a series' last point; None where it has none."""
        points = self.points.get(one)
        return points[-1] if points else None


def window(
    poll_since: datetime | None, now: datetime, first: timedelta, settle: timedelta, period: int
) -> datetime:
    """Return where to begin: `settle` before the last poll, at most `first` back, on the edge of a period."""
    start = now - first
    if poll_since is not None:
        start = max(start, poll_since - settle)
    return datetime.fromtimestamp(start.timestamp() // period * period, now.tzinfo)


async def series(api: Api, wanted: Sequence[Series], start: datetime, *, open_too: bool = False) -> Found:
    """Return the points of these series from `start` (of a whole period) to now.

    A period that is not over has no point, except with `open_too`, where it ends now.

    Raises:
        CollectError: CloudWatch cannot be reached, refuses, or answers in another shape.
    """
    found = Found()
    for place in range(0, len(wanted), _AT_ONCE):
        batch = wanted[place : place + _AT_ONCE]
        form = _asked(batch, start, api.poll.now)
        token = ""
        for _ in range(_PAGES):
            more = {"NextToken": token} if token else {}
            body = await api.query("monitoring", "GetMetricData", _VERSION, form | more, DATA)
            take(body, batch, found)
            next_token = body.get("NextToken")
            token = next_token.text() if next_token is not None else ""
            if not token:
                break
        else:
            found.gaps.append(
                Gap("older points", f"CloudWatch has more than {_PAGES} pages; ask for fewer parts")
            )
    now = api.poll.now
    for one, points in found.points.items():
        whole = {at: (at, end, value) for at, end, value in points if end <= now}
        if open_too:
            whole |= {at: (at, now, value) for at, end, value in points if at < now < end}
        found.points[one] = [whole[at] for at in sorted(whole)]
    return found


def _asked(batch: Sequence[Series], start: datetime, end: datetime) -> dict[str, str]:
    form = {
        "StartTime": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "EndTime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "ScanBy": "TimestampAscending",
    }
    for number, one in enumerate(batch, 1):
        query = f"MetricDataQueries.member.{number}"
        form[f"{query}.Id"] = f"q{number}"
        form[f"{query}.MetricStat.Period"] = str(one.period)
        form[f"{query}.MetricStat.Stat"] = one.stat
        metric = f"{query}.MetricStat.Metric"
        form[f"{metric}.Namespace"] = one.namespace
        form[f"{metric}.MetricName"] = one.name
        form |= _dimensions(f"{metric}.Dimensions", one.dimensions)
    return form


def _dimensions(at: str, dimensions: Iterable[tuple[str, str]]) -> dict[str, str]:
    form = {}
    for number, (name, value) in enumerate(dimensions, 1):
        form[f"{at}.member.{number}.Name"] = name
        form[f"{at}.member.{number}.Value"] = value
    return form


def take(body: Body, batch: Sequence[Series], found: Found) -> None:
    """Add what a page holds to `found`: a result may be partial or forbidden in an answer 200.

    Raises:
        Unexpected: It has another shape.
    """
    known = {f"q{number}": one for number, one in enumerate(batch, 1)}
    for result in body["MetricDataResults"].each():
        one = known.get(result.text("Id"))
        if one is None:
            raise result["Id"].unexpected("one that was asked for")
        code = result.get("StatusCode")
        said = code.text() if code is not None else "Complete"
        # A page of several says PartialData until the last one; without a next page it is a gap.
        if said in {"Forbidden", "InternalError"} or (
            said == "PartialData" and body.get("NextToken") is None
        ):
            found.gaps.append(Gap(one.name, f"CloudWatch says {said} of `{one.name}`; it is asked again"))
        stamps, values = (list(result[key].each()) for key in ("Timestamps", "Values"))
        if len(stamps) != len(values):
            raise Unexpected(
                f"{result.where}: `{result.path}` has {len(stamps)} times and {len(values)} values"
            )
        width = timedelta(seconds=one.period)
        points = found.points.setdefault(one, [])
        for stamp, value in zip(stamps, values, strict=True):
            at, number = stamp.time(), value.number()
            if number is not None:
                points.append((at, at + width, number))


async def listed(
    api: Api, namespace: str, dimension: tuple[str, str]
) -> tuple[list[Mapping[str, str]], bool]:
    """Return the metrics with this dimension, each as its dimensions and `MetricName`, and whether it is all.

    Raises:
        CollectError: CloudWatch cannot be reached, refuses, or answers in another shape.
    """
    form = {"Namespace": namespace} | _dimensions("Dimensions", [dimension])
    metrics: list[Mapping[str, str]] = []
    token = ""
    for _ in range(_PAGES):
        more = {"NextToken": token} if token else {}
        body = await api.query("monitoring", "ListMetrics", _VERSION, form | more, LIST)
        for metric in body["Metrics"].each():
            names = {one.text("Name"): one.text("Value") for one in metric["Dimensions"].each()}
            metrics.append({"MetricName": metric.text("MetricName"), **names})
        next_token = body.get("NextToken")
        token = next_token.text() if next_token is not None else ""
        if not token:
            return metrics, True
    return metrics, False
