"""Any HTTP endpoint that answers JSON: any metric of the vocabulary, named by JMESPath.

API     GET, or POST with a body, on one `url`.
Token   whatever the endpoint wants, in `headers`; reading is enough.
Quirks  null or nothing at the path is no reading, never zero. Texts that are clean numbers are numbers. A
        counter (`counter: true`) becomes amounts between two polls; where it falls, it was reset.
"""  # It is `advisor.collectors.http`, beside no one.

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from advisor.collectors._vocabulary import Address, checked_stat, known, scale
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Kind, Limit, Metric, Reading, Term
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Unexpected
from advisor.polling.fetch import fetch, place
from advisor.polling.reply import plain

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Measure", "Settings", "collect", "parse"]

PROVIDER = "http"
METRICS = tuple(VOCABULARY.values())
SCOPES = ("read",)
INTERVAL = 60.0
ABOUT = About(
    title="HTTP endpoint",
    access=(Access(Tier.READ, "whatever the endpoint wants, to read", "the metrics that you name"),),
    connect=("Take a credential that may only read the endpoint.", "Put it into `headers:` as ${NAME}."),
)

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_LONGEST_BUCKET = timedelta(hours=1)
_MILLISECONDS_FROM = 1e11  # As seconds that is the year 5138.


class Measure(BaseModel):
    """Where one metric stands in the answer; paths are JMESPath."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    path: str = Field(description="To the value, or to a list of them beside `part`.")
    unit: str = Field("", description="Unit of the value where it is not the metric's own: MB, ms, %.")
    kind: Kind | None = Field(None, description="Checked against the metric's kind; may be left out.")
    stat: str = Field("", description="For a distribution: which number the value is: avg, p95, ...")
    of: str = Field("", description="For a share: path to the whole; `path` is then the part.")
    part: str = Field("", description="Path to the part's name, or to as many names as there are values.")
    limit: str = Field("", description="Path to the limit that the endpoint reports, in the same unit.")
    limit_kind: Limit | None = Field(None, description="Which limit that is; by default the quota.")
    since: str = Field("", description="For an amount or share: path to the start of what it covers.")
    at: str = Field("", description="Path to the time of the value, or the end of what it covers.")
    counter: bool = Field(False, description="For an amount: the value only grows, until it is reset.")

    @field_validator("path", "of", "part", "limit", "since", "at")
    @classmethod
    def _compiles(cls, path: str) -> str:
        try:
            if path.strip():
                jmespath.compile(path)
        except JMESPathError as error:
            raise ValueError(
                f"`{plain(path)}` is no JMESPath ({plain(str(error).partition(':')[2].splitlines()[0])})"
            ) from None
        return path

    @field_validator("path")
    @classmethod
    def _is_there(cls, path: str) -> str:
        if not path.strip():
            raise ValueError("`path` is empty; a path to the value is needed, such as `usage.storage`")
        return path


def _as_text(body: Any) -> Any:
    return json.dumps(body) if isinstance(body, dict | list) else body


class Settings(BaseModel):
    """What advisor.yaml says about a service behind an HTTP endpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Address = Field(description="What is asked; variables in it are percent-encoded.")
    headers: dict[str, SecretStr] = Field({}, description="Sent along, such as Authorization.")
    method: Literal["GET", "POST"] = "GET"
    body: Annotated[SecretStr | None, BeforeValidator(_as_text)] = Field(
        None, description="For POST: a text, or keys and values that are sent as JSON."
    )
    metrics: dict[str, Measure] = Field(description="A metric's name to its place.", min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        if self.body is not None and self.method != "POST":
            raise ValueError("a `body` is sent with `method: POST`")
        for name, measure in self.metrics.items():
            _check(known(name, measure.kind), measure)
        return self


def _check(metric: Metric, measure: Measure) -> None:
    name = metric.name
    scale(metric, measure.unit)
    checked_stat(metric, measure.stat)
    if measure.of and (metric.kind is not Kind.SHARE or measure.unit):
        raise ValueError(f"`{name}`: `of` is for a share, part over whole, and then there is no `unit`")
    if measure.counter and (metric.kind is not Kind.AMOUNT or measure.since or measure.at):
        raise ValueError(f"`{name}`: `counter` is for an amount, and covers the time between two polls")
    if metric.kind is Kind.AMOUNT and not measure.counter and not measure.since:
        raise ValueError(
            f"`{name}` is an amount: of which time? `since`: the path to its start, or `counter: true` "
            "where the value only grows"
        )
    if measure.since and metric.kind is Kind.LEVEL:
        raise ValueError(f"`{name}` is a level, a value at a moment: leave `since` out")
    if measure.limit and not metric.limits:
        raise ValueError(f"`{name}` has no limit: leave `limit` out")
    if measure.limit_kind is not None and measure.limit_kind not in metric.limits:
        has = ", ".join(sorted(metric.limits)) or "none"
        raise ValueError(f"`{name}` has no {measure.limit_kind}; it has: {has}")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what the endpoint says now.

    Raises:
        CollectError: It cannot be reached or refuses, or nothing that is asked for has the right shape.
    """
    url = settings.url.get_secret_value()
    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    content = settings.body.get_secret_value().encode() if settings.body is not None else None
    if content is not None and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json"
    where = f"the endpoint at {place(url)}"
    reply = await fetch(
        poll.http, url, where=where, now=poll.now, method=settings.method, headers=headers, content=content
    )
    return parse(reply.ok().json(), settings, poll.now, poll.since, poll.previous, where)


class _NoValueError(Exception):
    """There is none: null or missing."""


class _WrongShapeError(Exception):
    """Something else is there."""


@dataclass(slots=True)
class _Found:
    readings: list[Reading] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    counters: dict[str, tuple[float, float]] = field(default_factory=dict)


def parse(
    body: Any,
    settings: Settings,
    now: datetime,
    since: datetime | None = None,
    previous: Mapping[str, Any] | None = None,
    where: str = "the endpoint",
) -> Answer:
    """Turn an answer into readings, limits and gaps. Pure.

    `since` is the last poll, `previous` what it kept: the counters, as (value, epoch seconds).

    Raises:
        Unexpected: Nothing that is asked for has the right shape.
    """
    before = (previous or {}).get("counters", {})
    found, wrong = _Found(), []
    for name, measure in settings.metrics.items():
        metric = VOCABULARY[name]
        try:
            _read(body, metric, measure, now, since, before, found)
        except _NoValueError as error:
            found.gaps.append(Gap(name, f"{where}: {error}, which is not zero", (name,)))
        except _WrongShapeError as error:
            wrong.append(f"{where}: {error}")
            found.gaps.append(Gap(name, wrong[-1], (name,)))
        if measure.limit:
            _limit(body, metric, measure, now, where, found)
    if len(wrong) == len(settings.metrics):
        raise Unexpected(wrong[0])
    kept = {key: value for key, value in before.items() if key.partition("/")[0] in settings.metrics}
    kept |= found.counters
    return Answer(found.readings, found.terms, found.gaps, {"counters": kept} if kept else {})


def _read(
    body: Any,
    metric: Metric,
    measure: Measure,
    now: datetime,
    polled: datetime | None,
    before: Mapping[str, Any],
    found: _Found,
) -> None:
    values = _values(body, measure.path, "part" if measure.part else "")
    wholes = _values(body, measure.of, "of") if measure.of else []
    parts = _parts(body, measure, len(values)) if measure.part else [""]
    if wholes and len(wholes) != len(values):
        raise _WrongShapeError(f"`{measure.of}` gives {len(wholes)} values, `{measure.path}` {len(values)}")
    at = _time(body, measure.at) if measure.at else now
    start = _time(body, measure.since) if measure.since else None
    if metric.kind is Kind.SHARE and start is None:
        start = max(polled or now, at - _LONGEST_BUCKET)
        start = start if start < at else at - timedelta(seconds=INTERVAL)
    factor = scale(metric, measure.unit)
    for index, (part, raw) in enumerate(zip(parts, values, strict=True)):
        value = _number(raw, measure.path) * factor
        of = None
        if metric.kind is Kind.SHARE:
            of = _number(wholes[index], measure.of) if wholes else 1.0
            if of == 0:
                raise _NoValueError(f"`{measure.of}` is 0, so there is no share of it")
        if measure.counter:
            _count(metric.name, part, value, now, before, found)
        else:
            found.readings.append(Reading(metric.name, value, at, start, part, measure.stat, of))


def _count(
    name: str, part: str, value: float, now: datetime, before: Mapping[str, Any], found: _Found
) -> None:
    """Turn a counter into what it counted since the last poll."""
    key = f"{name}/{part}"
    found.counters[key] = (value, now.timestamp())
    if key not in before:
        found.gaps.append(
            Gap(name, f"`{name}` is a counter: its first amount comes with the next poll", (name,))
        )
        return
    last, then = before[key]
    start = datetime.fromtimestamp(then, UTC)
    if start < now:
        # A counter that fell began again from 0: what it shows now is what came since.
        amount = value - last if value >= last else value
        found.readings.append(Reading(name, amount, now, start, part))


def _limit(body: Any, metric: Metric, measure: Measure, now: datetime, where: str, found: _Found) -> None:
    which = measure.limit_kind or (Limit.QUOTA if Limit.QUOTA in metric.limits else min(metric.limits))
    try:
        value = _number(_search(body, measure.limit), measure.limit) * scale(metric, measure.unit)
    except (_NoValueError, _WrongShapeError) as error:
        found.gaps.append(
            Gap(f"limit of {metric.name}", f"{where}: {error}: the limit is not known", (metric.name,))
        )
    else:
        found.terms.append(Term("limit", value, where, now, metric.name, which))


def _search(body: Any, path: str) -> Any:
    try:
        return jmespath.search(path, body)
    except JMESPathError as error:
        raise _WrongShapeError(f"`{path}` does not fit the answer{_misfit(error)}") from None


def _misfit(error: JMESPathError) -> str:
    # The error's own text repeats the value, which may be a secret.
    function, was = getattr(error, "function_name", ""), getattr(error, "actual_type", "")
    return f": {function}() was given a {was}" if function and was else ""


def _values(body: Any, path: str, part: str) -> list[Any]:
    """Return the values at `path`: one, or where `part` names them or `of` stands beside them, a list."""
    value = _search(body, path)
    if isinstance(value, list):
        if not part:
            raise _WrongShapeError(
                f"`{path}` is {_what(value)}: name its `part`, or make one number: sum(...)"
            )
        return value
    return [value]


def _parts(body: Any, measure: Measure, count: int) -> Sequence[str]:
    names = _search(body, measure.part)
    names = names if isinstance(names, list) else [names]
    if len(names) != count or not all(isinstance(name, str | int) for name in names):
        raise _WrongShapeError(f"`{measure.part}` is {_what(names)}, not a name for each of {count} values")
    texts = [plain(str(name)) for name in names]
    if len(set(texts)) < len(texts):
        raise _WrongShapeError(f"`{measure.part}` names two parts alike")
    return texts


def _number(value: Any, path: str) -> float:
    number = math.nan
    match value:
        case None:
            raise _NoValueError(f"`{path}` is null or missing")
        case bool():
            pass
        case int() | float():
            number = _float(value)
        case str() if _NUMBER.fullmatch(value.strip()):
            number = _float(value)
        case _:
            pass
    if not math.isfinite(number):
        raise _WrongShapeError(f"`{path}` is {_what(value)}, not a number")
    return number


def _float(value: float | str) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _time(body: Any, path: str) -> datetime:
    value = _search(body, path)
    if value is None:
        raise _NoValueError(f"`{path}` is null or missing")
    try:
        if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
            at = datetime.fromisoformat(value.strip())
            if at.tzinfo is None:
                raise _WrongShapeError(f"`{path}` is a time without a zone")
            return at.astimezone(UTC)
        seconds = _number(value, path)
        return datetime.fromtimestamp(seconds / 1000 if seconds > _MILLISECONDS_FROM else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise _WrongShapeError(f"`{path}` is {_what(value)}, not a time") from None


def _what(value: Any) -> str:
    """Say what is there without repeating it: it may be a secret."""
    match value:
        case bool():
            return "true or false"
        case str():
            return f"a text of {len(value)} characters"
        case list():
            return f"a list of {len(value)}"
        case dict():
            keys = ", ".join(plain(str(key), 30) for key in list(value)[:8])
            return f"an object with {keys}{', …' if len(value) > 8 else ''}" if value else "an empty object"
        case int() | float():
            return "a number too large"
        case _:
            return "null"
