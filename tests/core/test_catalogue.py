from datetime import date
from typing import Any

import pytest

from advisor import catalogue_files
from advisor.core.catalogue import (
    OLD_AFTER,
    Catalogue,
    Provider,
    Reset,
    measure,
    schema,
)
from advisor.core.catalogue_lint import faults, lint, outdated
from advisor.core.catalogue_rows import rows
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Confidence
from advisor.errors import InputError
from advisor.world import everything

TODAY = date(2026, 11, 21)

HEAD = """\
provider: acme
title: Acme
source: acme.example/pricing
as_of: 2026-10-01
"""


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return everything().catalogue


def test_the_shipped_catalogue_has_no_faults(shipped: Catalogue) -> None:
    assert set(shipped.offers) >= {"supabase", "fly", "resend"}
    assert faults(shipped, TODAY) == []


def test_every_figure_names_source_date_and_confidence(shipped: Catalogue) -> None:
    for product in shipped.offers.values():
        for entry in (*product.plans, *product.sizes, *(q for p in product.plans for q in p.quotas)):
            assert entry.source
            assert entry.as_of <= TODAY
            assert entry.confidence in Confidence


def test_prices_that_nobody_confirmed_say_so(shipped: Catalogue) -> None:
    resend = shipped.offers["resend"]
    found = {plan.id: plan.confidence for plan in resend.plans}
    assert found["pro"] is Confidence.DOCUMENT_ONLY
    assert found["scale"] is Confidence.UNKNOWN


def test_a_document_and_the_provider_stand_side_by_side(shipped: Catalogue) -> None:
    supabase = shipped.offers["supabase"]
    free = supabase.plan("Free")
    assert free is not None
    assert next(q.included for q in free.quotas if q.metric == "egress") == "5GB"
    said = {
        q.metric: q.included
        for plan, q in shipped.document_quotas("supabase", "app-virgin")
        if plan == "free"
    }
    assert said == {"storage": "500MB", "connections": "20", "egress": "2GB", "requests": "unlimited"}


def test_a_documents_quota_is_metered_as_the_provider_meters_it(shipped: Catalogue) -> None:
    quotas = [q for plan, q in shipped.document_quotas("resend", "app-virgin") if plan == "free"]
    emails = {q.reset: q.included for q in quotas if q.metric == "emails"}
    assert emails == {Reset.UTC_DAY: "100", Reset.UTC_MONTH: "3000"}


@pytest.mark.parametrize(
    ("text", "metric", "binary", "value"),
    [
        ("8GB", "storage", False, 8e9),
        ("8GB", "storage", True, 8 * 2**30),
        ("8GiB", "storage", True, 8 * 2**30),
        ("0.5GB", "storage", False, 5e8),
        ("2M", "messages", False, 2e6),
        ("0", "egress", False, 0.0),
    ],
)
def test_included_is_read_in_the_providers_units(text: str, metric: str, binary: bool, value: float) -> None:
    assert measure(text, VOCABULARY[metric], binary) == value


def test_bytes_are_no_count() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        measure("8GB", VOCABULARY["emails"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("plans: [{id: a, title: A, colour: red}]", r"acme.yaml:5: `colour`: is no key here"),
        ("plans: [{id: a}]", r"acme.yaml:5: `title`: is missing"),
        ("plans: [{id: a, title: A, price: [{kind: fixed, usd: -1}]}]", r"acme.yaml:5: `usd`: .*greater"),
        ("plans: [{id: a, title: A, price: [{kind: gift, usd: 1}]}]", r"acme.yaml:5:.*gift"),
        ("plans: 7", r"acme.yaml:5: `plans`"),
        ("plans:\n  - {id: a, title: A}\n  - {id: a, id: b}", r"acme.yaml:7: `id`: written twice"),
    ],
)
def test_a_fault_in_a_file_names_file_line_and_key(body: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        catalogue_files.parse(HEAD + body + "\n", "acme.yaml")


def provider(**plan: Any) -> Catalogue:
    made = Provider.model_validate(
        {
            "provider": "acme",
            "title": "Acme",
            "source": "x",
            "as_of": "2026-10-01",
            "plans": [{"id": "a", "title": "A", **plan}],
        }
    )
    return Catalogue({"acme": made})


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"quotas": [{"metric": "bandwith", "included": "1GB"}]}, "no metric `bandwith`"),
        ({"quotas": [{"metric": "storage", "included": "7"}]}, "does not fit"),
        ({"quotas": [{"metric": "storage", "included": "7GB", "reset": "month"}]}, "mend `reset`"),
        ({"quotas": [{"metric": "cpu", "included": "70%"}]}, "has no quota"),
        ({"quotas": [{"metric": "storage", "included": "7GB", "at_end": "billed"}]}, "at no price"),
        (
            {"quotas": [{"metric": "storage", "included": "7GB", "overage": 1, "overage_per": "1GB"}]},
            "at_end: billed",
        ),
        ({"sizes": ["huge"]}, "no size `huge`"),
        ({"as_of": "2027-01-01"}, "future"),
        (
            {
                "price": [
                    {"kind": "usage", "metric": "egress", "tiers": [{"usd": 1, "per": "1GB", "up_to": "9GB"}]}
                ]
            },
            "last tier",
        ),
        (
            {
                "price": [
                    {
                        "kind": "usage",
                        "metric": "egress",
                        "included_of": "emails",
                        "tiers": [{"usd": 1, "per": "1GB"}],
                    }
                ]
            },
            "not in bytes",
        ),
        ({"not_known": ["nothing"]}, "names no metric"),
    ],
)
def test_lint_finds_what_the_shape_cannot(plan: dict[str, Any], words: str) -> None:
    found = lint(provider(**plan), TODAY)
    assert len(found) == 1
    assert words in found[0]


def test_an_old_entry_is_told_and_is_no_fault() -> None:
    catalogue = provider(as_of="2026-01-01")
    assert faults(catalogue, TODAY) == []
    assert str(OLD_AFTER) in outdated(catalogue, TODAY)[0]


def test_a_providers_products_have_names_of_their_own() -> None:
    made = Provider.model_validate(
        {
            "provider": "acme",
            "title": "Acme",
            "source": "x",
            "as_of": "2026-10-01",
            "gb": "binary",
            "products": {"disk": {"title": "Acme Disk", "plans": [{"id": "free", "title": "Free"}]}},
        }
    )
    catalogue = Catalogue({"acme": made})
    assert list(catalogue.offers) == ["acme-disk"]
    assert catalogue.offers["acme-disk"].gb == "binary"
    assert catalogue.offers["acme-disk"].plans[0].source == "x"
    assert [product.title for product in catalogue.of("acme").values()] == ["Acme Disk"]


def test_show_holds_plans_figures_and_every_step(shipped: Catalogue) -> None:
    shown = rows(shipped, "supabase")
    assert len({tuple(row) for row in shown}) == 1
    plans = {
        row["plan"]: row["price"] for row in shown if (row["product"], row["kind"]) == ("supabase", "plan")
    }
    assert plans == {
        "free": "$0/mo",
        "pro": "$25/mo and credit",
        "team": "$599/mo and credit",
        "enterprise": "not known",
    }
    steps = {row["source"]: row["price"] for row in shown if row["kind"] == "step"}
    assert steps["app-virgin line 301"] == "$25/mo"
    figures = {(row["plan"], row["what"], row["amount"], row["source"]) for row in shown}
    assert ("Free", "egress", "2 GB a month", "app-virgin line 290") in figures
    assert all(row["source"] and row["as of"] and row["confidence"] for row in shown)


def test_the_schema_asks_for_no_source_where_the_files_head_has_it() -> None:
    made = schema()
    assert "source" in made["required"]
    assert made["$defs"]["Plan"]["required"] == ["id", "title"]


def test_playbooks_have_front_matter_and_fill_in_facts() -> None:
    books = catalogue_files.playbooks()
    book = books["supabase-free-to-pro"]
    steps = book.steps({"target": "Pro", "price": "$25/mo"})
    assert "Choose Pro at $25/mo for the organisation." in steps[2]
    assert "<account>" in steps[1]
    for name, each in books.items():
        assert each.steps(), name
        assert each.source, name


def test_every_playbook_that_the_catalogue_names_exists(shipped: Catalogue) -> None:
    books = catalogue_files.playbooks()
    for product in shipped.offers.values():
        named = {plan.playbook for plan in product.plans}
        assert named - {""} <= set(books)
    for document in shipped.documents.values():
        steps = [step for ladder in document.ladders for step in ladder.steps]
        assert {step.playbook for step in steps} - {""} <= set(books)


def test_a_playbook_without_front_matter_is_refused() -> None:
    with pytest.raises(InputError, match="no front matter"):
        catalogue_files.parse_playbook("# Steps\n", "x.md")
