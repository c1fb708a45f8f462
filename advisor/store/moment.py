"""How the store writes times and words down, the same on every engine."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Text
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000  #: In microseconds.
DAY = 86_400 * SECOND  #: A UTC day in microseconds.


def micros(at: datetime) -> int:
    """Return microseconds since 1970 (UTC), exactly.

    Raises:
        ValueError: if `at` has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"the time {at.isoformat()} has no time zone")
    passed = at - EPOCH
    return (passed.days * 86_400 + passed.seconds) * SECOND + passed.microseconds


def moment(at: int) -> datetime:
    """Return the aware UTC time that `micros` gave."""
    return EPOCH + timedelta(microseconds=at)


def clean(text: str) -> str:
    """Return `text` without what PostgreSQL cannot store: NUL and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


class Moment(TypeDecorator[datetime]):
    """An aware time as microseconds since 1970: exact, ordered, and without a zone of the server's own."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Any) -> int | None:
        """Write a time."""
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, _dialect: Any) -> datetime | None:
        """Read a time."""
        return None if value is None else moment(value)


class Words(TypeDecorator[str]):
    """Text that both engines store alike (see `clean`)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Any) -> str | None:
        """Write a text."""
        return None if value is None else clean(value)
