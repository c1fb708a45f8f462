"""The rows of a FOCUS export, and the days that they make. Pure."""

import csv
import gzip
import importlib
import io
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from advisor.core.model import Gap, Reading
from advisor.polling.contract import Answer, Unexpected

__all__ = ["parse", "table"]

_DAY = timedelta(days=1)
Row = Mapping[str, Any]


def table(body: bytes, kind: str, where: str, most: int) -> Iterator[Row]:
    """Return the rows of an export; at most `most` bytes come out of a packed one.

    Raises:
        Unexpected: it is not what `kind` says.
    """
    plain = _unpacked(body, where, most)
    match kind:
        case "parquet":
            return iter(_parquet(plain, where))
        case "jsonl":
            return _json_lines(plain, where)
        case _:
            return _csv(plain, where)


def _unpacked(body: bytes, where: str, most: int) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        with gzip.open(io.BytesIO(body)) as packed:
            plain = packed.read(most + 1)
    except (OSError, EOFError, zlib.error):
        raise Unexpected(f"{where} is packed, and cannot be unpacked: export it anew") from None
    if len(plain) > most:
        raise Unexpected(f"{where} is larger than {most // 2**20} MiB unpacked: export fewer months")
    return plain


def _text(body: bytes, where: str) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unexpected(f"{where} is no text in UTF-8: check `format:`") from None


def _csv(body: bytes, where: str) -> Iterator[Row]:
    try:
        yield from csv.DictReader(io.StringIO(_text(body, where), newline=""))
    except csv.Error:
        raise Unexpected(f"{where} is no CSV: check `format:`") from None


def _json_lines(body: bytes, where: str) -> Iterator[Row]:
    for number, line in enumerate(_text(body, where).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise Unexpected(f"{where}, line {number}: no JSON; one object a line is expected") from None
        if not isinstance(row, dict):
            raise Unexpected(f"{where}, line {number}: no object; one a line is expected")
        yield row


def _parquet(body: bytes, where: str) -> list[Row]:
    try:
        arrow = importlib.import_module("pyarrow")
        reader = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise Unexpected(
            f"{where} is Parquet, which needs one package more: pip install 'scaling-advisor[parquet]'"
        ) from None
    try:
        names = set(reader.read_schema(io.BytesIO(body)).names)
        columns = [name for name in _COLUMNS if name in names]
        found: list[Row] = reader.read_table(io.BytesIO(body), columns=columns).to_pylist()
    except arrow.ArrowException:
        raise Unexpected(f"{where} is no Parquet: check `format:`") from None
    return found


_COLUMNS = (
    "BilledCost", "EffectiveCost", "BillingCurrency", "ChargePeriodStart", "ServiceName", "ProviderName",
    "SubAccountId",
)  # fmt: skip


def parse(
    rows: Iterable[Row],
    wanted: Mapping[str, Sequence[str]],
    column: str,
    rates: Mapping[str, float],
    now: datetime,
    since: datetime,
    *,
    where: str = "the file",
) -> Answer:
    """Return the cost by UTC day of the rows that have one of the `wanted` names in each column.

    `rates` are US dollars for one of another currency; a row in a currency without one is a gap.

    Raises:
        Unexpected: a column is missing that is needed.
    """
    names = {name: {one.casefold() for one in some} for name, some in wanted.items() if some}
    needed = (column, "BillingCurrency", "ChargePeriodStart", *names)
    days: dict[datetime, list[float]] = {}
    first: datetime | None = None
    last: datetime | None = None
    faults: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for row in rows:
        missing = [name for name in needed if name not in row]
        if missing:
            raise Unexpected(f"{where} has no column `{missing[0]}`: is it a FOCUS export, version 1.x?")
        start = _moment(row["ChargePeriodStart"])
        if start is None:
            faults["whose ChargePeriodStart is no time"] += 1
            continue
        day = datetime.combine(start.date(), time(), UTC)
        if day < since or day >= now:
            continue
        first, last = min(first or day, day), max(last or day, day)
        if any(str(row[name] or "").casefold() not in some for name, some in names.items()):
            others[str(row.get("ServiceName") or row.get("ProviderName") or "")] += 1
            continue
        cost, currency = _number(row[column]), str(row["BillingCurrency"] or "").upper()
        rate = 1.0 if currency == "USD" else rates.get(currency)
        if cost is None:
            faults[f"whose {column} is no number"] += 1
        elif rate is None:
            faults[f"in {currency or 'no currency'}, of which `rates` has no rate"] += 1
        else:
            days.setdefault(day, []).append(cost * rate)
    gaps = [
        Gap("cost", f"{where}: {count} rows left out {why}", ("cost",))
        for why, count in sorted(faults.items())
    ]
    if not days:
        seen = ", ".join(name for name, _ in others.most_common(5) if name)
        tail = f"; it has {seen}" if seen else ""
        gaps.append(Gap("cost", f"{where} has no row of this service{tail}", ("cost",)))
        return Answer(gaps=gaps)
    return Answer(list(_readings(days, first or now, last or now, now)), gaps=gaps)


def _readings(
    days: Mapping[datetime, Sequence[float]], first: datetime, last: datetime, now: datetime
) -> Iterator[Reading]:
    """Yield every day from the file's first to its last: one without a charge cost nothing."""
    day = first
    while day <= last:
        yield Reading("cost", math.fsum(days.get(day, ())), min(day + _DAY, now), day)
        day += _DAY


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _moment(value: Any) -> datetime | None:
    """Return the UTC moment of a text or time; one without a zone is UTC, as the specification has it."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
