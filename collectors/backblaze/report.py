"""Backblaze's daily usage report, as CSV. Pure."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

from advisor.core.model import Reading
from advisor.polling.contract import Unexpected

__all__ = ["parse"]

_GB = 1e9
_CLASSES = {"a": "class_a_operations", "b": "class_b_operations", "c": "operations"}
Row = Mapping[str, str]


def parse(text: str, bucket: str, where: str) -> list[Reading]:
    """Return the readings of a day's report, of one bucket or of the account.

    There is a row for each bucket, and one without a bucket for the account. Calls are that one's, for it
    overlaps with the others; bytes are the buckets' sum.

    Raises:
        Unexpected: A column is missing, or a number or day is none; the column and line are named.
    """
    table = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    columns = set(table.fieldnames or ())
    missing = {"date", "bucket_id", "bucket_name"} - columns
    if missing:
        raise Unexpected(f"{where}: the report has no column `{min(missing)}`; its form may have changed")
    days: dict[date, list[tuple[int, Row]]] = {}
    for line, row in enumerate(table, start=2):
        clean = {key: value.strip() for key, value in row.items() if key and isinstance(value, str)}
        days.setdefault(_day(clean, line, where), []).append((line, clean))
    readings: list[Reading] = []
    for day, rows in sorted(days.items()):
        readings += _day_of(day, rows, bucket, where)
    return readings


def _day_of(day: date, rows: list[tuple[int, Row]], bucket: str, where: str) -> Iterable[Reading]:
    since = datetime.combine(day, time(), UTC)
    end = since + timedelta(days=1)
    buckets = [one for one in rows if one[1]["bucket_id"]]
    account = [one for one in rows if not one[1]["bucket_id"]]
    if bucket:
        buckets = account = [one for one in buckets if one[1]["bucket_name"] == bucket]
    stored = _sum(buckets or account, (("storage_byte_hours", 1 / 24), ("stored_gb", _GB)), where)
    if stored is not None:
        yield Reading("storage", stored, end)
    sent = _sum(buckets or account, (("downloaded_bytes", 1.0), ("downloaded_gb", _GB)), where)
    if sent is not None:
        yield Reading("egress", sent, end, since)
    for letter, metric in _CLASSES.items():
        calls = _sum(account or buckets, ((f"api_txn_class_{letter}", 1.0),), where)
        if calls is not None:
            yield Reading(metric, calls, end, since)


def _sum(rows: Iterable[tuple[int, Row]], columns: tuple[tuple[str, float], ...], where: str) -> float | None:
    """Return the sum of the first of the columns that a row has; None where no row has any."""
    values = []
    for line, row in rows:
        told = ((name, scale) for name, scale in columns if row.get(name))
        for name, scale in list(told)[:1]:
            values.append(_number(row[name], name, line, where) * scale)
    return sum(values) if values else None


def _number(text: str, column: str, line: int, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise Unexpected(f"{where}: `{column}` in line {line} of the report is no number")
    return value


def _day(row: Row, line: int, where: str) -> date:
    text = row.get("date", "")
    for form in "%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y":
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    raise Unexpected(f"{where}: `date` in line {line} of the report is no day")
