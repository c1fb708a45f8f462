"""Readings from a file: one JSON object a line, as docs/readings.md describes them."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from advisor.core.fleet import Fleet
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Limit, Metric, Observed, Quality, Reading, Subject, Term
from advisor.core.units import Unit, base
from advisor.errors import InputError
from advisor.faults import did_you_mean, sentence

#: Two days: how long a reading stays usable where no poll interval says otherwise (language.md, 16).
FRESH = 2 * 86400.0
_MAX_LINE = 1_000_000
_LEAVE_OUT = "leave the line out where nothing was measured"
_STATS = {"avg", "min", "max", "p50", "p75", "p90", "p95", "p99", "p99.9"}


#: Times outside of these are slips of a clock or of a unit, such as milliseconds taken for seconds.
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _time(value: Any) -> Any:
    """Take a time with a zone as text, and nothing that only looks like one."""
    if value is None or isinstance(value, datetime):
        return value
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"`{str(value)[:40]}` is no time; write such as 2026-11-01T00:00:00Z") from None
    if time.tzinfo is None:
        raise ValueError(f"needs a time zone, such as {time.isoformat()}Z")
    try:
        time = time.astimezone(UTC)
    except OverflowError:
        time = datetime.max.replace(tzinfo=UTC)
    if not _FIRST <= time < _LAST:
        raise ValueError(f"`{value}` is not between 1970 and 2200; look at the clock that wrote it")
    return time


Number = Annotated[float, Field(strict=True)]
Time = Annotated[datetime, BeforeValidator(_time)]


class Line(BaseModel):
    """One line. Levels have `at`; amounts, shares and histograms may have `from` and `to`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stack: str = ""
    service: str = ""
    account: str = ""
    metric: str
    value: Number | None = None
    unit: str = ""
    at: Time | None = None
    since: Time | None = Field(None, alias="from")
    to: Time | None = None
    stat: str = ""
    of: Number | None = None
    part: str = ""
    quality: Quality = Quality.MEASURED
    low: Number | None = None
    high: Number | None = None
    buckets: tuple[tuple[Number, Number], ...] = ()
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
            line = Line.model_validate(_object(text))
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


def _object(text: str) -> Any:
    match _json(text):
        case dict() as found:
            return found
        case _:
            raise ValueError('a line is one object, such as {"stack": "shop", "metric": "users", ...}')


def _json(text: str) -> Any:
    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is no reading; {_LEAVE_OUT}")

    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is not JSON ({error.msg} at column {error.colno})") from None
    except RecursionError:
        raise ValueError("this is nested too deeply for a reading") from None


def _said(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in Line.model_fields.items()]
        return f"no such key; {did_you_mean(str(error['loc'][-1]), known)}"
    return sentence(error, ())


def _observed(line: Line, fleet: Fleet) -> Observed | tuple[str, Term]:
    subject = _subject(line, fleet)
    metric = VOCABULARY.get(line.metric)
    if metric is None:
        near = did_you_mean(line.metric, VOCABULARY, otherwise="`advisor metrics list` names them all")
        raise ValueError(f"no metric `{line.metric}`; {near}")
    at = line.at or line.to or _FIRST
    _check_numbers(metric, line)
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
        since=line.since,
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


def _check_numbers(metric: Metric, line: Line) -> None:
    for value in (line.value, line.of, line.low, line.high):
        if value is not None and not math.isfinite(value):
            raise ValueError(f"a reading is a finite number; {_LEAVE_OUT}")
        if value is not None and value < 0 and metric.unit is not Unit.USD:  # Money may come back.
            raise ValueError(f"`{metric.name}` cannot be negative; {_LEAVE_OUT}")
    if line.low is not None and line.high is not None and line.low > line.high:
        raise ValueError("`low` is above `high`; exchange them")


def _check(metric: Metric, line: Line) -> None:
    if line.of is not None and metric.kind is not Kind.SHARE:
        raise ValueError(f"`of` is the whole of a share, and `{metric.name}` is none; leave it out")
    if metric.kind is Kind.AMOUNT and line.since is None:
        raise ValueError(f"`{metric.name}` is an amount: it needs `from` and `to`")
    if metric.kind is Kind.DISTRIBUTION and not line.buckets and line.stat not in _STATS:
        raise ValueError(f"`{metric.name}` is many values: say which in `stat` ({', '.join(sorted(_STATS))})")
    if metric.kind is Kind.SHARE and line.of is not None and not 0 <= (line.value or 0) <= line.of:
        raise ValueError("a share's `value` lies between 0 and `of`")
    if metric.kind is Kind.SHARE and line.of is None and _base(metric, line.value or 0, line.unit) > 1:
        raise ValueError('a share is at most 1: give its whole as `of`, or write `"unit": "%"`')
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
    if not math.isfinite(number):
        raise ValueError(f"{value:g} {unit} is more than can be counted; look at the unit")
    return number
