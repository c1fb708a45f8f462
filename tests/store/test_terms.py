"""Terms are a time series, in which only changes are written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from advisor.core.model import Confidence, Limit, Term
from advisor.store import Store

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
QUOTA = Term("limit", 5e8, "supabase", NOW, metric="storage", limit=Limit.QUOTA)


def add(store: Store, *terms: Term, subject: str = "@acme") -> int:
    with store.transaction() as tx:
        return tx.add_terms(subject, terms, NOW)


def at(store: Store, when: datetime) -> dict[str, list[Term]]:
    with store.reading() as tx:
        return tx.terms(when)


def test_numbers_texts_and_unlimited_come_back(store: Store) -> None:
    several = [
        QUOTA,
        Term("plan", "free", "supabase", NOW, confidence=Confidence.DOCUMENTED),
        Term("limit", None, "supabase", NOW, metric="requests", limit=Limit.QUOTA, part="eu"),
        Term("price", 0, "catalogue", NOW),
    ]
    assert add(store, *several) == 4
    assert at(store, NOW) == {"@acme": several}
    assert at(store, NOW - DAY) == {}


def test_what_is_known_already_is_not_written_again(store: Store) -> None:
    add(store, QUOTA)
    assert add(store, replace(QUOTA, valid_from=NOW + DAY), replace(QUOTA, valid_from=NOW + 2 * DAY)) == 0
    with store.reading() as tx:
        assert tx.terms_of("@acme") == [QUOTA]


def test_a_changed_plan_is_an_event_and_each_day_has_its_own_limit(store: Store) -> None:
    bigger = replace(QUOTA, value=8e9, valid_from=NOW + DAY)
    add(store, QUOTA)
    assert add(store, bigger) == 1
    assert at(store, NOW + DAY / 2) == {"@acme": [QUOTA]}
    assert at(store, NOW + DAY) == {"@acme": [bigger]}
    back = replace(QUOTA, valid_from=NOW + 2 * DAY)
    assert add(store, back) == 1
    assert at(store, NOW + 3 * DAY) == {"@acme": [back]}


def test_the_same_moment_with_another_value_corrects(store: Store) -> None:
    add(store, QUOTA)
    right = replace(QUOTA, value=1e9)
    assert add(store, right) == 1
    assert at(store, NOW) == {"@acme": [right]}


def test_sources_and_subjects_are_apart(store: Store) -> None:
    override = replace(QUOTA, source="override", value=None)
    add(store, QUOTA, override)
    add(store, QUOTA, subject="shop/database")
    assert at(store, NOW) == {"@acme": [QUOTA, override], "shop/database": [QUOTA]}


def test_the_last_of_two_in_one_answer_counts(store: Store) -> None:
    add(store, QUOTA, replace(QUOTA, value=2.0))
    assert at(store, NOW)["@acme"][0].value == 2
