"""Railway's usage: one name with two meanings, and counters of a period that become amounts."""

from datetime import UTC, datetime, timedelta

import pytest

from advisor.collectors import railway
from advisor.collectors.railway import bill
from advisor.core.model import Quality
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = railway.Settings.model_validate(dict(railway.ABOUT.example))
GOOD = {name: sample for name, sample in samples(railway).items() if not sample.is_error}
BEGUN = datetime(2026, 11, 12, tzinfo=UTC)


async def test_usage_is_minutes_and_live_metrics_are_levels_of_the_same_name() -> None:
    readings = {r.metric: r for r in (await ask(railway, GOOD, SETTINGS)).answer.readings}
    assert readings["compute_hours"].value == 10  # 600 vCPU-minutes; the other service's are left out.
    assert readings["gb_hours"].value == 20
    assert readings["egress"].value == 2e9
    assert readings["egress"].since == BEGUN
    assert (readings["cpu"].value, readings["cpu"].part) == (
        0.5,
        "s1",
    )  # The newest: 4 of 8 vCPU.
    assert readings["memory"].value == 0.5e9


async def test_a_projects_cost_is_estimated_at_list_price_and_a_workspaces_is_its_own_dollars() -> None:
    own = [r for r in (await ask(railway, GOOD, SETTINGS)).answer.readings if r.metric == "cost"]
    assert own[0].value == pytest.approx(600 * 20 / 43200 + 1200 * 10 / 43200 + 2 * 0.05)
    assert own[0].quality is Quality.ESTIMATED
    whole = railway.Settings.model_validate({"token": "t", "workspace": "w1"})
    first = (await ask(railway, GOOD, whole)).answer
    assert [(r.value, r.since) for r in first.readings if r.metric == "cost"] == [(7.5, BEGUN)]
    kept = {"dollars": {**first.keep["dollars"], "at": NOON.timestamp() - 600, "used": 7.0}}
    again = (await ask(railway, GOOD, whole, previous=kept)).answer
    cost = [(r.value, r.since) for r in again.readings if r.metric == "cost"]
    assert cost == [(0.5, NOON - timedelta(minutes=10))]


async def test_what_was_left_of_an_ended_period_is_asked_for() -> None:
    asked: list[tuple[datetime, datetime]] = []

    async def total(since: datetime, until: datetime) -> dict[str, float]:
        asked.append((since, until))
        return {"NETWORK_TX_GB": 5.0 if until == BEGUN else 1.0}

    old = BEGUN - timedelta(days=31)
    polled = BEGUN - timedelta(hours=1)
    last = {
        "period": old.timestamp(),
        "at": polled.timestamp(),
        "used": {"NETWORK_TX_GB": 4.0},
    }
    answer = await bill.since_last(last, BEGUN, NOON, total)
    egress = [(r.value, r.since, r.at) for r in answer.readings if r.metric == "egress"]
    assert egress == [(1e9, polled, BEGUN), (1e9, BEGUN, NOON)]
    assert asked == [(old, BEGUN), (BEGUN, NOON)]
