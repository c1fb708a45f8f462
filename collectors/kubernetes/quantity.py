"""Quantities as Kubernetes writes them: `123456789n`, `250m`, `1.5Gi`, `12E6`. Pure."""

import re

from advisor.polling.body import Body

__all__ = ["quantity"]

_SUFFIXES = {
    "": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip
# `E` alone is exa, before digits it is an exponent.
_WRITTEN = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)(?P<suffix>[numkMGTPE]|[KMGTPE]i)?"
)


def quantity(body: Body, *keys: str) -> float | None:
    """Return the quantity at a path of keys in cores or bytes; None where it is missing.

    Raises:
        Unexpected: Something else is there.
    """
    found = body.get(*keys)
    if found is None:
        return None
    if isinstance(found.value, int | float) and not isinstance(found.value, bool):
        return found.number()
    match = _WRITTEN.fullmatch(found.value) if isinstance(found.value, str) else None
    if match is None:
        raise found.unexpected("a quantity")
    return float(match["number"]) * _SUFFIXES[match["suffix"] or ""]
