"""What so many users use, break and cost: properties, and what unknown figures may not do."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.core.catalogue import Catalogue, Provider
from advisor.core.demand import MONTH, Histories, History
from advisor.core.document import Document
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.outlook import Choice, Outlook
from advisor.core.whatif import WhatIf

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = 86400.0


def provider(name: str, plans: list[dict[str, Any]], sizes: list[dict[str, Any]] | None = None) -> Provider:
    return Provider.model_validate(
        {
            "provider": name,
            "title": name.title(),
            "source": "a test",
            "as_of": date(2026, 1, 1),
            "plans": [{"title": plan["id"].title(), "complete": True, **plan} for plan in plans],
            "sizes": sizes or [],
        }
    )


def plan(name: str, usd: float | None, **quotas: str) -> dict[str, Any]:
    price = None if usd is None else [{"kind": "fixed", "usd": usd}] if usd else []
    return {
        "id": name,
        "price": price,
        "quotas": [
            {
                "metric": metric,
                "included": included,
                "at_end": "blocked",
                **({"reset": "month", "measured": "sum"} if metric in {"emails", "egress"} else {}),
            }
            for metric, included in quotas.items()
        ],
    }


def document(
    capacity: list[dict[str, Any]] | None = None,
    ladders: list[dict[str, Any]] | None = None,
    costs: list[dict[str, Any]] | None = None,
) -> Document:
    return Document.model_validate(
        {
            "name": "paper",
            "as_of": date(2026, 1, 1),
            "capacity": [{"line": 10 + place, **row} for place, row in enumerate(capacity or [])],
            "ladders": ladders or [],
            "costs": costs or [],
        }
    )


def what_if(
    *providers: Provider,
    services: Mapping[str, str],
    said: Document | None = None,
    histories: Histories | None = None,
    accounts: Mapping[str, str] | None = None,
    users: float | None = 1000,
) -> WhatIf:
    """`services` are `provider/plan` by key; `accounts` the account of a key, else one of its own."""
    made = tuple(
        Service(
            "shop", key, key, where.partition("/")[0], (accounts or {}).get(key, key), where.partition("/")[2]
        )
        for key, where in services.items()
    )
    facts = {"users": float(users)} if users is not None else {}
    stack = Stack("shop", facts=facts, packs=("paper",), services=made)
    fleet = Fleet((stack,), tuple({s.account: Account(s.account, s.provider) for s in made}.values()))
    documents = [said] if said is not None else []
    catalogue = Catalogue({one.provider: one for one in providers}, {one.name: one for one in documents})
    return WhatIf(stack, fleet, catalogue, documents, NOW, histories=histories)


def only(outlook: Outlook) -> Choice:
    (choice,) = outlook.choices
    return choice


BASE = provider(
    "base",
    [plan("free", 0, storage="1GB"), plan("pro", 25, storage="100GB"), plan("max", 200, storage="unlimited")],
)
ONE_MB = document([{"metric": "storage", "role": "database", "low": "1MB"}])


@st.composite
def worlds(draw: st.DrawFn) -> WhatIf:
    plans = []
    for number in range(draw(st.integers(1, 5))):
        quotas = draw(
            st.dictionaries(
                st.sampled_from(["storage", "emails", "connections"]), st.none() | st.integers(1, 10**6)
            )
        )
        made = plan(
            f"p{number}",
            draw(st.none() | st.integers(0, 500)),
            **{
                metric: "unlimited" if limit is None else f"{limit}MB" if metric == "storage" else str(limit)
                for metric, limit in quotas.items()
            },
        )
        for quota in made["quotas"]:
            if quota["metric"] != "connections" and draw(st.booleans()):
                per = "1MB" if quota["metric"] == "storage" else "1"
                quota |= {"at_end": "billed", "overage": draw(st.floats(0, 1)), "overage_per": per}
        if draw(st.booleans()):
            made["price"] = (made["price"] or []) + [
                {"kind": "usage", "metric": "egress", "tiers": [{"usd": 1, "per": "1GB"}]}
            ]
        plans.append({**made, "complete": draw(st.booleans())})
    capacity = [
        {"metric": "storage", "role": "database", "low": f"{draw(st.integers(1, 5000))}KB"},
        {"metric": "emails", "role": "database", "low": str(draw(st.integers(1, 50))), "period": "day"},
    ]
    current = draw(st.sampled_from([one["id"] for one in plans]))
    return what_if(provider("base", plans), services={"database": f"base/{current}"}, said=document(capacity))


@given(worlds(), st.integers(1, 10**6), st.integers(1, 10**6))
@settings(max_examples=100, deadline=None)
def test_cost_never_falls_when_users_grow(world: WhatIf, first: int, second: int) -> None:
    few, many = sorted((first, second))
    small, large = world.at(few).total, world.at(many).total
    if small is not None and large is not None:
        assert large >= small - 0.005


@given(worlds(), st.integers(1, 10**6), st.integers(2, 50))
@settings(max_examples=60, deadline=None)
def test_projected_usage_is_linear(world: WhatIf, users: int, times: int) -> None:
    for one, more in zip(world.project(users), world.project(users * times), strict=True):
        assert abs(more.high - one.high * times) <= 1e-9 * more.high


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_breaks_are_in_order_and_lie_where_usage_meets_the_limit(world: WhatIf) -> None:
    breaks = world.breaks()
    assert [one.users for one in breaks] == sorted(one.users for one in breaks)
    for one in breaks:
        there = [p for p in world.project(one.users) if (p.metric, p.period) == (one.metric, one.period)]
        assert all(abs(p.high - one.limit) <= 1e-9 * one.limit for p in there)


def test_the_cheapest_plan_that_carries_with_headroom_is_chosen() -> None:
    world = what_if(BASE, services={"database": "base/free"}, said=ONE_MB)
    assert [only(world.at(users)).plan for users in (833, 834, 83_333, 83_334)] == [
        "free",
        "pro",
        "pro",
        "max",
    ]
    assert world.present().total == 0


def test_an_unknown_price_never_counts_as_nothing() -> None:
    priceless = provider("base", [plan("free", 0, storage="1GB"), plan("talk", None, storage="unlimited")])
    outlook = what_if(priceless, services={"database": "base/free"}, said=ONE_MB).at(5000)
    assert outlook.total is None
    assert only(outlook).monthly is None
    assert "known price" in outlook.missing[0]


def test_an_unknown_limit_carries_nothing_that_breaks() -> None:
    vague = provider("base", [plan("free", 0, storage="1GB"), {**plan("vague", 5), "complete": False}])
    outlook = what_if(vague, services={"database": "base/free"}, said=ONE_MB).at(5000)
    assert outlook.total is None
    assert only(outlook).plan == ""


def test_a_service_that_nothing_projects_stays_and_makes_the_total_at_least() -> None:
    outlook = what_if(BASE, services={"database": "base/pro"}).at(50_000)
    assert (only(outlook).plan, outlook.known, outlook.total) == ("pro", 25, None)


def test_an_account_shared_by_services_is_priced_once_and_its_quota_is_their_sum() -> None:
    quotas = [{"metric": "storage", "included": "100GB", "scope": "account", "at_end": "blocked"}]
    shared = provider(
        "base",
        [
            {"id": "pro", "price": [{"kind": "fixed", "usd": 25}], "quotas": quotas},
            plan("max", 200, storage="unlimited"),
        ],
    )
    said = document(
        [
            {"metric": "storage", "role": "database", "low": "1MB"},
            {"metric": "storage", "role": "files", "low": "1MB"},
        ]
    )
    services = {"database": "base/pro", "files": "base/pro"}
    accounts = {"database": "one", "files": "one"}
    world = what_if(shared, services=services, said=said, accounts=accounts)
    assert only(world.at(40_000)).services == ("database", "files")
    assert world.at(40_000).total == 25
    assert world.at(50_000).total == 200
    assert [one.users for one in world.breaks()] == [50_000]


LADDER = [
    {
        "id": "database-path",
        "steps": [
            {"line": 7, "step": "2", "starts": ["base"], "ends": ["next/any"], "users": [10_000, None]},
        ],
    }
]


def test_another_product_is_chosen_only_on_the_ladder_and_with_known_limits() -> None:
    capacity = [{"metric": "storage", "role": "database", "low": "1MB"}]
    cheap, vague = plan("any", 10, storage="1TB"), {**plan("any", 1), "complete": False}
    services = {"database": "base/free"}
    without = what_if(BASE, provider("next", [cheap]), services=services, said=document(capacity))
    along = what_if(BASE, provider("next", [cheap]), services=services, said=document(capacity, LADDER))
    unknown = what_if(BASE, provider("next", [vague]), services=services, said=document(capacity, LADDER))
    assert only(without.at(5000)).product == "base"
    assert (only(along.at(5000)).product, only(along.at(5000)).moved) == ("next", "paper line 7")
    assert only(unknown.at(5000)).product == "base"


def test_what_the_present_provider_bills_must_be_known_of_another() -> None:
    by_use = {"kind": "usage", "metric": "egress", "tiers": [{"usd": 0.02, "per": "1GB"}]}
    capacity = [{"metric": "egress", "role": "database", "low": "1GB", "period": "month"}]
    base = provider("base", [{"id": "payg", "price": [by_use]}])
    vague = provider("next", [{"id": "any", "price": [], "not_known": ["egress"]}])
    outlook = what_if(base, vague, services={"database": "base/payg"}, said=document(capacity, LADDER)).at(
        5000
    )
    assert (only(outlook).product, outlook.total) == ("base", 100)


def test_what_another_stack_uses_of_the_account_is_added_and_does_not_grow() -> None:
    quota = {"metric": "storage", "included": "100GB", "scope": "account", "at_end": "blocked"}
    plans = [{"id": "pro", "price": [], "quotas": [quota]}, plan("max", 200, storage="unlimited")]
    base = provider("base", plans)
    services = [Service(name, "database", "database", "base", "one", "pro") for name in ("shop", "club")]
    stacks = tuple(
        Stack(one.stack, facts={"users": 1000.0}, packs=("paper",), services=(one,)) for one in services
    )
    fleet = Fleet(stacks, (Account("one", "base", "pro"),))
    histories = {("club/database", "storage"): History((NOW.timestamp(),), (40e9,))}
    catalogue = Catalogue({"base": base}, {"paper": ONE_MB})
    world = WhatIf(stacks[0], fleet, catalogue, [ONE_MB], NOW, histories=histories)
    assert [one.users for one in world.breaks()] == [60_000]
    assert [world.at(users).total for users in (40_000, 50_000)] == [0, 200]


def test_a_share_of_revenue_is_priced_where_revenue_is_known() -> None:
    shop = provider("till", [{"id": "any", "price": [{"kind": "share", "rate": 0.05}]}])
    world = what_if(shop, services={"payments": "till/any"})
    assert world.at(1000).total is None
    world.revenue_per_user = 2.0
    assert world.at(1000).total == 100


def test_a_price_that_lacks_a_part_does_not_beat_a_whole_one() -> None:
    by_use = {
        **plan("any", 1, storage="1TB"),
        "price": [{"kind": "usage", "metric": "compute_hours", "tiers": [{"usd": 1}]}],
    }
    said = document([{"metric": "storage", "role": "database", "low": "1MB"}], LADDER)
    outlook = what_if(BASE, provider("next", [by_use]), services={"database": "base/free"}, said=said).at(
        5000
    )
    assert (only(outlook).product, outlook.total) == ("base", 25)
    assert only(outlook).others[-1] == ("Next Any", 0.0, True)


def test_less_memory_than_now_is_no_saving() -> None:
    sizes = [
        {"id": "small", "title": "Small", "usd": 2, "quotas": [{"metric": "memory", "included": "256MiB"}]},
        {"id": "large", "title": "Large", "usd": 9, "quotas": [{"metric": "memory", "included": "1GiB"}]},
    ]
    plans = [{**plan("payg", 0, egress="unlimited"), "sizes": ["small", "large"], "default_size": "large"}]
    said = document([{"metric": "egress", "role": "backend", "low": "1MB", "period": "month"}])
    outlook = what_if(provider("base", plans, sizes), services={"backend": "base/payg"}, said=said).at(5000)
    assert (only(outlook).size, outlook.total) == ("large", 9)


def test_machines_follow_the_documents_ladder_and_say_so() -> None:
    sizes = [{"id": "small", "title": "Small", "usd": 2}]
    plans = [{**plan("payg", 0), "sizes": ["small"], "default_size": "small"}]
    steps = [
        {"line": 3, "step": "1", "to_plan": "3 VMs", "ends": ["base"], "users": [0, 5000]},
        {"line": 4, "step": "2", "to_plan": "3-5 VMs", "ends": ["base"], "users": [5000, None]},
    ]
    said = document(ladders=[{"id": "backend-path", "steps": steps}])
    world = what_if(provider("base", plans, sizes), services={"backend": "base/payg"}, said=said)
    assert [world.at(users).known for users in (4999, 5000)] == [6, 10]
    assert only(world.at(5000)).notes == ("5 machines by the document, paper line 4",)


def test_cpu_and_memory_are_said_to_be_not_projected() -> None:
    level = History((NOW.timestamp() - DAY, NOW.timestamp()), (0.4, 0.5))
    histories = {("shop/database", "cpu"): level, ("shop/database", "memory"): level}
    world = what_if(BASE, services={"database": "base/pro"}, said=ONE_MB, histories=histories)
    assert world.not_projected() == [("database", "cpu"), ("database", "memory")]
    assert [one.metric for one in world.project(5000)] == ["storage"]


def test_the_price_of_what_only_a_document_prices_is_the_documents() -> None:
    costs = [
        {
            "line": 5,
            "table": "t",
            "item": "Name",
            "role": "domain",
            "users_min": 0,
            "low": 0.75,
            "high": 0.75,
        },
        {"line": 6, "table": "t", "item": "Alarm", "role": "alarm", "users_min": 0, "low": 10, "high": 20},
        {"line": 7, "table": "t", "item": "TOTAL", "total": True, "users_min": 0, "low": 1, "high": 21},
    ]
    services = {"domain": "registrar", "alarm": "bell", "other": "who"}
    outlook = what_if(services=services, said=document(costs=costs)).at(100)
    assert [choice.monthly for choice in outlook.choices] == [0.75, 10, None]
    assert (outlook.known, outlook.total) == (10.75, None)
    assert outlook.choices[0].notes == ("by the document, paper line 5",)


# Usage per user from history.


def _days(values: list[float]) -> tuple[list[float], list[float]]:
    end = NOW.timestamp()
    starts = [end - DAY * (len(values) - place) for place in range(len(values))]
    return starts, [start + DAY for start in starts]


def test_usage_per_user_is_measured_before_it_is_read_in_a_document() -> None:
    since, until = _days([100.0] * 10)
    histories = {
        ("shop", "users"): History((NOW.timestamp() - 20 * DAY,), (500.0,)),
        ("shop/database", "storage"): History(until, [1e9 + n for n in range(9)] + [2e9]),
        ("shop/database", "emails"): History(until, [100.0] * 10, since),
    }
    said = document(
        [
            {"metric": "storage", "role": "database", "low": "1MB"},
            {"metric": "messages", "role": "database", "low": "3", "period": "day"},
        ]
    )
    world = what_if(BASE, services={"database": "base/pro"}, said=said, histories=histories, users=None)
    found = {(one.metric, one.period): one for one in world.per_user(world.stack.services[0])}
    assert world.users == 500
    assert found["storage", ""].high == 2e9 / 500
    assert found["storage", ""].source == "measured over 9 days at 500 users"
    assert abs(found["emails", "month"].high - 100 * MONTH / 500) < 1e-9
    assert (found["messages", "day"].high, found["messages", "day"].source) == (3, "paper line 11")


def test_without_users_nothing_is_divided() -> None:
    histories = {("shop/database", "storage"): History((NOW.timestamp(),), (2e9,))}
    world = what_if(BASE, services={"database": "base/pro"}, histories=histories, users=None)
    assert world.users is None
    assert world.per_user(world.stack.services[0]) == ()


def test_an_amount_is_divided_by_the_users_of_its_days() -> None:
    since, until = _days([100.0, 300.0])
    users = History((since[0], since[1]), (100.0, 300.0))
    histories = {("shop", "users"): users, ("shop/database", "emails"): History(until, [100.0, 300.0], since)}
    world = what_if(BASE, services={"database": "base/pro"}, histories=histories, users=None)
    (month,) = [one for one in world.per_user(world.stack.services[0]) if one.period == "month"]
    assert abs(month.high - MONTH) < 1e-9
    assert month.source == "measured over 2 days at 200 users"
