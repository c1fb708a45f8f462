"""Readings from a file: one JSON object a line, as docs/readings.md describes them."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from advisor.core.fleet import Fleet
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Limit, Metric, Observed, Quality, Reading, Subject, Term
from advisor.core.units import base
from advisor.errors import InputError

#: Two days: how long a reading stays usable where no poll interval says otherwise (language.md, 16).
FRESH = 2 * 86400.0
_MAX_LINE = 1_000_000
_STATS = {"avg", "min", "max", "p50", "p75", "p90", "p95", "p99", "p99.9"}


class Line(BaseModel):
    """One line. Levels have `at`; amounts, shares and histograms may have `from` and `to`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stack: str = ""
    service: str = ""
    account: str = ""
    metric: str
    value: float | None = None
    unit: str = ""
    at: datetime | None = None
    since: datetime | None = Field(None, alias="from")
    to: datetime | None = None
    stat: str = ""
    of: float | None = None
    part: str = ""
    quality: Quality = Quality.MEASURED
    low: float | None = None
    high: float | None = None
    buckets: tuple[tuple[float, float], ...] = ()
    limit: Limit | None = None

    @model_validator(mode="after")
    def _times(self) -> "Line":
        if (self.at is None) == (self.to is None):
            raise ValueError("a line has `at`, or `from` and `to`")
        if not self.stack and not self.account:
            raise ValueError("a line has `stack`, or `account` for what an account itself reports")
        if self.value is None and not self.buckets:
            raise ValueError("`value` is missing; only `buckets` may stand alone")
        if self.to is not None and self.since is None:
            raise ValueError("`to` needs `from`")
        for name, time in (("at", self.at), ("from", self.since), ("to", self.to)):
            if time is not None and time.tzinfo is None:
                raise ValueError(f"`{name}` needs a time zone, such as {time.isoformat()}Z")
        if self.since and self.to and self.since >= self.to:
            raise ValueError("`from` must be before `to`")
        return self


def read_lines(lines: Iterable[str], fleet: Fleet, file: str) -> Iterator[Observed | tuple[str, Term]]:
    """Yield a reading, or a limit that a service reported (`"limit": "max"`), for every line.

    Raises:
        InputError: names file, line, key and the way out.
    """
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        if len(text) > _MAX_LINE:
            raise InputError(
                "this line is longer than 1 MB; write one reading a line", file=file, line=number
            )
        try:
            line = Line.model_validate(_json(text))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise InputError(_said(first), file=file, line=number, key=key) from None
        except ValueError as error:
            raise InputError(str(error), file=file, line=number) from None
        try:
            yield _observed(line, fleet)
        except ValueError as error:
            raise InputError(str(error), file=file, line=number) from None


def _json(text: str) -> Any:
    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is no reading; leave the line out where nothing was measured")

    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is not JSON ({error.msg} at column {error.colno})") from None
    except RecursionError:
        raise ValueError("this is nested too deeply for a reading") from None


def _said(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        known = ", ".join(sorted(field.alias or name for name, field in Line.model_fields.items()))
        return f"no such key; known are {known}"
    if error["type"] == "missing":
        return "is missing"
    return str(error["msg"]).removeprefix("Value error, ")


def _observed(line: Line, fleet: Fleet) -> Observed | tuple[str, Term]:
    subject = _subject(line, fleet)
    metric = VOCABULARY.get(line.metric)
    if metric is None:
        raise ValueError(f"no metric `{line.metric}`; `advisor metrics list` names them all")
    at = (line.at or line.to or datetime.min.replace(tzinfo=UTC)).astimezone(UTC)
    if line.limit is not None:
        if line.value is None:
            raise ValueError("a limit needs `value`")
        value = _base(metric, line.value, line.unit)
        return subject, Term("limit", value, "readings", at, metric.name, line.limit, line.part)
    _check(metric, line)
    buckets = tuple((_edge(metric, edge, line.unit), count) for edge, count in line.buckets)
    low, high = (None if end is None else _base(metric, end, line.unit) for end in (line.low, line.high))
    if line.value is None:
        low, value, high = mean_of(buckets)
    else:
        value = _value(metric, line.value, line)
    reading = Reading(
        metric.name,
        value,
        at,
        since=line.since.astimezone(UTC) if line.since else None,
        part=line.part,
        stat=line.stat,
        of=line.of,
        low=low,
        high=high,
        buckets=buckets,
        quality=line.quality,
    )
    return Observed(reading, subject, "readings", at, metric.fresh or FRESH)


def _subject(line: Line, fleet: Fleet) -> str:
    if line.account and not line.service:
        if line.account not in fleet.account:
            known = ", ".join(sorted(fleet.account)) or "none"
            raise ValueError(f"no account `{line.account}` in the configuration; known: {known}")
        return Subject(account=line.account).key
    if line.stack not in fleet.stack:
        known = ", ".join(sorted(fleet.stack)) or "none"
        raise ValueError(f"no stack `{line.stack}` in the configuration; known: {known}")
    key = Subject(stack=line.stack, service=line.service).key
    if line.service and key not in fleet.service:
        known = ", ".join(service.key for service in fleet.stack[line.stack].services) or "none"
        raise ValueError(f"stack `{line.stack}` has no service `{line.service}`; known: {known}")
    return key


def _check(metric: Metric, line: Line) -> None:
    for value in (line.value, line.of, line.low, line.high):
        if value is not None and not math.isfinite(value):
            raise ValueError("a reading is a finite number; leave the line out where nothing was measured")
    if line.value is not None and line.value < 0:
        raise ValueError(f"`{metric.name}` cannot be negative")
    if metric.kind is Kind.AMOUNT and line.since is None:
        raise ValueError(f"`{metric.name}` is an amount: it needs `from` and `to`")
    if metric.kind is Kind.DISTRIBUTION and not line.buckets and line.stat not in _STATS:
        raise ValueError(f"`{metric.name}` is many values: say which in `stat` ({', '.join(sorted(_STATS))})")
    if metric.kind is Kind.SHARE and line.of is not None and not 0 <= (line.value or 0) <= line.of:
        raise ValueError("a share's `value` lies between 0 and `of`")
    edges = [edge for edge, _ in line.buckets]
    if edges != sorted(set(edges)) or any(edge <= 0 for edge in edges):
        raise ValueError("`buckets` are [upper edge, count], the edges above 0 and rising")
    if any(not (math.isfinite(count) and count >= 0) for _, count in line.buckets):
        raise ValueError("counts in `buckets` are numbers from 0 on")


def mean_of(buckets: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Return the least, the likeliest and the highest mean that a histogram leaves open."""
    count = sum(number for _, number in buckets)
    if count <= 0:
        return 0.0, 0.0, 0.0
    low = middle = high = start = 0.0
    for edge, number in buckets:
        end = edge if math.isfinite(edge) else start
        low, high = low + start * number, high + (edge * number if number else 0.0)
        middle, start = middle + (start + end) / 2 * number, end
    return low / count, middle / count, high / count


def _edge(metric: Metric, edge: float, unit: str) -> float:
    return edge if math.isinf(edge) else _base(metric, edge, unit)


def _value(metric: Metric, value: float, line: Line) -> float:
    # A share with `of` counts parts and wholes of any unit: only their ratio matters.
    if metric.kind is Kind.SHARE and line.of is not None:
        return value
    return _base(metric, value, line.unit)


def _base(metric: Metric, value: float, unit: str) -> float:
    if not unit:
        return value
    number, found = base(value, unit)
    if found is not metric.unit:
        raise ValueError(f"`{metric.name}` is in {metric.unit}; `{unit}` does not fit")
    return number
