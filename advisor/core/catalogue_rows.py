"""The catalogue and what documents say as rows of one table: what `advisor catalogue show` prints."""

from collections.abc import Iterator

from advisor.core.catalogue import Catalogue, Fixed, Plan, Product, Quota, Sourced
from advisor.core.document import Document, Said, Step
from advisor.core.model import Confidence


def rows(catalogue: Catalogue, provider: str) -> list[dict[str, str]]:
    """Return a provider as the rows of one table, every figure with its source, date and confidence.

    All rows have the same keys. `kind` is "plan", "quota", "size", "figure" (a document's) or "step" (of a
    document's ladder); for the whole of it as JSON there is `model_dump(mode="json")`.
    """
    return [
        row
        for key, product in catalogue.providers[provider].offers.items()
        for row in (*_product_rows(key, product), *_said_rows(catalogue, key))
    ]


def document_rows(document: Document) -> list[dict[str, str]]:
    """Return all figures and steps of a document as rows of the same table."""
    figures = (row for word, said in document.services.items() for row in _figure_rows(word, document, said))
    steps = (_step_row("", document, ladder.id, step) for ladder in document.ladders for step in ladder.steps)
    return [*figures, *steps]


def _row(product: str, kind: str, what: str, sourced: Sourced | None = None, **more: str) -> dict[str, str]:
    blank = dict.fromkeys(("product", "kind", "plan", "what", "amount", "price", "at end"), "")
    origin = {
        "source": sourced.source if sourced is not None else "",
        "as of": sourced.as_of.isoformat() if sourced is not None else "",
        "confidence": sourced.confidence.value if sourced is not None else "",
    }
    return {**blank, "product": product, "kind": kind, "what": what, **origin, **more}


def _product_rows(key: str, product: Product) -> Iterator[dict[str, str]]:
    for plan in product.plans:
        yield _row(key, "plan", plan.title, plan, plan=plan.id, price=_price_text(plan))
        for quota in plan.quotas:
            yield _quota_row(key, plan.id, quota)
    for size in product.sizes:
        usd = "not known" if size.usd is None else f"${size.usd:g}/mo"
        yield _row(key, "size", size.title, size, price=usd)
        for quota in size.quotas:
            yield _quota_row(key, size.id, quota)


def _said_rows(catalogue: Catalogue, key: str) -> Iterator[dict[str, str]]:
    for document in catalogue.documents.values():
        if (said := document.of_product.get(key)) is not None:
            yield from _figure_rows(key, document, said)
        for ladder in document.ladders:
            for step in ladder.steps:
                if step.begins(key) or key in {name for name, _ in step.leads()}:
                    yield _step_row(key, document, ladder.id, step)


def _around(document: Document, line: int) -> dict[str, str]:
    return {
        "source": f"{document.name} line {line}",
        "as of": document.as_of.isoformat(),
        "confidence": Confidence.DOCUMENT_ONLY.value,
    }


def _figure_rows(key: str, document: Document, said: Said) -> Iterator[dict[str, str]]:
    for figure in said.figures:
        amount = " ".join(filter(None, (figure.limit, figure.unit)))
        over = " ".join(filter(None, (figure.overage_price, figure.overage_unit)))
        price = " ".join(filter(None, (figure.price, figure.price_unit)))
        yield _row(
            key,
            "figure",
            figure.resource,
            None,
            plan=figure.plan,
            amount=f"{amount} a {figure.period}" if figure.period else amount,
            price="; ".join(filter(None, (price, over and f"{over} above"))),
            **_around(document, figure.line),
        )


def _step_row(key: str, document: Document, ladder: str, step: Step) -> dict[str, str]:
    return _row(
        key,
        "step",
        " → ".join(filter(None, (step.from_plan, step.to_plan))),
        None,
        plan=ladder,
        amount=step.condition,
        price=step.price_to,
        **_around(document, step.line),
    )


def _quota_row(key: str, plan: str, quota: Quota) -> dict[str, str]:
    amount = f"{quota.included} a {quota.reset.period}" if quota.reset.period else quota.included
    over = "" if quota.overage is None else f"${quota.overage:g} for each {quota.overage_per} above"
    return _row(
        key,
        "quota",
        quota.metric,
        quota,
        plan=plan,
        amount=amount,
        price=over,
        **{"at end": quota.at_end.value},
    )


def _price_text(plan: Plan) -> str:
    if plan.price is None:
        return "not known"
    flat = sum(part.usd for part in plan.price if isinstance(part, Fixed) and part.term == "monthly")
    rest = [part.kind for part in plan.price if not isinstance(part, Fixed)]
    return f"${flat:g}/mo" + (f" and {', '.join(dict.fromkeys(rest))}" if rest else "")
