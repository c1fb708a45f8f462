"""What hosting, edge, storage and databases cost by the shipped catalogue, each by arithmetic of its own."""

from datetime import date

import pytest

from advisor.core.catalogue import AtEnd, Catalogue, Measured, Plan, Reset, Scope, Size
from advisor.core.fleet import Account
from advisor.core.limits import plan_quotas
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind
from advisor.core.price import Price, monthly
from advisor.world import everything

GB, TB = 1e9, 1e12
GIB, TIB = 2.0**30, 2.0**40
TODAY = date(2026, 11, 21)
PROVIDERS = (
    "aws",
    "backblaze",
    "cloudflare",
    "digitalocean",
    "domain",
    "heroku",
    "kubernetes",
    "neon",
    "railway",
    "render",
    "vercel",
    "vps",
)


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return everything().catalogue


def priced(
    shipped: Catalogue, offer: str, plan: str, usage: dict[str, float], size: str = "", count: float = 1
) -> Price:
    product = shipped.offers[offer]
    found = product.plan(plan)
    assert found is not None
    machine = product.size(size) if size else None
    assert bool(machine) == bool(size)
    return monthly(product, found, usage, Account("acc", offer), size=machine, count=count)


@pytest.mark.parametrize(
    ("offer", "plan", "usage", "expected"),
    [
        # 490 GB above the free 10, at 0.015.
        ("cloudflare-r2", "paid", {"storage": 500 * GB}, 7.35),
        # The free amount bills above it as well: there is no switch.
        ("cloudflare-r2", "free", {"storage": 500 * GB}, 7.35),
        ("cloudflare-r2", "free", {"storage": 10 * GB, "class_b_operations": 10e6}, 0),
        # 10.1 GB-months bill 1 more, and 10 million and one reads another million.
        ("cloudflare-r2", "paid", {"storage": 10.1 * GB, "class_b_operations": 10e6 + 1}, 0.375),
        ("cloudflare-r2", "paid", {"class_a_operations": 3e6, "egress": 900 * TB}, 9.0),
        # 5, and 290 million above 10 at 0.30 a million.
        ("cloudflare-workers", "paid", {"requests": 300e6}, 92.0),
        # 7 ms each for 100 million requests: 700 million ms, 670 of them at 0.02; and 90 million at 0.30.
        ("cloudflare-workers", "paid", {"requests": 100e6, "compute_hours": 700e6 / 3.6e6}, 5 + 27 + 13.4),
        ("cloudflare-workers", "free", {"requests": 2e6}, 0),
        # 10 million reads at 0.50 and 2 million writes at 5 above what is included; 2 GB at 0.50.
        ("cloudflare-kv", "paid", {"reads": 20e6, "writes": 3e6, "storage": 3 * GB}, 5 + 10 + 1),
        ("cloudflare-d1", "paid", {"reads": 26e9, "writes": 60e6, "storage": 9 * GB}, 1 + 10 + 3),
        # 2 million requests at 0.15; 1.4 million GB-seconds, one million of them at 12.50.
        ("cloudflare-durable-objects", "paid", {"requests": 3e6, "gb_hours": 1.4e6 / 3600}, 0.3 + 12.5),
        ("cloudflare-queues", "paid", {"operations": 6e6}, 2.0),
        ("cloudflare-cdn", "free", {"egress": 100 * TB}, 0),
        ("cloudflare-cdn", "pro", {"egress": 100 * TB}, 25),
        # A retail site of 1,000 images in 10 sizes: 5,000 above the free 5,000, at 0.50 a thousand.
        ("cloudflare-images", "paid", {"operations": 10_000}, 2.5),
        ("vercel", "pro", {"egress": 1 * TB}, 20),
        # 200 GB at 0.15. The credit of 20 pays for it: it is usage.
        ("vercel", "pro", {"egress": 1.2 * TB}, 30),
        ("vercel", "pro", {"invocations": 10e6}, 20),
        # The larger of the subscription and the usage: half a vCPU and 1 GB all month are 10 and 10.
        ("railway", "hobby", {}, 5),
        (
            "railway",
            "hobby",
            {"compute_hours": 360, "gb_hours": 720, "disk_used": 10 * GB, "egress": 20 * GB},
            22.5,
        ),
        ("railway", "pro", {"compute_hours": 360, "gb_hours": 720}, 20),
        # A quarter of a CU for 744 hours, 10 GB, and 100 GB sent above 500.
        ("neon", "launch", {"compute_hours": 186, "storage": 10 * GB, "egress": 600 * GB}, 19.716 + 3.5 + 10),
        ("neon", "scale", {"compute_hours": 186, "storage": 10 * GB, "branches": 12}, 41.292 + 3.5),
        ("neon", "pro", {"storage": 2 * GB}, 19),
        # 500 GB of AWS are 500 * 2^30 bytes: 11.50, and 400 above the free 100 at 0.09.
        ("aws-s3", "payg", {"storage": 500 * GIB, "egress": 500 * GIB}, 11.5 + 36),
        # 50 TB at 0.023 and 10 at 0.022.
        ("aws-s3", "payg", {"storage": 60 * TIB}, 1024 * (50 * 0.023 + 10 * 0.022)),
        ("aws-s3", "payg", {"class_a_operations": 1e6, "class_b_operations": 10e6}, 5 + 4),
        # Two tasks of half a vCPU and 1 GB, 730 hours each.
        ("aws-ecs-fargate", "payg", {"compute_hours": 730, "gb_hours": 1460}, 29.5504 + 6.4897),
        (
            "aws-aurora",
            "serverless",
            {"compute_hours": 1460, "storage": 50 * GIB, "operations": 30e6},
            175.2 + 5 + 6,
        ),
        ("aws-ses", "production", {"emails": 250_000}, 25),
        # 990 GB at 0.00695, and 500 GB above three times 1,000 at 0.01.
        ("backblaze-b2", "payg", {"storage": 1 * TB, "egress": 3.5 * TB}, 6.8805 + 5),
        ("digitalocean-spaces", "payg", {"storage": 350 * GIB, "egress": 100 * GIB}, 5 + 2),
        ("domain", "cloudflare", {}, 0.75),
        ("domain", "annual", {}, 1),
    ],
)
def test_a_month_costs_what_its_parts_add_up_to(
    shipped: Catalogue, offer: str, plan: str, usage: dict[str, float], expected: float
) -> None:
    assert priced(shipped, offer, plan, usage).monthly == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(
    ("offer", "plan", "size", "count", "usage", "expected"),
    [
        # 0.065 and 0.324 an hour for 730 hours, and 100 GB at 0.115.
        ("aws-rds", "payg", "db.t4g.medium", 1, {"storage": 100 * GIB}, 47.45 + 11.5),
        ("aws-rds", "payg", "db.m7g.xlarge", 2, {"storage": 100 * GIB}, 473.04 + 11.5),
        ("aws-aurora", "payg", "db.r7g.large", 1, {"storage": 100 * GIB, "operations": 50e6}, 201.48 + 20),
        ("aws-elastic-beanstalk", "payg", "t3.small", 2, {}, 30.36),
        # A cluster at 0.10 an hour and three nodes.
        ("kubernetes", "eks", "m6i.large", 3, {}, 73 + 210.24),
        ("render", "starter", "starter", 1, {}, 7),
        ("render", "hobby", "standard", 2, {}, 50),
        ("heroku", "basic", "basic", 1, {}, 7),
        ("heroku", "standard", "standard-2x", 2, {}, 100),
        # Two Droplets have 2,000 GiB together; 100 above them cost 1.
        ("digitalocean", "payg", "s-1vcpu-1gb", 2, {"egress": 2148 * GIB}, 12 + 1),
    ],
)
def test_machines_are_paid_each(
    shipped: Catalogue,
    offer: str,
    plan: str,
    size: str,
    count: float,
    usage: dict[str, float],
    expected: float,
) -> None:
    found = priced(shipped, offer, plan, usage, size, count)
    assert found.monthly == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize("offer", ["vps", "render", "cloudflare-cdn", "vercel", "railway", "neon"])
def test_a_price_by_agreement_or_unsaid_is_unknown_and_not_zero(shipped: Catalogue, offer: str) -> None:
    unsaid = [plan for plan in shipped.offers[offer].plans if plan.price is None]
    assert unsaid
    for plan in unsaid:
        assert priced(shipped, offer, plan.id, {}).monthly is None


def test_a_cap_of_the_account_keeps_nothing_back_where_the_plan_has_none(shipped: Catalogue) -> None:
    product = shipped.offers["cloudflare-r2"]
    found = monthly(product, product.plans[0], {"storage": 20 * GB}, Account("acc", "x", spend_cap=True))
    assert found.monthly == pytest.approx(0.15)


def test_a_sheet_that_nobody_confirmed_makes_the_price_unsure(shipped: Catalogue) -> None:
    assert priced(shipped, "aws-s3", "payg", {"storage": GIB}).confidence == "unknown"
    assert priced(shipped, "render", "hobby", {}, "starter").confidence == "unknown"
    assert priced(shipped, "cloudflare-r2", "paid", {"storage": GB}).confidence == "documented"
    assert priced(shipped, "domain", "annual", {}).confidence == "document-only"


def test_every_word_of_a_document_for_a_plan_is_found(shipped: Catalogue) -> None:
    missing = [
        (document, key, figure.plan)
        for document, said_by in shipped.documents.items()
        for key, said in said_by.of_product.items()
        if key.partition("-")[0] in PROVIDERS and key in shipped.offers
        for figure in said.figures
        if figure.plan and shipped.offers[key].plan(said.plans.get(figure.plan, figure.plan)) is None
    ]
    assert missing == []


@pytest.mark.parametrize(
    "offer",
    [
        "aws-aurora",
        "aws-ecs-fargate",
        "aws-elastic-beanstalk",
        "aws-rds",
        "aws-s3",
        "backblaze-b2",
        "cloudflare-analytics",
        "cloudflare-cdn",
        "cloudflare-d1",
        "cloudflare-durable-objects",
        "cloudflare-kv",
        "cloudflare-pages",
        "cloudflare-r2",
        "cloudflare-workers",
        "domain",
        "heroku",
        "kubernetes",
        "neon",
        "railway",
        "render",
        "vercel",
        "vercel-analytics",
        "vps",
    ],
)
def test_what_the_documents_name_is_an_offer(shipped: Catalogue, offer: str) -> None:
    assert shipped.offers[offer].plans


def test_an_amount_is_a_sum_and_a_limit_says_what_happens_at_its_end(shipped: Catalogue) -> None:
    for provider in PROVIDERS:
        for key, product in shipped.providers[provider].offers.items():
            entries: list[Plan | Size] = [*product.plans, *product.sizes]
            for place, quota in ((f"{key} {e.id} {q.metric}", q) for e in entries for q in e.quotas):
                amount = VOCABULARY[quota.metric].kind is Kind.AMOUNT
                assert (quota.measured is Measured.SUM) == amount or quota.metric == "active_users", place
                if quota.included != "unlimited" and quota.confidence != "document-only":
                    assert quota.at_end is not AtEnd.UNKNOWN or quota.metric == "active_users", place


def test_a_daily_limit_of_cloudflare_counts_the_whole_account_by_utc_day(shipped: Catalogue) -> None:
    for key in ("workers", "d1", "kv", "durable-objects", "queues"):
        product = shipped.offers[f"cloudflare-{key}"]
        free = product.plan("Free")
        assert free is not None
        amounts = [quota for quota in free.quotas if quota.metric != "egress" and quota.reset]
        amounts = [quota for quota in amounts if VOCABULARY[quota.metric].kind is Kind.AMOUNT]
        assert amounts
        for quota in amounts:
            assert (quota.reset, quota.scope, quota.at_end) == (Reset.UTC_DAY, Scope.ACCOUNT, AtEnd.BLOCKED)


def test_a_single_d1_database_ends_before_the_account_does(shipped: Catalogue) -> None:
    found = plan_quotas(shipped, "cloudflare-d1", "free", "", (), TODAY)
    assert [(q.included, q.scope) for q in found if q.metric == "storage"] == [
        ("500MB", Scope.SERVICE),
        ("5GB", Scope.ACCOUNT),
    ]


def test_what_is_no_longer_sold_is_no_aim_of_advice(shipped: Catalogue) -> None:
    for offer, plan in (("neon", "pro"), ("railway", "trial"), ("render", "professional")):
        found = shipped.offers[offer].plan(plan)
        assert found is not None
        assert not found.sold
