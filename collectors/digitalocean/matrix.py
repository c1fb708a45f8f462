"""DigitalOcean's time series: a matrix as Prometheus answers it, values as texts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from advisor.polling.body import Body

__all__ = ["Series", "matrix"]


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its labels, and its finite values in time order."""

    labels: Mapping[str, str]
    points: Sequence[tuple[datetime, float]]


def matrix(body: Body) -> list[Series]:
    """Return the series of an answer; those without a value are left out."""
    if body.text("status") != "success":
        raise body["status"].unexpected("`success`")
    found = []
    for one in body["data"]["result"].each():
        labels = {key: value.text() for key, value in one["metric"].items()}
        points = []
        for pair in one["values"].each():
            both = list(pair.each())
            if len(both) != 2:
                raise pair.unexpected("a time with a value")
            at, value = both
            if value.value not in ("NaN", "+Inf", "-Inf") and (number := value.number()) is not None:
                points.append((_moment(at), number))
        if points:
            found.append(Series(labels, sorted(points)))
    return found


def _moment(at: Body) -> datetime:
    seconds = at.number()
    if seconds is None:
        raise at.unexpected("a time")
    return datetime.fromtimestamp(seconds, UTC)
