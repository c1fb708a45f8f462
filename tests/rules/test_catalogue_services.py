"""What errors, analytics, mail, jobs, search, sign-in and payments cost by the shipped catalogue.

Each month's price is reckoned here by arithmetic of its own.
"""

from datetime import date

import pytest

from advisor.core.catalogue import AtEnd, Catalogue, Measured, Plan, Reset, Scope
from advisor.core.catalogue_lint import faults
from advisor.core.fleet import Account
from advisor.core.limits import plan_quotas
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Limit
from advisor.core.price import Price, monthly
from advisor.world import everything

GB, TB = 1e9, 1e12
GIB, MIB = 2.0**30, 2.0**20
TODAY = date(2026, 11, 21)
#: The words of plans that documents use of each offer; an empty tuple where they name none.
WORDS: dict[str, tuple[str, ...]] = {
    "algolia": ("Free",),
    "amplitude": (),
    "axiom": ("Free", "Paid"),
    "better-stack": ("Free",),
    "betteruptime": ("Free",),
    "bigquery-export": (),
    "datadog": (),
    "eas": ("Included", "Usage-based"),
    "elasticsearch-on-railway": (),
    "firebase-analytics": ("Free",),
    "github-actions": ("Free",),
    "inngest": ("Free", "Pro"),
    "lemon-squeezy": ("Usage-based",),
    "mixpanel": (),
    "postmark": (),
    "posthog": ("Free",),
    "resend": ("Free", "Paid", "Pro", "Business"),
    "sendgrid": (),
    "sentry": ("Free", "Team", "Business", "Self-hosted"),
    "supabase-auth": ("Free",),
    "uptimerobot": ("Free",),
    "upstash": ("Free", "Pay per request"),
}
UNNAMED = ("ably", "auth0", "clerk", "pusher", "redis", "stripe")


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return everything().catalogue


def plan_of(shipped: Catalogue, offer: str, word: str) -> Plan:
    found = shipped.offers[offer].plan(word)
    assert found is not None, f"{offer}: no plan {word}"
    return found


def priced(
    shipped: Catalogue,
    offer: str,
    plan: str,
    usage: dict[str, float],
    *,
    seats: int = 1,
    cap: bool | None = False,
    term: str = "monthly",
    add_ons: tuple[str, ...] = (),
) -> Price:
    account = Account("acc", offer, seats=seats, spend_cap=cap, term=term)
    return monthly(shipped.offers[offer], plan_of(shipped, offer, plan), usage, account, add_ons=add_ons)


@pytest.mark.parametrize(
    ("offer", "plan", "usage", "expected"),
    [
        ("sentry", "free", {"errors": 4000}, 0),
        ("sentry", "team", {"errors": 50_000}, 26),
        # 50,000 at 0.0003625, 400,000 at 0.0002188 and 100,000 at 0.0001875: 18.125, 87.52 and 18.75.
        ("sentry", "team", {"errors": 600_000}, 26 + 18.125 + 87.52 + 18.75),
        # 15 GB above 5 at 0.50.
        ("sentry", "team", {"logs": 20 * GB}, 33.5),
        ("sentry", "business", {"errors": 40_000}, 80),
        ("axiom", "paid", {"logs": 500 * GIB}, 25),
        ("posthog", "free", {"events": 900_000}, 0),
        # 100,000 events at 0.00031.
        ("posthog", "paid", {"events": 1.1e6}, 31),
        # 200 thousands of events at 0.28.
        ("mixpanel", "growth", {"events": 1.2e6}, 56),
        ("firebase-analytics", "free", {"events": 1e9}, 0),
        ("uptimerobot", "free", {"monitors": 40}, 0),
        # Four hosts and 100 GB of log.
        ("datadog", "pro", {"instances": 4, "logs": 100 * GB}, 60 + 10),
        ("resend", "pro", {"emails": 50_000}, 20),
        # 1,415 above: two whole thousands.
        ("resend", "pro", {"emails": 51_415}, 21.8),
        ("resend", "scale", {"emails": 150_000}, 90 + 45),
        ("sendgrid", "essentials", {"emails": 60_000}, 19.95 + 13),
        ("sendgrid", "pro", {"emails": 200_000}, 89.95 + 110),
        ("postmark", "basic", {"emails": 12_000}, 15 + 3.6),
        ("postmark", "pro", {"emails": 50_000}, 16.5 + 52),
        ("inngest", "pro", {"steps": 3e6}, 75 + 100),
        ("eas", "included", {"builds": 30}, 0),
        # What the documents' "about $20" is: ten builds for iOS.
        ("eas", "usage-based", {"builds": 10}, 20),
        # 7.5 builds above 22.5 at 2; 7,000 users at half a cent; 876.5625 GiB at 0.10. Expo's own example,
        # but for the 273.4375 GiB that the users bring along.
        (
            "eas",
            "starter",
            {"builds": 30, "active_users": 10_000, "egress": 20 * 5 * MIB * 10_000},
            19 + 15 + 35 + 87.66,
        ),
        ("eas", "production", {"builds": 130, "active_users": 10_000, "egress": 900 * GIB}, 199 + 35),
        # 5 % of 3,000 and half a dollar for each of 100 sales.
        ("lemon-squeezy", "usage-based", {"revenue": 3000, "transactions": 100}, 150 + 50),
        ("stripe", "standard", {"revenue": 3000, "transactions": 100}, 87 + 30),
        ("algolia", "free", {"searches": 9000}, 0),
        ("algolia", "grow", {"searches": 50_000, "records": 150_000}, 20 + 20),
        ("algolia", "grow-plus", {"searches": 50_000}, 70),
        ("elasticsearch-on-railway", "self-hosted", {}, 40),
        # 3 million at 0.20 a hundred thousand, 3 GB at 0.25, 100 GB at 0.03.
        (
            "upstash",
            "pay per request",
            {"commands": 3e6, "storage": 4 * GB, "egress": 300 * GB},
            6 + 0.75 + 3,
        ),
        ("upstash", "fixed_5gb", {"commands": 1e9, "storage": 4 * GB}, 100),
        # 1,000 minutes of Linux at 0.006.
        ("github-actions", "free", {"build_minutes": 3000}, 6),
        ("supabase-auth", "free", {"active_users": 50_000}, 0),
        ("supabase-auth", "pro", {"active_users": 120_000}, 25 + 65),
        # 50,000 at 0.02 and 100,000 at 0.018.
        ("clerk", "pro", {"active_users": 200_000}, 25 + 1000 + 1800),
        ("auth0", "essentials", {"active_users": 400}, 35),
        ("pusher", "pro", {}, 99),
        ("redis", "self-hosted", {"memory": GIB}, 0),
    ],
)
def test_a_month_costs_what_its_parts_add_up_to(
    shipped: Catalogue, offer: str, plan: str, usage: dict[str, float], expected: float
) -> None:
    assert priced(shipped, offer, plan, usage).monthly == pytest.approx(expected, abs=0.006)


def test_seats_terms_and_add_ons_are_part_of_the_price(shipped: Catalogue) -> None:
    assert priced(shipped, "better-stack", "responder", {}, seats=3).monthly == 102
    assert priced(shipped, "github-actions", "team", {"build_minutes": 3500}, seats=5).monthly == 23
    assert priced(shipped, "clerk", "pro", {}, term="yearly").monthly == 20
    hosts = {"instances": 3.0}
    assert priced(shipped, "datadog", "pro", hosts).monthly == 45
    assert priced(shipped, "datadog", "pro", hosts, add_ons=("apm",)).monthly == 45 + 93


@pytest.mark.parametrize(
    ("offer", "plan", "usage", "flat"),
    [
        ("sentry", "team", {"errors": 80_000.0}, 26),
        ("resend", "pro", {"emails": 70_000.0}, 20),
        ("github-actions", "free", {"build_minutes": 4000.0}, 0),
        ("supabase-auth", "pro", {"active_users": 150_000.0}, 25),
    ],
)
def test_nothing_is_billed_above_a_plan_until_its_user_allows_it(
    shipped: Catalogue, offer: str, plan: str, usage: dict[str, float], flat: float
) -> None:
    assert priced(shipped, offer, plan, usage, cap=None).monthly == flat
    more = priced(shipped, offer, plan, usage, cap=False).monthly
    assert more is not None
    assert more > flat


@pytest.mark.parametrize(
    ("offer", "plan"),
    [
        ("sentry", "self-hosted"),
        ("sentry", "enterprise"),
        ("posthog", "self-hosted"),
        ("bigquery-export", "on-demand"),
        ("amplitude", "plus"),
        ("inngest", "business"),
        ("sendgrid", "essentials-100k"),
        ("ably", "standard"),
        ("uptimerobot", "solo"),
    ],
)
def test_a_price_that_nobody_could_read_is_unknown_and_not_zero(
    shipped: Catalogue, offer: str, plan: str
) -> None:
    assert priced(shipped, offer, plan, {}).monthly is None


def test_a_price_says_how_sure_it_is(shipped: Catalogue) -> None:
    assert priced(shipped, "sentry", "business", {}).confidence == "document-only"
    assert priced(shipped, "sentry", "team", {}).confidence == "documented"
    assert priced(shipped, "lemon-squeezy", "usage-based", {}).confidence == "unknown"
    assert priced(shipped, "posthog", "paid", {"events": 2e6}).confidence == "unknown"
    assert priced(shipped, "elasticsearch-on-railway", "self-hosted", {}).confidence == "document-only"


def test_every_service_of_the_documents_is_an_offer_with_the_plans_they_name(shipped: Catalogue) -> None:
    for offer in (*WORDS, *UNNAMED):
        assert shipped.offers[offer].plans, offer
    for offer, words in WORDS.items():
        for word in words:
            said = [s.plans.get(word, word) for d in shipped.documents if (s := shipped.said(offer, d))]
            assert any(shipped.offers[offer].plan(name) for name in [word, *said]), (offer, word)


def test_every_plan_word_of_a_figure_is_found(shipped: Catalogue) -> None:
    missing = [
        (document, key, figure.plan)
        for document, said_by in shipped.documents.items()
        for key, said in said_by.of_product.items()
        if key in WORDS
        for figure in said.figures
        if figure.plan and shipped.offers[key].plan(said.plans.get(figure.plan, figure.plan)) is None
    ]
    assert missing == []


def test_plans_are_told_apart_by_every_name_they_have(shipped: Catalogue) -> None:
    for key in (*WORDS, *UNNAMED):
        names = [
            name.casefold()
            for plan in shipped.offers[key].plans
            for name in {plan.id.casefold(), plan.title.casefold(), *map(str.casefold, plan.aliases)}
        ]
        assert len(names) == len(set(names)), key


def test_the_files_have_no_faults(shipped: Catalogue) -> None:
    mine = {
        p for p in shipped.providers if any(key in {*WORDS, *UNNAMED} for key in shipped.providers[p].offers)
    }
    assert faults(Catalogue({p: shipped.providers[p] for p in mine}), TODAY) == []


def test_an_amount_is_a_sum_and_every_limit_is_of_a_known_kind(shipped: Catalogue) -> None:
    for key in (*WORDS, *UNNAMED):
        for plan in shipped.offers[key].plans:
            for quota in plan.quotas:
                place = f"{key} {plan.id} {quota.metric}"
                amount = VOCABULARY[quota.metric].kind is Kind.AMOUNT
                assert quota.limit is Limit.QUOTA, place
                # Active users are counted up over the cycle, though each count is a level.
                assert (quota.measured is Measured.SUM) == amount or quota.metric == "active_users", place
                if quota.at_end is AtEnd.BILLED and quota.included != "unlimited":
                    assert quota.overage is not None, place


@pytest.mark.parametrize(
    ("offer", "plan", "metric", "included", "scope", "reset", "at_end"),
    [
        ("sentry", "free", "errors", "5000", Scope.ACCOUNT, Reset.BILLING, AtEnd.BLOCKED),
        ("axiom", "free", "logs", "500GB", Scope.ACCOUNT, Reset.BILLING, AtEnd.BLOCKED),
        ("posthog", "free", "events", "1M", Scope.ACCOUNT, Reset.BILLING, AtEnd.BLOCKED),
        ("better-stack", "free", "monitors", "10", Scope.ACCOUNT, Reset.NEVER, AtEnd.BLOCKED),
        ("upstash", "free", "commands", "500000", Scope.SERVICE, Reset.UTC_MONTH, AtEnd.BLOCKED),
        ("algolia", "free", "searches", "10000", Scope.ACCOUNT, Reset.BILLING, AtEnd.UNKNOWN),
        ("github-actions", "free", "build_minutes", "2000", Scope.ACCOUNT, Reset.UTC_MONTH, AtEnd.BILLED),
        ("supabase-auth", "free", "active_users", "50000", Scope.ACCOUNT, Reset.NEVER, AtEnd.BLOCKED),
        ("inngest", "free", "steps", "50000", Scope.ACCOUNT, Reset.UTC_MONTH, AtEnd.UNKNOWN),
        ("clerk", "free", "active_users", "50000", Scope.SERVICE, Reset.NEVER, AtEnd.UNKNOWN),
    ],
)
def test_a_free_plan_ends_where_the_provider_says(
    shipped: Catalogue,
    offer: str,
    plan: str,
    metric: str,
    included: str,
    scope: Scope,
    reset: Reset,
    at_end: AtEnd,
) -> None:
    found = [q for q in plan_quotas(shipped, offer, plan, "", (), TODAY) if q.metric == metric]
    assert [(q.included, q.scope, q.reset, q.at_end) for q in found] == [(included, scope, reset, at_end)]


def test_what_counts_by_two_to_the_thirty_says_so(shipped: Catalogue) -> None:
    assert shipped.offers["axiom"].amount("1GB", "logs") == GIB
    assert shipped.offers["eas"].amount("100GB", "egress") == 100 * GIB
    assert shipped.offers["sentry"].amount("5GB", "logs") == 5 * GB


def test_better_uptime_is_better_stack_by_its_former_name(shipped: Catalogue) -> None:
    assert shipped.offers["betteruptime"].plans == shipped.offers["better-stack"].plans


def test_an_own_server_has_no_quota_and_no_price_to_be_advised_by(shipped: Catalogue) -> None:
    for offer in ("sentry", "posthog"):
        plan = plan_of(shipped, offer, "self-hosted")
        assert (plan.price, plan.quotas, plan.complete) == (None, (), True)
    assert {"memory", "connections"} <= set(plan_of(shipped, "redis", "self-hosted").not_known)


def test_what_is_no_longer_sold_is_no_aim_of_advice(shipped: Catalogue) -> None:
    assert not plan_of(shipped, "eas", "on-demand").sold


def test_a_fee_of_revenue_needs_revenue_and_sales_to_be_measured(shipped: Catalogue) -> None:
    assert plan_of(shipped, "lemon-squeezy", "usage-based").metered == {"revenue", "transactions"}
    assert plan_of(shipped, "upstash", "payg").metered == {"commands", "storage", "egress"}
