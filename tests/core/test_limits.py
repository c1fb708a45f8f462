from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import pytest

from advisor.core.catalogue import Catalogue
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.limits import Limits, used
from advisor.core.model import Confidence, Limit, Term
from advisor.world import everything

AT = datetime(2026, 11, 21, tzinfo=UTC)
DB = "shop/database"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return everything().catalogue


def fleet(
    plan: str = "free",
    provider: str = "supabase",
    packs: tuple[str, ...] = ("app-virgin",),
    account_limits: dict[Any, Any] | None = None,
    **service: Any,
) -> Fleet:
    made = Service("shop", "database", "database", provider, "acme", **service)
    stack = Stack("shop", packs=packs, budget=60.0, services=(made,))
    return Fleet((stack,), (Account("acme", provider, plan, limits=account_limits or {}),))


def limit(value: float | str | None, metric: str = "storage", kind: Limit = Limit.QUOTA, **more: Any) -> Term:
    return Term(
        "limit", value, **{"source": "Management API", "valid_from": AT, **more}, metric=metric, limit=kind
    )


def test_the_newer_documented_figure_is_in_force_and_the_documents_is_told(catalogue: Catalogue) -> None:
    found = Limits(fleet(), catalogue).find(DB, "egress", Limit.QUOTA, AT)
    assert found is not None
    assert found.value == 5e9
    assert found.source == "catalogue: supabase free as of 2026-06-01"
    assert "app-virgin line 290 says 2GB" in found.notes["differs"]
    assert (found.scope, found.reset, found.at_end) == ("account", "billing", "blocked")


def test_a_documents_figure_counts_where_nothing_surer_is_known(catalogue: Catalogue) -> None:
    found = Limits(fleet(), catalogue).find(DB, "connections", Limit.QUOTA, AT)
    assert found is not None
    assert (found.value, found.source) == (20.0, "app-virgin line 289")
    assert found.confidence is Confidence.DOCUMENT_ONLY


def test_a_document_counts_only_where_its_pack_is_used(catalogue: Catalogue) -> None:
    limits = Limits(fleet(packs=()), catalogue)
    assert limits.find(DB, "connections", Limit.QUOTA, AT) is None
    assert limits.exists(DB, "connections", Limit.QUOTA)
    assert Limits(fleet(packs=("app-virgin@1",)), catalogue).find(DB, "connections", Limit.QUOTA, AT)


def test_a_figure_that_both_have_names_both(catalogue: Catalogue) -> None:
    found = Limits(fleet(), catalogue).find(DB, "storage", Limit.QUOTA, AT)
    assert found is not None
    assert found.source == "app-virgin line 288; catalogue: supabase free as of 2026-06-01"


def test_the_api_beats_the_catalogue_and_the_override_beats_all(catalogue: Catalogue) -> None:
    terms = [("acme", limit(2e9))]
    told = Limits(fleet(), catalogue, terms).find(DB, "storage", Limit.QUOTA, AT)
    assert told is not None
    assert (told.value, told.source) == (2e9, "provider API (Management API)")
    assert told.at_end == "read-only"  # It is metered as the catalogue says.
    mine = Limits(fleet(limits={("storage", Limit.QUOTA): 10e9}), catalogue, terms)
    found = mine.find(DB, "storage", Limit.QUOTA, AT)
    assert found is not None
    assert (found.value, found.source) == (10e9, "your override")


def test_a_services_override_beats_its_accounts(catalogue: Catalogue) -> None:
    both = fleet(
        limits={("storage", Limit.QUOTA): 1e9},
        account_limits={("storage", Limit.QUOTA): 2e9, ("egress", Limit.QUOTA): None},
    )
    limits = Limits(both, catalogue)
    storage, egress = (limits.find(DB, metric, Limit.QUOTA, AT) for metric in ("storage", "egress"))
    assert storage is not None
    assert storage.value == 1e9
    assert egress is not None
    assert egress.value is None  # Unlimited, which is not unknown.


def test_max_is_what_the_service_reports_else_the_quota(catalogue: Catalogue) -> None:
    limits = Limits(fleet(), catalogue)
    assert limits.find(DB, "connections", Limit.MAX, AT).value == 20  # type: ignore[union-attr]  # It is there.
    limits.update([(DB, limit(60, "connections", Limit.MAX, source="postgresql: max_connections"))])
    found = limits.find(DB, "connections", Limit.MAX, AT)
    assert found is not None
    assert (found.value, found.source) == (60.0, "postgresql: max_connections")
    assert limits.find(DB, "connections", Limit.QUOTA, AT).value == 20  # type: ignore[union-attr]  # Likewise.


def test_a_pool_that_nobody_reports_is_unknown(catalogue: Catalogue) -> None:
    limits = Limits(fleet(), catalogue)
    assert limits.find(DB, "connections", Limit.POOL, AT) is None
    assert limits.exists(DB, "connections", Limit.POOL)


def test_the_budget_is_the_stacks_a_month(catalogue: Catalogue) -> None:
    limits = Limits(fleet(), catalogue)
    for subject in ("shop", DB):
        found = limits.find(subject, "cost", Limit.BUDGET, AT)
        assert found is not None
        assert (found.value, found.source, found.reset) == (60.0, "your budget", "month")


def test_a_day_and_a_month_are_two_limits(catalogue: Catalogue) -> None:
    limits = Limits(fleet(provider="resend"), catalogue)
    assert [one.value for one in limits.all(DB, "emails", Limit.QUOTA, AT)] == [100, 3000]
    assert limits.find(DB, "emails", Limit.QUOTA, AT, "month").value == 3000  # type: ignore[union-attr]  # It is there.
    limits.update(
        [
            ("acme", limit(200, "emails", part="day", source="resend usage API")),
            ("acme", limit(9000, "emails", part="month", source="resend usage API")),
        ]
    )
    told = limits.all(DB, "emails", Limit.QUOTA, AT)
    assert [(one.value, one.reset) for one in told] == [(200, "utc day"), (9000, "utc month")]


def test_a_reported_period_that_the_catalogue_does_not_have_is_its_own(catalogue: Catalogue) -> None:
    limits = Limits(fleet("production", "aws-ses"), catalogue)
    limits.update([("acme", limit(50_000, "emails", part="rolling day"))])
    (found,) = limits.all(DB, "emails", Limit.QUOTA, AT)
    assert (found.value, found.measured, found.reset, found.scope) == (
        50_000,
        "sum",
        "rolling day",
        "account",
    )


def test_unlimited_on_one_plan_is_no_limit_there(catalogue: Catalogue) -> None:
    limits = Limits(fleet("pro", "resend"), catalogue)
    day = limits.find(DB, "emails", Limit.QUOTA, AT, "day")
    assert day is not None
    assert day.value is None


@pytest.mark.parametrize(
    ("plan", "provider", "metric", "expected"),
    [
        ("free", "supabase", "storage", True),
        ("free", "supabase", "emails", False),  # The plan is listed whole and has no such quota.
        ("free", "supabase", "connections", True),  # It may have one: unknown, not absent.
        ("", "supabase", "storage", True),  # An unknown plan.
        ("gold", "supabase", "emails", True),  # A plan that the catalogue does not know.
        ("free", "elsewhere", "emails", True),  # A provider that the catalogue does not know.
        ("", "supabase", "emails", True),  # One of its plans is by agreement and may have any.
    ],
)
def test_exists_is_false_only_where_it_is_sure(
    catalogue: Catalogue, plan: str, provider: str, metric: str, expected: bool
) -> None:
    limits = Limits(fleet(plan, provider, packs=()), catalogue)
    assert limits.exists(DB, metric, Limit.QUOTA) is expected


def test_a_stack_has_no_quota(catalogue: Catalogue) -> None:
    assert not Limits(fleet(), catalogue).exists("shop", "users", Limit.QUOTA)


def test_a_plan_changed_in_the_dashboard_counts_from_its_day(catalogue: Catalogue) -> None:
    limits = Limits(fleet(), catalogue)
    before = limits.find(DB, "storage", Limit.QUOTA, AT)
    limits.update([("acme", Term("plan", "pro", "Management API", AT + timedelta(days=1)))])
    after = limits.find(DB, "storage", Limit.QUOTA, AT + timedelta(days=2))
    assert before is not None
    assert after is not None
    assert (before.value, after.value) == (5e8, 8e9)
    assert limits.find(DB, "storage", Limit.QUOTA, AT) == before
    assert limits.plan(DB, AT + timedelta(days=2)) == "pro"
    assert limits.find(DB, "connections", Limit.QUOTA, AT + timedelta(days=2)).value == 60  # type: ignore[union-attr]  # Micro's.


def test_the_size_decides_where_sizes_have_limits(catalogue: Catalogue) -> None:
    small = Limits(fleet("payg", "fly", size="shared-cpu-1x-512mb"), catalogue)
    assert small.find(DB, "memory", Limit.AVAILABLE, AT).value == 512 * 2**20  # type: ignore[union-attr]  # It is there.


def test_an_account_has_only_what_counts_over_it(catalogue: Catalogue) -> None:
    limits = Limits(fleet(), catalogue)
    assert limits.find("@acme", "egress", Limit.QUOTA, AT).value == 5e9  # type: ignore[union-attr]  # It is there.
    assert limits.find("@acme", "storage", Limit.QUOTA, AT) is None


def test_revision_changes_with_every_new_term_and_with_none_other(catalogue: Catalogue) -> None:
    limits = Limits(fleet(), catalogue)
    before = limits.revision
    limits.update([(DB, limit(1e9))])
    changed = limits.revision
    limits.update([(DB, limit(1e9))])
    assert before != changed == limits.revision


def test_revision_changes_when_time_passes_a_terms_beginning(catalogue: Catalogue) -> None:
    limits = Limits(fleet(), catalogue, [("acme", Term("plan", "pro", "Management API", AT))])
    limits.advance(AT - timedelta(days=2))
    before = limits.revision
    limits.advance(AT - timedelta(days=1))
    assert limits.revision == before
    limits.advance(AT)
    assert limits.revision != before


def test_equal_services_are_looked_up_once(catalogue: Catalogue) -> None:
    count = 20_000
    stacks = tuple(
        Stack(
            f"s{n}",
            packs=("app-virgin",),
            services=(Service(f"s{n}", "db", "database", "supabase", f"a{n}"),),
        )
        for n in range(count)
    )
    limits = Limits(
        Fleet(stacks, tuple(Account(f"a{n}", "supabase", "free") for n in range(count))), catalogue
    )
    begin = perf_counter()
    values = {limits.find(f"s{n}/db", "storage", Limit.QUOTA, AT).value for n in range(count)}  # type: ignore[union-attr]  # All there.
    assert values == {5e8}
    assert perf_counter() - begin < 3  # A few microseconds each; looked up one by one it would be minutes.


@pytest.mark.parametrize(
    ("value", "of", "expected"),
    [
        (400.0, 500.0, 0.8),
        (1.0, None, None),
        (float("nan"), 5.0, None),
        (0.0, 0.0, 0.0),
        (3.0, 0.0, None),
        (3.0, -1.0, None),
    ],
)
def test_used_is_a_share_or_nothing(value: float, of: float | None, expected: float | None) -> None:
    assert used(value, of) == expected
