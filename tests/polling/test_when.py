"""When a digest goes out."""

from datetime import UTC, datetime

import pytest

from advisor.polling.when import DigestTime, digest_time, last_moment


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("monday 09:00", DigestTime((0,), 9, 0)),
        ("Sun 9:05", DigestTime((6,), 9, 5)),
        ("daily 00:00", DigestTime((0, 1, 2, 3, 4, 5, 6), 0, 0)),
        (" weekdays  08:30 ", DigestTime((0, 1, 2, 3, 4), 8, 30)),
    ],
)
def test_a_day_and_a_time_are_read(text: str, means: DigestTime) -> None:
    assert digest_time(text) == means
    assert digest_time(str(means)) == means


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write `monday 09:00`"),
        ("monday", "write `monday 09:00`"),
        ("09:00", "write `monday 09:00`"),
        ("monday 9am", "write `monday 09:00`"),
        ("montag 09:00", "`montag` is no day"),
        ("monday 24:00", "`24:00` is no time of day"),
        ("daily 09:60", "`09:60` is no time of day"),
    ],
)
def test_what_is_no_time_is_answered_with_one_that_is(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        digest_time(text)


@pytest.mark.parametrize(
    ("text", "now", "due"),
    [
        ("monday 09:00", datetime(2026, 11, 2, 9, tzinfo=UTC), datetime(2026, 11, 2, 9, tzinfo=UTC)),
        ("monday 09:00", datetime(2026, 11, 2, 8, 59, tzinfo=UTC), datetime(2026, 10, 26, 9, tzinfo=UTC)),
        ("daily 09:00", datetime(2026, 7, 2, 8, 30, tzinfo=UTC), datetime(2026, 7, 2, 8, tzinfo=UTC)),
        ("weekdays 09:00", datetime(2026, 11, 1, 23, tzinfo=UTC), datetime(2026, 10, 30, 9, tzinfo=UTC)),
    ],
)
def test_a_daemon_that_was_down_sees_what_was_due(text: str, now: datetime, due: datetime) -> None:
    assert last_moment(digest_time(text), "Europe/Lisbon", now) == due
