"""What a digest says of checklists, as claims."""

from datetime import UTC, date, datetime, timedelta

import pytest

from advisor.core.checklists import Done, due, lines, reminders
from advisor.core.document import Checklist, Document, Item

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
ITEMS = (Item(id="a", line=1, text="Backups run."), Item(id="b", line=2, text="Alerts arrive."))
MILESTONE = Checklist(id="m", title="At 1,000", line=1, kind="milestone", users=1000, items=ITEMS)
WEEKLY = Checklist(id="w", title="Each week", line=1, kind="cadence", every="week", items=ITEMS)
DAILY = Checklist(id="d", title="Each day", line=1, kind="cadence", every="day", items=ITEMS)
SETUP = Checklist(id="s", title="Setup", line=1, kind="setup", items=ITEMS)


def said(
    checklist: Checklist, *done: Done, users: float | None = None, cadence: str = "weekly", at: datetime = NOW
) -> list[str]:
    document = Document(name="doc", as_of=date(2026, 1, 1), checklists=(checklist,))
    return reminders(lines("shop", [document], done, at), users, cadence)


@pytest.mark.parametrize(("users", "shown"), [(799, False), (800, True), (5000, True), (None, False)])
def test_a_milestone_is_shown_when_the_users_come_near(users: float | None, shown: bool) -> None:
    assert bool(said(MILESTONE, users=users)) is shown


def test_a_milestone_names_what_is_open_and_counts_what_is_done() -> None:
    done = Done("shop", "doc.m.a", "ann", NOW)
    assert said(MILESTONE, done, users=830) == [
        "shop: At 1,000 (doc, 830 of 1,000 users), 1 of 2 done; open: Alerts arrive"
    ]
    assert said(MILESTONE, done, Done("shop", "doc.m.b", "ann", NOW), users=830) == []
    assert said(MILESTONE, Done("blog", "doc.m.a", "ann", NOW), users=830)[0].count("0 of 2 done") == 1


def test_what_returns_is_open_again_when_its_time_has_passed() -> None:
    done = [Done("shop", f"doc.w.{item.id}", "ann", NOW) for item in ITEMS]
    assert said(WEEKLY, *done, at=NOW + timedelta(days=6)) == []
    (again,) = said(WEEKLY, *done, at=NOW + timedelta(days=7))
    assert again == (
        "shop: Each week (doc, every week, last on 4 Nov 2026), 0 of 2 done; open: Backups run; Alerts arrive"
    )


def test_what_is_done_daily_is_said_in_the_daily_digest_alone() -> None:
    assert (bool(said(DAILY)), bool(said(DAILY, cadence="daily"))) == (False, True)
    assert (bool(said(WEEKLY)), bool(said(WEEKLY, cadence="daily"))) == (True, False)


def test_other_lists_are_shown_only_when_asked_for() -> None:
    assert said(SETUP, users=1e9) == []


@pytest.mark.parametrize(
    ("every", "done", "again"),
    [
        ("day", "2026-11-04T12:00+00:00", "2026-11-05"),
        ("week", "2026-11-04T12:00+00:00", "2026-11-11"),
        ("month", "2026-01-31T12:00+00:00", "2026-02-28"),
        ("quarter", "2026-11-30T12:00+00:00", "2027-02-28"),
        ("year", "2024-02-29T12:00+00:00", "2025-02-28"),
    ],
)
def test_a_period_is_the_calendars(every: str, done: str, again: str) -> None:
    checklist = WEEKLY.model_copy(update={"every": every})
    assert due(checklist, datetime.fromisoformat(done)).date().isoformat() == again
