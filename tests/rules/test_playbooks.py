"""Whoever is sent to a playbook finds it, and finds steps in it."""

import re
from collections.abc import Iterator

import pytest

from advisor import catalogue_files
from advisor.core.playbook import Playbook
from advisor.rulebook import builtin_packs, load_pack

BOOKS = catalogue_files.playbooks()
#: What a step may name in braces: that which advice fills in.
FACTS = {
    *("service", "provider", "account", "plan", "target", "price", "size", "storage"),
    *("project", "stack", "product", "date", "by"),
}


def named() -> Iterator[tuple[str, str]]:
    """Yield who names a playbook, and which."""
    for name in builtin_packs():
        pack = load_pack(name)
        for rule in pack.rules:
            yield rule.id, rule.playbook
        if pack.document is not None:
            for ladder in pack.document.ladders:
                for step in ladder.steps:
                    yield f"{name} line {step.line}", step.playbook
            for checklist in pack.document.checklists:
                for item in checklist.items:
                    yield f"{name} {checklist.id} {item.id}", item.playbook
    for product, offer in catalogue_files.load().offers.items():
        for plan in offer.plans:
            yield f"{product} {plan.id}", plan.playbook


def test_every_playbook_that_is_named_is_there() -> None:
    assert {who: book for who, book in named() if book and book not in BOOKS} == {}


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_a_playbook_says_where_it_is_from_what_it_takes_and_how_to_see_that_it_worked(name: str) -> None:
    book = BOOKS[name]
    assert book.title
    assert book.source
    assert book.checks
    assert "not known" not in (book.downtime, book.code_changes, book.reversible)


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_a_playbook_has_steps_and_names_only_facts_that_can_be_known(name: str) -> None:
    book = BOOKS[name]
    assert len(book.steps()) >= 3
    assert set(re.findall(r"\{(\w+)\}", book.body)) <= FACTS


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_the_numbers_of_the_steps_run_on(name: str) -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", BOOKS[name].body, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) == len(BOOKS[name].steps())


def test_a_fact_that_is_not_known_stays_a_blank_to_be_seen() -> None:
    book = Playbook(title="t", source="s", body="1. Open {account}.\n2. Choose {target}\n   for {service}.")
    assert book.steps({"account": "acme", "service": "shop/database"}) == (
        "Open acme.",
        "Choose <target> for shop/database.",
    )
