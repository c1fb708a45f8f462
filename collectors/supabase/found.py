"""What one poll of a project has come to so far: restrictions are counted, and a product has its own part."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from advisor.collectors._found import Found as Parts
from advisor.polling.contract import Answer

__all__ = ["Found"]

#: What a service of the product has; of the database: all.
_OF_PRODUCT: Mapping[str, frozenset[str]] = {
    "auth": frozenset({"users", "active_users", "restricted"}),
    "storage": frozenset({"storage", "restricted"}),
}


@dataclass(slots=True)
class Found(Parts):
    """Readings, terms and gaps of a project. `restrictions` None: nobody could tell."""

    restrictions: int | None = None

    def restricted(self, count: int) -> None:
        """Add restrictions in force; 0: one kind is known not to be."""
        self.restrictions = (self.restrictions or 0) + count

    def of_product(self, product: str) -> Answer:
        """Return all of it, or for a product what that has.

        Raises:
            CollectError: Every part failed; it is the first one's error.
        """
        found = self.answer()
        if self.restrictions is not None:
            self.level("restricted", float(self.restrictions))
        wanted = _OF_PRODUCT.get(product)
        if wanted is None:
            return found
        return replace(
            found,
            readings=[one for one in found.readings if one.metric in wanted],
            terms=[one for one in found.terms if one.what == "plan" or one.metric in wanted],
            gaps=[one for one in found.gaps if not one.metrics or wanted & set(one.metrics)],
            evidence={},
        )
