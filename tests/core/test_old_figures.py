from datetime import UTC, date, datetime

from advisor.core.catalogue import Catalogue, Provider
from advisor.core.document import Document
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.language import parse
from advisor.core.lifecycle import Finding, State
from advisor.core.limits import Limits
from advisor.core.model import Action, Limit, Severity
from advisor.core.old_figures import old, speaks_from_old_figure
from advisor.core.rule import Rule, Source

SAID = date(2026, 1, 10)
LATER = datetime(2026, 11, 20, tzinfo=UTC)
SOON = datetime(2026, 2, 1, tzinfo=UTC)
FINDING = Finding("r", "shop/db", "", State.FIRING, LATER)


def speaks(when: str, quotas: list[dict[str, str]], now: datetime = LATER, **account: object) -> bool:
    file = Provider.model_validate(
        {
            "provider": "acme",
            "title": "Acme",
            "source": "its docs",
            "as_of": "2026-10-01",
            "plans": [{"id": "free", "title": "Free", "price": [], "quotas": quotas}],
        }
    )
    figure = {
        "line": 3,
        "plan": "Free",
        "resource": "storage",
        "limit": "500",
        "unit": "MB",
        "metric": "storage",
    }
    document = Document.model_validate(
        {"name": "doc", "as_of": SAID, "services": {"acme": {"plans": {"Free": "free"}, "figures": [figure]}}}
    )
    catalogue = Catalogue({"acme": file}, {"doc": document})
    service = Service("shop", "db", "database", "acme", "a")
    stack = Stack("shop", packs=("doc",), services=(service,))
    limits = Limits(Fleet((stack,), (Account("a", "acme", "free", **account),)), catalogue)  # type: ignore[arg-type]  # Only a test's own words.
    rule = Rule("r", parse(when), (Action.UPGRADE,), Severity.CRITICAL, "", source=Source("doc", 3))
    found = limits.find("shop/db", "storage", Limit.QUOTA, now)
    assert found is not None
    assert not (old(found, now) and quotas)
    return speaks_from_old_figure(rule, FINDING, limits, catalogue.documents, now)


def test_a_limit_that_only_an_old_document_knows_is_an_old_figure() -> None:
    assert speaks("storage > 80% of quota", [])
    assert not speaks("storage > 80% of quota", [], SOON)


def test_a_documents_own_number_is_old_where_a_newer_limit_differs() -> None:
    newer = [{"metric": "storage", "included": "8GB"}]
    assert speaks("storage > 400MB", newer)
    assert not speaks("storage > 400MB", newer, SOON)
    assert not speaks("storage > 80% of quota", newer)


def test_a_documents_number_that_the_provider_confirms_is_not_old() -> None:
    assert not speaks("storage > 400MB", [{"metric": "storage", "included": "500MB"}])


def test_the_users_own_limit_is_no_old_figure() -> None:
    limits = {("storage", Limit.QUOTA): 5e8}
    assert not speaks("storage > 80% of quota", [], limits=limits)
