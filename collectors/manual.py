"""Figures that you copy by hand: any metric of the vocabulary, with the date at which it was so.

API     none: nothing is asked. What advisor.yaml says is read at each poll.
Token   none.
Quirks  A figure is as old as its date, whenever it is read: eight days after it is stale, and says so. A day
        given as `to` counts whole, today up to now; days begin in the account's time zone.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from advisor.collectors._vocabulary import checked_stat, known
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Kind, Metric, Quality, Reading
from advisor.core.units import Unit, example, read
from advisor.polling.contract import About, Access, Answer, Poll, Tier

__all__ = [
    "ABOUT",
    "FRESH",
    "INTERVAL",
    "METRICS",
    "PROVIDER",
    "SCOPES",
    "Settings",
    "Stated",
    "collect",
    "parse",
]

PROVIDER = "manual"
METRICS = tuple(VOCABULARY.values())
SCOPES = ("none",)
INTERVAL = 3600.0
FRESH = 8 * 86400.0  #: A week between two entries, and a day of grace.
ABOUT = About(
    title="Entry by hand",
    access=(Access(Tier.NOTHING, "none: you copy the figures", "the metrics that you state"),),
    delay="as old as the dates that you write",
    connect=(
        "Open the provider's usage page.",
        "Write each figure with its date under `manual:` of the service.",
        "Do it again each week: after eight days a figure is stale, and the digest says so.",
    ),
    example={"storage": {"value": "3GB", "at": "2026-11-20"}},
)

_FORM = "write a day such as 2026-11-20, or a time with its zone such as 2026-11-20T09:00:00Z"


class Stated(BaseModel):
    """One figure: a value at a time (`at`), or of the time `from` ... `to`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    value: str | float = Field(description="With its unit: 3GB, 240ms, 12%, 800.")
    at: date | datetime | None = Field(None, description="A level's or quantile's time.")
    since: date | datetime | None = Field(None, alias="from", description="Where an amount or share begins.")
    to: date | datetime | None = Field(None, description="Where it ends; a day counts whole.")
    stat: str = Field("", description="Of a distribution: avg, p95, ...")

    @field_validator("at", "since", "to", mode="before")
    @classmethod
    def _time(cls, written: Any) -> Any:
        if not isinstance(written, str):
            return written
        try:
            if len(written) == len("2026-11-20"):
                return date.fromisoformat(written)
            at = datetime.fromisoformat(written)
        except ValueError:
            raise ValueError(f"is no time; {_FORM}") from None
        if at.tzinfo is None:
            raise ValueError(f"has no time zone; {_FORM}")
        return at


class Settings(BaseModel):
    """What advisor.yaml states about a service, a metric each; `readings` is not written."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    readings: dict[str, Stated] = Field(description="A metric's name to its figure.", min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _by_metric(cls, data: Any) -> Any:
        return {"readings": data} if isinstance(data, Mapping) and set(data) != {"readings"} else data

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        for name, stated in self.readings.items():
            _check(known(name, None), stated)
        return self


def _check(metric: Metric, stated: Stated) -> None:
    name = metric.name
    checked_stat(metric, stated.stat)
    value = _value(metric, stated)
    if value < 0 and metric.unit is not Unit.USD:
        raise ValueError(f"`{name}` is below zero")
    if metric.kind in {Kind.LEVEL, Kind.DISTRIBUTION}:
        if stated.at is None or stated.since is not None or stated.to is not None:
            raise ValueError(f"`{name}` is a value at a time: write `at`, such as `at: 2026-11-20`")
    elif stated.since is None or stated.to is None or stated.at is not None:
        raise ValueError(f"`{name}` is of a stretch of time: write `from` and `to`, the last day you know of")
    if metric.kind is Kind.SHARE and value > 1:
        raise ValueError(f"`{name}` is a share of at most 100%")


def _value(metric: Metric, stated: Stated) -> float:
    """Return a figure in the metric's base unit."""
    try:
        value, unit = read(stated.value if isinstance(stated.value, str) else f"{stated.value:.6f}")
    except ValueError as error:
        raise ValueError(f"`{metric.name}`: {error}") from None
    if unit is not metric.unit and not (unit is Unit.COUNT and metric.unit is Unit.USD):
        raise ValueError(f"`{metric.name}`: `{stated.value}` does not fit; write {example(metric.unit)}")
    return value


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what is stated, as it was at its dates.

    Raises:
        CollectError: Never; what is stated of the future is a gap.
    """
    return parse(settings, poll.now.astimezone(UTC), poll.account.timezone)


def parse(settings: Settings, now: datetime, timezone: str = "UTC") -> Answer:
    """Turn what is stated into readings of quality manual. Pure; `timezone` is where days begin."""
    zone = ZoneInfo(timezone)
    readings, gaps = [], []
    for name, stated in settings.readings.items():
        metric = VOCABULARY[name]
        since = _moment(stated.since, zone) if stated.since is not None else None
        at = _moment(stated.at, zone) if stated.at is not None else None
        if stated.to is not None:
            at = min(_moment(stated.to, zone, whole=True), now)
        if at is None or at > now or (since is not None and since >= at):
            why = f"`{name}` is stated of a time that has not come, or ends before it begins"
            gaps.append(Gap(name, why, (name,)))
            continue
        of = 1.0 if metric.kind is Kind.SHARE else None
        value = _value(metric, stated)
        readings.append(Reading(name, value, at, since, "", stated.stat, of, quality=Quality.MANUAL))
    return Answer(readings, gaps=gaps)


def _moment(day: date | datetime, zone: ZoneInfo, *, whole: bool = False) -> datetime:
    """Return a stated time in UTC; of a day its beginning, or its end where it counts whole."""
    if isinstance(day, datetime):
        return day.astimezone(UTC)
    return datetime.combine(day + timedelta(days=whole), time(), zone).astimezone(UTC)
