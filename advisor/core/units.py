"""Base units, how people write values, and how values are shown to people."""

from enum import StrEnum


class Unit(StrEnum):
    """The five base units; nothing else exists inside."""

    BYTES = "bytes"
    SECONDS = "seconds"
    RATIO = "ratio"
    COUNT = "count"
    USD = "USD"
