from datetime import UTC, datetime, timedelta

import pytest

from advisor.core import notices
from advisor.core.message import Digest, Event, Message, Notice
from advisor.core.model import Severity

NOW = datetime(2026, 11, 9, 9, 0, tzinfo=UTC)


def a_notice(number: int = 0, stack: str = "shop", **changes: object) -> Notice:
    fields: dict[str, object] = {
        "event": Event.FIRED,
        "concern": f"concern-{number}",
        "stack": stack,
        "environment": "production",
        "service": "database",
        "title": f"Storage {number} is full",
        "severity": Severity.WARNING,
        "at": NOW,
    }
    return Notice.model_validate(fields | changes)


def key(notice: Notice) -> str:
    return f"{notice.concern}|{notice.event}|{notice.at.isoformat()}"


def grouped(
    found: list[Notice], channels: tuple[str, ...] = ("slack",), now: datetime = NOW
) -> list[Message]:
    return notices.group(found, channels, now, key)


def test_a_stack_gets_one_message_a_channel():
    messages = grouped([a_notice(1), a_notice(2), a_notice(3, "blog")], ("slack", "email"))
    assert [(m.channel, len(m.notices)) for m in messages] == [
        ("slack", 1),
        ("slack", 2),
        ("email", 1),
        ("email", 2),
    ]
    assert len({m.id for m in messages}) == 4


def test_the_same_transitions_make_the_same_ids_whenever_and_in_whatever_order():
    found = [a_notice(1), a_notice(2), a_notice(3, "blog")]
    first = grouped(found)
    again = grouped(found[::-1], now=NOW + timedelta(hours=1))
    assert {m.id for m in first} == {m.id for m in again}


@pytest.mark.parametrize(
    "changes",
    [
        {"event": Event.RESOLVED},
        {"at": NOW + timedelta(days=1)},
        {"concern": "another"},
    ],
)
def test_another_transition_makes_another_id(changes: dict[str, object]):
    assert grouped([a_notice(1)])[0].id != grouped([a_notice(1, **changes)])[0].id


def test_environments_of_one_stack_are_not_mixed():
    assert len(grouped([a_notice(1), a_notice(2, environment="staging")])) == 2


def test_the_worst_comes_first_and_what_resolved_last():
    found = [
        a_notice(1, severity=Severity.INFO),
        a_notice(2, severity=Severity.CRITICAL, event=Event.RESOLVED),
        a_notice(3, severity=Severity.CRITICAL),
    ]
    (message,) = grouped(found)
    assert [n.concern for n in message.notices] == ["concern-3", "concern-1", "concern-2"]
    assert message.text == "shop/database: 3 concerns, first: Storage 3 is full (critical)"


def test_ten_are_told_one_by_one_and_eleven_are_a_storm():
    calm = grouped([a_notice(n, f"stack-{n}") for n in range(10)])
    assert [m.kind for m in calm] == ["alert"] * 10
    (storm,) = grouped([a_notice(n, f"stack-{n}") for n in range(11)])
    assert storm.kind == "summary"
    assert storm.text == "11 concerns changed at once in 11 stacks: 11 warning"


def test_a_storm_over_a_fleet_stays_small_and_counts_all():
    found = [a_notice(n, f"stack-{n}") for n in range(5000)]
    found.append(a_notice(9, "last", severity=Severity.CRITICAL))
    (storm,) = grouped(found)
    assert len(storm.notices) == notices.NAMED
    assert storm.notices[0].severity is Severity.CRITICAL
    assert "5,001 concerns" in storm.text
    assert "the 50 worst are named" in storm.text


def test_nothing_to_tell_makes_no_message():
    assert grouped([]) == []


def test_a_message_survives_the_outbox():
    (message,) = grouped([a_notice(1)])
    assert Message.model_validate_json(message.model_dump_json()) == message


def test_a_digest_that_fires_twice_as_the_clock_goes_back_is_one():
    def at(hour: int) -> Digest:
        until = datetime(2026, 10, 25, hour, 30, tzinfo=UTC)  # 01:30 in Lisbon, both times.
        return Digest(cadence="daily", since=until, until=until, timezone="Europe/Lisbon")

    first, second = (notices.digest_message(at(hour), "slack") for hour in (0, 1))
    assert first.id == second.id
    assert notices.digest_message(at(0), "email").id != first.id


def test_a_test_message_says_that_nothing_has_to_be_done():
    message = notices.trial_message("slack", NOW)
    assert (message.kind, message.channel) == ("test", "slack")
    assert "Nothing has to be done" in message.text
