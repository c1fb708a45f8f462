"""Whether people are told at once, as claims."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from advisor.core.language import parse
from advisor.core.lifecycle import Attention, Event, Finding, State
from advisor.core.model import Action, Cadence, Severity
from advisor.core.rule import Rule
from advisor.core.tell import AGAIN, Told, attended, event_to_tell, forgotten

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
DIGEST = NOW + timedelta(days=1)
KEY = "shop/database#storage"
FINDING = Finding("r", "shop/database", "", State.FIRING, NOW, KEY, NOW, value=401e6, threshold=400e6)


def rule(severity: Severity = Severity.WARNING, cadence: Cadence | None = None) -> Rule:
    return Rule("r", parse("storage > 400MB"), (Action.UPGRADE,), severity, "", cadence=cadence)


def told(severity: Severity = Severity.WARNING, episode: str = "") -> Told:
    return Told(KEY, severity, NOW - timedelta(hours=1), episode)


def event(
    rules: list[Rule],
    known: Told | None = None,
    attention: Attention | None = None,
    happened: tuple[Event, ...] = (Event.FIRED,),
    by: datetime | None = None,
    finding: Finding = FINDING,
) -> Event | None:
    return event_to_tell([(finding, one) for one in rules], known, attention, happened, by, DIGEST, NOW)


def test_critical_goes_out_at_once() -> None:
    assert event([rule(Severity.CRITICAL)]) is Event.FIRED


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.INFO])
def test_what_is_not_critical_waits_for_the_digest(severity: Severity) -> None:
    assert event([rule(severity)]) is None


def test_a_rule_may_say_immediate_itself() -> None:
    assert event([rule(Severity.INFO, Cadence.IMMEDIATE)]) is Event.FIRED


def test_what_cannot_wait_for_the_next_digest_goes_out_at_once() -> None:
    assert event([rule()], by=DIGEST - timedelta(minutes=1)) is Event.FIRED
    assert event([rule()], by=DIGEST + timedelta(minutes=1)) is None


def test_a_concern_is_told_once() -> None:
    assert event([rule(Severity.CRITICAL)], told(Severity.CRITICAL)) is None


def test_a_concern_that_grows_worse_is_told_again() -> None:
    assert event([rule(), rule(Severity.CRITICAL)], told()) is Event.ESCALATED


def test_a_new_billing_period_is_told_anew() -> None:
    april = replace(FINDING, episode="2026-04-01")
    assert event([rule(Severity.CRITICAL)], told(Severity.CRITICAL, "2026-03-01"), finding=april) is (
        Event.FIRED
    )


@pytest.mark.parametrize(("day", "said"), [(5, None), (10, None), (11, Event.FIRED)])
def test_a_daily_quota_that_is_used_up_every_day_is_told_once_a_week(day: int, said: Event | None) -> None:
    today = replace(FINDING, episode=f"2026-03-{day:02}T00:00:00+00:00")
    known = told(Severity.CRITICAL, "2026-03-04T00:00:00+00:00")
    assert event([rule(Severity.CRITICAL)], known, finding=today) is said


def test_what_was_told_outlives_a_reset_by_a_week_at_most() -> None:
    known = told()
    assert event([], known, happened=()) is None
    assert not forgotten(known, NOW)
    assert forgotten(known, known.at + AGAIN)


def test_the_end_is_told_to_whom_the_beginning_was() -> None:
    assert event([], told(), happened=(Event.RESOLVED,)) is Event.RESOLVED
    assert event([], None, happened=(Event.RESOLVED,)) is None


def test_a_reset_is_no_recovery() -> None:
    assert event([], told(), happened=(Event.NEW_PERIOD,)) is None


def test_stale_is_said_only_when_nothing_fresh_fires() -> None:
    stale = replace(FINDING, stale=True)
    known = told(Severity.CRITICAL)
    assert event([rule(Severity.CRITICAL)], known, happened=(Event.STALE,), finding=stale) is Event.STALE
    assert event([rule(Severity.CRITICAL)], known, happened=(Event.STALE,)) is None


def attention(**more: object) -> Attention:
    return replace(Attention(KEY, "acknowledge", "ana", NOW - timedelta(hours=1)), **more)


def test_an_acknowledged_concern_is_silent_until_it_is_over() -> None:
    assert event([rule(Severity.CRITICAL)], attention=attention()) is None


def test_a_snooze_ends_with_its_time() -> None:
    assert attended(attention(until=NOW + timedelta(seconds=1)), [], NOW)
    assert not attended(attention(until=NOW), [], NOW)


def test_an_acknowledgement_until_a_value_ends_when_it_is_reached() -> None:
    pairs = [(FINDING, rule())]
    assert attended(attention(until_value=450e6), pairs, NOW)
    assert not attended(attention(until_value=401e6), pairs, NOW)


def test_for_a_value_that_falls_the_acknowledgement_ends_below() -> None:
    falling = replace(FINDING, value=0.7, threshold=0.8)
    assert attended(attention(until_value=0.6), [(falling, rule())], NOW)
    assert not attended(attention(until_value=0.75), [(falling, rule())], NOW)


def test_a_documents_old_figure_alone_calls_nobody() -> None:
    critical, other = rule(Severity.CRITICAL), replace(rule(Severity.CRITICAL), id="measured")

    def said(*rules: Rule) -> Event | None:
        pairs = [(FINDING, one) for one in rules]
        return event_to_tell(pairs, None, None, (Event.FIRED,), None, DIGEST, NOW, {"r"})

    assert said(critical) is None
    assert said(critical, other) is Event.FIRED
