"""What a Prometheus-compatible server answers, as points. Pure."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.polling.contract import Unexpected
from advisor.polling.reply import plain

__all__ = ["Data", "Point", "Points", "data_of", "error_in", "points", "quoted"]

_Series = tuple[Mapping[str, str], Sequence[tuple[float, str]]]


@dataclass(frozen=True, slots=True)
class Data:
    """The result of a query: series as (labels, [(time, value as text)]), and what makes it partial."""

    series: Sequence[_Series]
    partial: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """A finite value at a time (epoch seconds), of a part."""

    value: float
    at: float
    part: str = ""


@dataclass(frozen=True, slots=True)
class Points:
    """The values of a query, and one sentence for each kind of value that is none."""

    points: Sequence[Point]
    problems: Sequence[str] = ()


def quoted(query: str) -> str:
    """Return a query for a message."""
    return f"`{plain(query, 100)}`"


def error_in(body: bytes) -> str:
    """Return what the server says is wrong, or nothing where the body is no error of this API.

    VictoriaMetrics gives the status as the error's type: a number says nothing and is left out.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict) or answer.get("status") != "error":
        return ""
    kind, said = plain(str(answer.get("errorType", ""))), plain(str(answer.get("error", "")), 200)
    if "11,000 points" in said:
        return "too many points for one range; widen `window`"
    return said if not kind or kind.isdigit() else f"{said} ({kind})" if said else kind


def data_of(answer: Any, query: str, where: str) -> Data:
    """Return the result of a successful answer to `query`.

    Raises:
        Unexpected: The answer is none of this API; the message names the place in it.
    """
    status = _at(answer, "status", str, where)
    if status != "success":
        raise Unexpected(
            f"{where} cannot answer {quoted(query)}: {plain(str(answer.get('error', status)), 200)}"
        )
    data = _at(answer, "data", dict, where)
    kind = _at(data, "resultType", str, where, "data.")
    result = _at(data, "result", list, where, "data.")
    series: list[_Series]
    if kind in {"scalar", "string"}:
        series = [({}, [_sample(result, where, "data.result")])]
    elif kind in {"vector", "matrix"}:
        series = [_series(entry, kind, where, f"data.result[{index}]") for index, entry in enumerate(result)]
    else:
        raise Unexpected(f"{where}: `data.resultType` is `{plain(kind)}`, not vector, matrix or scalar")
    warnings = answer.get("warnings")
    partial = [plain(str(text), 200) for text in warnings[:3]] if isinstance(warnings, list) else []
    if answer.get("isPartial") is True:
        partial.append("some storage nodes did not answer")
    return Data(series, tuple(partial))


def _series(entry: Any, kind: str, where: str, place: str) -> _Series:
    labels = _at(entry, "metric", dict, where, f"{place}.")
    if "histogram" in entry or "histograms" in entry:
        raise Unexpected(f"{where}: the query gives native histograms; take a number: histogram_quantile()")
    if kind == "vector":
        return labels, [_sample(_at(entry, "value", list, where, f"{place}."), where, f"{place}.value")]
    values = _at(entry, "values", list, where, f"{place}.")
    return labels, [_sample(value, where, f"{place}.values[{n}]") for n, value in enumerate(values)]


def _sample(pair: Any, where: str, place: str) -> tuple[float, str]:
    match pair:
        case [int() | float() as at, str() as value]:
            return float(at), value
        case _:
            raise Unexpected(f"{where}: `{place}` is no pair of time and text: is `url` a Prometheus API?")


def _at(holder: Any, key: str, kind: type, where: str, before: str = "") -> Any:
    value = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(value, kind):
        what = "missing" if value is None else f"a {type(value).__name__}"
        raise Unexpected(f"{where}: `{before}{key}` is {what}: is `url` a Prometheus API?")
    return value


def points(data: Data, query: str, part_label: str, where: str) -> Points:
    """Return the finite values of a result, by part where a label names the parts.

    Raises:
        Unexpected: Several series, and no label tells them apart.
    """
    if not data.series:
        return Points(
            (),
            [
                f"{quoted(query)} finds no series, which is not zero: check its names; "
                "where nothing means zero, add `or vector(0)`"
            ],
        )
    parts = [str(labels.get(part_label, "")) if part_label else "" for labels, _ in data.series]
    if len(set(parts)) < len(parts):
        way = (
            f"its label `{part_label}` does not tell them apart: sum by ({part_label}) (...)"
            if part_label
            else "make one of them with sum(...) or max(...), or name the label in `part_label`"
        )
        raise Unexpected(f"{where}: {quoted(query)} gives {len(parts)} series; {way}")
    found: list[Point] = []
    none = infinite = strange = 0
    for part, (_, samples) in zip(parts, data.series, strict=True):
        for at, text in samples:
            try:
                value = float(text)
            except ValueError:
                strange += 1
                continue
            none += math.isnan(value)
            infinite += math.isinf(value)
            if math.isfinite(value):
                found.append(Point(value, at, part))
    problems = []
    if none:
        problems.append(f"{quoted(query)} is NaN, which is no value (nothing was observed, or 0 / 0)")
    if infinite:
        problems.append(f"{quoted(query)} is infinite, which is no value (a division by 0?)")
    if strange:
        problems.append(f"{quoted(query)} gives a text that is no number")
    return Points(found, problems)
