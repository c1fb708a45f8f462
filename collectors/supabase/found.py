"""What the parts of a poll of a project found, as one answer: restrictions are counted, nothing is twice."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from advisor.core.model import Limit, Quality, Reading, Term
from advisor.polling.contract import Answer

__all__ = ["QUOTA", "READ_ONLY", "level", "limit", "of_product", "restricted"]

#: The kinds of restriction that two endpoints may tell of.
READ_ONLY, QUOTA = "read-only", "quota"

#: What a service of the product has; of the database: all.
_OF_PRODUCT: Mapping[str, frozenset[str]] = {
    "auth": frozenset({"users", "active_users", "restricted"}),
    "storage": frozenset({"storage", "restricted"}),
}


def level(
    metric: str, value: float | None, now: datetime, part: str = "", quality: Quality = Quality.MEASURED
) -> list[Reading]:
    """Return a value of now; None is none."""
    return [] if value is None else [Reading(metric, value, now, part=part, quality=quality)]


def limit(
    metric: str, kind: Limit, value: float | None, now: datetime, source: str = "provider API"
) -> list[Term]:
    """Return a limit that the provider reports, in the base unit; None is none."""
    return [] if value is None else [Term("limit", value, source, now, metric, kind)]


def restricted(count: int, now: datetime, kind: str) -> list[Reading]:
    """Return how many restrictions of a kind are in force; 0: it is known not to be."""
    return [Reading("restricted", float(count), now, part=kind)]


def of_product(answer: Answer, product: str, now: datetime) -> Answer:
    """Return all of an answer, or for a product what that has.

    Of a level that two endpoints tell the first stays, of a kind of restriction the worse.
    """
    readings: dict[object, Reading] = {}
    kinds: dict[str, float] = {}
    for one in answer.readings:
        if one.metric == "restricted":
            kinds[one.part] = max(kinds.get(one.part, 0.0), one.value)
        else:
            readings.setdefault((one.metric, one.part, one.since), one)
    found = [*readings.values()]
    if kinds:
        found.append(Reading("restricted", sum(kinds.values()), now))
    wanted = _OF_PRODUCT.get(product)
    if wanted is None:
        return replace(answer, readings=found)
    return replace(
        answer,
        readings=[one for one in found if one.metric in wanted],
        terms=[one for one in answer.terms if one.what == "plan" or one.metric in wanted],
        gaps=[one for one in answer.gaps if not one.metrics or wanted & set(one.metrics)],
        evidence={},
    )
