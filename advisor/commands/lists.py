"""The lists: metrics, collectors, the catalogue."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from advisor.commands import output
from advisor.core.metrics import VOCABULARY
from advisor.core.units import Unit, show

#: What `catalogue show` prints of a document; its checklists and capacity have commands of their own.
_OF_DOCUMENT = {"name", "title", "as_of", "services", "ladders", "costs"}


def metrics(*, json: bool) -> int:
    """Print the vocabulary."""
    rows = [
        {
            "name": metric.name,
            "unit": metric.unit,
            "kind": metric.kind,
            "limits": sorted(metric.limits),
            "roles": sorted(metric.roles),
            "combine": metric.combine,
            "meaning": metric.meaning,
        }
        for metric in VOCABULARY.values()
    ]
    if json:
        output.as_json({"version": 1, "metrics": rows})
        return 0
    output.table(
        "",
        ["metric", "unit", "kind", "limits", "who", "meaning"],
        [
            [
                metric.name,
                metric.unit,
                metric.kind,
                " ".join(sorted(metric.limits)),
                " ".join(sorted(metric.roles)) or "any",
                metric.meaning,
            ]
            for metric in VOCABULARY.values()
        ],
    )
    return 0


def collectors(*, json: bool) -> int:
    """Print what each collector needs and gives."""
    from advisor.polling.about import document
    from advisor.polling.registry import collector, providers  # Loads every collector.

    documents = [document(collector(name)) for name in providers()]
    if json:
        output.as_json({"version": 1, "collectors": documents})
        return 0
    output.table(
        "",
        ["provider", ">every", "sure", "needs", "gives"],
        [
            [
                one["provider"],
                show(one["interval"], Unit.SECONDS),
                one["confidence"],
                _tiers(one["access"]),
                "\n".join(_gives(one)),
            ]
            for one in documents
        ],
    )
    print("\n`advisor connect PROVIDER` says how to get the credential, and what a leaked one could do.")
    return 0


def _tiers(access: Sequence[Mapping[str, str]]) -> str:
    """Return the tiers there are, the least first."""
    return ", ".join(dict.fromkeys(one["tier"] for one in access))


def _gives(one: Mapping[str, Any]) -> Iterator[str]:
    """Yield what people want to know of a collector, in lines."""
    anything = len(one["metrics"]) == len(VOCABULARY)
    yield "any metric that you name" if anything else " ".join(m["name"] for m in one["metrics"])
    if one["products"] != [one["provider"]]:
        yield f"for {', '.join(one['products'])}"
    if one["delay"] not in {"", "none"}:
        yield f"late by {one['delay']}"
    if one["not_confirmed"]:
        yield f"not confirmed: {'; '.join(one['not_confirmed'])}"


def catalogue(name: str, *, json: bool) -> int:
    """Print a provider's plans, quotas, prices and ladders, or all figures and ladders of a document."""
    from advisor.core.catalogue_rows import document_rows, rows
    from advisor.errors import InputError
    from advisor.world import everything

    loaded = everything().catalogue
    if (document := loaded.documents.get(name)) is not None:
        shown = document_rows(document)
        parts = {"document": document.model_dump(mode="json", include=_OF_DOCUMENT)}
    else:
        provider = next((key for key, one in loaded.providers.items() if name in {key, *one.offers}), None)
        if provider is None:
            known = ", ".join([*sorted(loaded.providers), *sorted(loaded.documents)])
            raise InputError(f"the catalogue has no provider or document `{name}`; it has {known}")
        shown = [row for row in rows(loaded, provider) if name in {provider, row["product"]}]
        parts = {"provider": loaded.providers[provider].model_dump(mode="json")}
    if json:
        output.as_json({"version": 1, **parts, "rows": shown})
        return 0
    output.table(name, list(shown[0]), [list(row.values()) for row in shown])
    return 0


def catalogue_check(*, json: bool) -> int:
    """Print what is old, unsourced or inconsistent."""
    from datetime import UTC, datetime

    from advisor.core.catalogue_lint import lint
    from advisor.world import everything

    found = lint(everything().catalogue, datetime.now(UTC).date())
    if json:
        output.as_json({"version": 1, "problems": found})
    else:
        for line in found:
            print(line)
        print(f"{len(found)} to look at" if found else "The catalogue is sourced, dated and consistent.")
    return 0
