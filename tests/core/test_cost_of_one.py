"""What a stack costs is no bill of one of its services, nor of an account."""

from datetime import timedelta

import pytest

from advisor.core.fleet import Account, Fleet, Service, Stack
from tests.core.world import NOW, MemoryLimits, World, rule


@pytest.fixture
def world() -> World:
    """Two services, each at a provider of its own."""
    services = tuple(Service("shop", key, key, key, f"{key}-account") for key in ("backend", "frontend"))
    accounts = tuple(Account(one.account, one.provider) for one in services)
    return World(Fleet((Stack("shop", services=services),), accounts), MemoryLimits({}))


@pytest.mark.parametrize("subject", ["shop", "shop/frontend"])
@pytest.mark.parametrize("about", ["backend", ""], ids=["the service", "its account"])
def test_a_cost_that_is_not_its_own_is_never_judged_as_such(world: World, subject: str, about: str) -> None:
    world.say("cost", 600, NOW, subject, since=NOW - timedelta(hours=1))
    term = world.term(rule("cost per month >= $500", about, provider=("backend",)))
    assert (term.verdict, term.why) == ("unknown", "no reading of `cost` yet")


def test_what_only_a_stack_has_is_found_there(world: World) -> None:
    world.say("users", 600, subject="shop")
    assert world.term("users >= 500", "backend").verdict == "true"
