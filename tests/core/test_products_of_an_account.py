"""One account, several products: what R2 stores is no part of what KV may store."""

from datetime import UTC, datetime
from typing import Any

import pytest

from advisor.core.catalogue import Catalogue, Provider
from advisor.core.concerns import concern_key
from advisor.core.demand import History, usage
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.limits import Limits
from advisor.core.model import Limit
from tests.core.world import MemoryLimits, World, quota, rule

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GB = 10**9


def plan(*quotas: tuple[str, str]) -> dict[str, Any]:
    listed = [{"metric": metric, "included": included, "scope": "account"} for metric, included in quotas]
    return {"title": "x", "plans": [{"id": "free", "title": "Free", "price": [], "quotas": listed}]}


CATALOGUE = Catalogue(
    {
        "acme": Provider.model_validate(
            {"provider": "acme", "title": "Acme", "source": "x", "as_of": "2026-10-01"}
            | {
                "products": {
                    "disk": plan(("storage", "10GB")),
                    "kv": plan(("storage", "1GB"), ("seats", "3")),
                }
            }
        )
    }
)


def service(key: str, product: str, stack: str = "shop") -> Service:
    return Service(stack, key, "storage", f"acme-{product}", "org", "free")


@pytest.fixture
def fleet() -> Fleet:
    shop = Stack("shop", services=(service("files", "disk"), service("cache", "kv")))
    blog = Stack("blog", services=(service("files", "disk", "blog"),))
    return Fleet((shop, blog), (Account("org", "acme", "free"),))


def test_a_quota_of_the_account_counts_the_services_of_its_product(fleet: Fleet) -> None:
    sizes = {"shop/files": 10 * GB, "blog/files": 10 * GB, "shop/cache": GB}
    limits = {(key, "storage", Limit.QUOTA): quota(size, scope="account") for key, size in sizes.items()}
    world = World(fleet, MemoryLimits(limits))
    for key, value in {"shop/files": 3 * GB, "blog/files": 6 * GB, "shop/cache": GB // 10}.items():
        world.say("storage", value, subject=key)
    terms = [world.term("storage > 80% of quota", "storage", place=place) for place in range(3)]
    assert [(term.verdict, term.value) for term in terms] == [
        ("true", 9 * GB),
        ("false", GB // 10),
        ("true", 9 * GB),
    ]


def test_what_two_products_limit_each_for_itself_limits_no_account(fleet: Fleet) -> None:
    limits = Limits(fleet, CATALOGUE)
    assert not limits.all("@org", "storage", Limit.QUOTA, NOW)
    assert [one.value for one in limits.all("@org", "seats", Limit.QUOTA, NOW)] == [3]
    assert [one.value for one in limits.all("shop/cache", "storage", Limit.QUOTA, NOW)] == [GB]


def test_each_product_of_an_account_has_a_concern_of_its_own(fleet: Fleet) -> None:
    limits = Limits(fleet, CATALOGUE)
    keys = [
        concern_key(rule("storage > 80% of quota", "any"), subject, "", limits, fleet, NOW)
        for subject in ("shop/files", "shop/cache", "blog/files")
    ]
    assert keys == ["blog/files#storage", "shop/cache#storage", "blog/files#storage"]


def test_the_need_of_a_product_is_that_of_its_services(fleet: Fleet) -> None:
    at = NOW.timestamp()
    histories = {
        (key, "storage"): History([at], [value * GB])
        for key, value in {"shop/files": 3.0, "blog/files": 6.0, "shop/cache": 0.5}.items()
    }
    limits = Limits(fleet, CATALOGUE)
    needs = [
        usage(one, CATALOGUE.offers[one.provider], fleet, limits, histories, NOW).demands[0].now
        for one in fleet.services
    ]
    assert needs == [9 * GB, 0.5 * GB, 9 * GB]
