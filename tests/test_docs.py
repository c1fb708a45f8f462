"""The pages that are generated are current; links between pages lead somewhere."""

import fnmatch
import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from advisor import alternatives, catalogue_files
from advisor.config import load_config
from advisor.core.language import parse
from advisor.polling.about import products
from advisor.polling.registry import collector, own
from advisor.rulebook import builtin_packs, load_pack
from tests.third_party_example.installed import installed

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def _generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _readme(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)


def test_the_readmes_configuration_loads(tmp_path: Path) -> None:
    path = tmp_path / "advisor.yaml"
    path.write_text(_readme("yaml")[0], "utf-8")
    config = load_config(path, environ={"DATABASE_URL": "postgresql://a@b/c", "SLACK_WEBHOOK": "https://h/x"})
    assert [service.key for service in config.fleet().services] == ["database"]


def test_the_readmes_rule_is_one() -> None:
    (found,) = yaml.safe_load(_readme("yaml")[1])
    assert parse(found["when"]).text == found["when"]


GENERATE = _generate()
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


@pytest.mark.parametrize("name", GENERATE.PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == GENERATE.PAGES[name](), "write it anew: make docs"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    gone = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not gone


DOCUMENTS = sorted(page.stem for page in (DOCS / "documents").glob("*.md"))


def _said(document: str) -> str:
    return (DOCS / "documents" / f"{document}.md").read_text("utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_page_of_a_document_names_the_line_of_every_rule(document: str) -> None:
    text = _said(document)
    named = {int(line) for line in re.findall(r"\d+", text)}
    for first, last in re.findall(r"(\d+)-(\d+)", text):
        named.update(range(int(first), int(last) + 1))
    assert {rule.source.line for rule in load_pack(document).rules} - {None} <= named


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_page_of_a_document_names_no_rule_ladder_or_checklist_that_is_gone(document: str) -> None:
    pack = load_pack(document)
    assert pack.document is not None
    there = [rule.id for rule in pack.rules]
    there += [f".{ladder.id}" for ladder in pack.document.ladders]
    there += [f".{checklist.id}" for checklist in pack.document.checklists]
    words = [
        word
        for word in re.findall(r"`([a-z0-9_.*-]+[a-z0-9*])`", _said(document))
        if re.search("[.*-]", word)
    ]
    assert [word for word in words if not fnmatch.filter(there, f"*{word}")] == []


SERVICES = (DOCS / "providers" / "README.md").read_text("utf-8")


def test_every_service_of_catalogue_and_documents_has_a_row_with_a_collector_or_the_alternative() -> None:
    offers = catalogue_files.load().offers
    rows = [line for line in SERVICES.splitlines() if line.startswith("| ")]
    assert [
        one.title for one in offers.values() if not any(row.startswith(f"| {one.title} |") for row in rows)
    ] == []
    documents = [load_pack(name).document for name in builtin_packs()]
    named = {key for document in documents if document is not None for key in document.of_product}
    assert named <= set(offers)


def test_an_alternative_is_for_a_service_that_no_collector_reads_and_is_a_collector_itself() -> None:
    covered = {product for name in own() for product in products(collector(name))}
    assert not [name for name in alternatives.LISTED if name in covered]
    assert {way for name in alternatives.LISTED for way in alternatives.of(name).ways} <= set(own())


def test_every_collector_has_a_row_that_leads_to_its_page() -> None:
    assert [name for name in own() if f"]({name}.md)" not in SERVICES] == []


async def test_the_tests_of_the_collectors_page_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (DOCS / "collectors.md").read_text("utf-8")
    (code,) = [
        each for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "import acme_usage" in each
    ]
    with installed(tmp_path, monkeypatch):
        told: dict[str, Any] = {}
        exec(code, told)
        tests = [test for name, test in told.items() if name.startswith("test_")]
        assert len(tests) == 3
        for test in tests:
            if (asked := test()) is not None:
                await asked
