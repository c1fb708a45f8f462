"""The packs hold all that the five documents were found to say, where the tables are there to compare with.

`ADVISOR_REFERENCE` names their folder; without it these tests say that they were skipped.
"""

import csv
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from advisor.commands.rules_compare import kind
from advisor.core.catalogue_rows import document_rows, rows
from advisor.world import World, everything

_FOLDER = os.environ.get("ADVISOR_REFERENCE", "")
pytestmark = pytest.mark.skipif(
    not _FOLDER, reason="ADVISOR_REFERENCE does not name the folder with the tables"
)


def table(name: str) -> list[dict[str, str]]:
    with (Path(_FOLDER) / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def world() -> World:
    return everything()


def test_every_trigger_is_a_rule_or_where_it_cannot_be_measured_a_question(world: World) -> None:
    kinds = {rule.id: kind(rule) for rule in world.rulebook.rules}
    triggers = table("triggers")
    assert [row["id"] for row in triggers if row["id"] not in kinds] == []
    measured = [row["id"] for row in triggers if row["comparator"] != "manual"]
    assert [rule for rule in measured if kinds[rule] != "rule"] == []


def test_every_trigger_names_its_line(world: World) -> None:
    rules = world.rules
    wrong = [
        row["id"]
        for row in table("triggers")
        if (rules[row["id"]].source.document, rules[row["id"]].source.line)
        != (row["document"], int(row["line"]))
    ]
    assert wrong == []


def test_every_target_is_the_source_of_a_rule(world: World) -> None:
    sources = {(rule.source.document, rule.source.line) for rule in world.rulebook.rules}
    assert [row for row in table("targets") if (row["document"], int(row["line"])) not in sources] == []


_QUOTA = (
    "plan",
    "resource",
    "limit",
    "unit",
    "period",
    "price",
    "price_unit",
    "overage_price",
    "overage_unit",
)


def test_every_quota_and_price_is_held_with_its_line(world: World) -> None:
    held = {
        (document.name, str(figure.line), word, *(getattr(figure, key) for key in _QUOTA))
        for document in world.catalogue.documents.values()
        for word, said in document.services.items()
        for figure in said.figures
    }
    wanted = [
        (row["document"], row["line"], row["service"], *(row[key] for key in _QUOTA))
        for row in table("quotas")
    ]
    assert [row for row in wanted if row not in held] == []


def test_catalogue_show_prints_every_quota_under_its_provider(world: World) -> None:
    shown = {
        (row["product"], row["plan"], row["what"], row["source"])
        for provider in world.catalogue.providers
        for row in rows(world.catalogue, provider)
        if row["kind"] == "figure"
    }
    missing: list[tuple[str, ...]] = []
    for row in table("quotas"):
        said = world.catalogue.documents[row["document"]].services[row["service"]]
        source = f"{row['document']} line {row['line']}"
        figure = (row["plan"], row["resource"], source)
        products = said.products or (row["service"],)
        missing += [(product, *figure) for product in products if (product, *figure) not in shown]
    assert missing == []


_STEP = {"step": "step", "from_plan": "from_plan", "to_plan": "to_plan", "condition": "condition"} | {
    "price_from": "price_from",
    "price_to": "price_to",
    "code_changes": "code_changes",
    "effort_or_downtime": "effort",
}


def test_every_step_of_every_ladder_is_held_and_shown(world: World) -> None:
    held = {
        (document.name, ladder.id, str(step.line), *(getattr(step, key) for key in _STEP.values()))
        for document in world.catalogue.documents.values()
        for ladder in document.ladders
        for step in ladder.steps
    }
    wanted = [
        (row["document"], row["ladder"], row["line"], *(row[key] for key in _STEP))
        for row in table("ladders")
    ]
    assert [row for row in wanted if row not in held] == []
    for name, document in world.catalogue.documents.items():
        steps = [row for row in document_rows(document) if row["kind"] == "step"]
        assert len(steps) == sum(row["document"] == name for row in table("ladders"))


def _number(text: str) -> float | None:
    return float(text) if text else None


def test_every_cost_is_held(world: World) -> None:
    held = {
        (name, cost.line, cost.users_min, cost.users_max, cost.low, cost.high, cost.per)
        for name, document in world.catalogue.documents.items()
        for cost in document.costs
    }

    def key(row: Mapping[str, str]) -> tuple[object, ...]:
        bounds = [int(row[name]) if row[name] else None for name in ("users_min", "users_max")]
        costs = _number(row["cost_min"]), _number(row["cost_max"])
        return (row["document"], int(row["line"]), *bounds, *costs, row["currency_period"])

    assert [row for row in table("costs") if key(row) not in held] == []
