"""A JSON answer, read place by place: what is missing or of another kind is told by its JSON path.

projects = Body(reply.json(), "Supabase")["projects"]
for project in projects.each():
    size = project.number("storage_bytes")      # None where it is null or not there: absent is not zero
    name = project["id"].text()                 # Unexpected: "Supabase: `projects[0].id` is missing"
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from advisor.polling.contract import Unexpected
from advisor.polling.reply import plain

__all__ = ["Body"]

_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a yes or no", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Body:
    """A value in an answer, and where it stands. `where` names the server in messages."""

    value: Any
    where: str
    path: str = ""

    def __getitem__(self, key: str) -> "Body":
        """Return what is at a key of an object.

        Raises:
            Unexpected: This is no object, or it has no such key.
        """
        if not isinstance(self.value, dict):
            raise self.unexpected("an object")
        at = f"{self.path}.{key}" if self.path else key
        if key not in self.value:
            raise Unexpected(f"{self.where}: `{plain(at)}` is missing in the answer")
        return Body(self.value[key], self.where, at)

    def get(self, *keys: str) -> "Body | None":
        """Return what is at a path of keys; None where a part of it is missing or null.

        Raises:
            Unexpected: A part of the path is there and no object.
        """
        found = self
        for key in keys:
            if not isinstance(found.value, dict):
                raise found.unexpected("an object")
            if found.value.get(key) is None:
                return None
            found = found[key]
        return found

    def each(self) -> Iterator["Body"]:
        """Yield the items of a list.

        Raises:
            Unexpected: This is no list.
        """
        if not isinstance(self.value, list):
            raise self.unexpected("a list")
        for place, item in enumerate(self.value):
            yield Body(item, self.where, f"{self.path}[{place}]")

    def items(self) -> Iterator[tuple[str, "Body"]]:
        """Yield the keys and values of an object.

        Raises:
            Unexpected: This is no object.
        """
        if not isinstance(self.value, dict):
            raise self.unexpected("an object")
        for key in self.value:
            yield key, self[key]

    def number(self, *keys: str) -> float | None:
        """Return the number at a path of keys (none: here); None where it is missing or null.

        A text that is cleanly a number counts as one: several APIs send sums and counters so.

        Raises:
            Unexpected: Something else is there, or a number that is not finite.
        """
        found = self.get(*keys) if keys else self
        if found is None or found.value is None:
            return None
        value = found.value
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise found.unexpected("a number") from None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise found.unexpected("a number")
        return float(value)

    def text(self, *keys: str) -> str:
        """Return the text at a path of keys (none: here).

        Raises:
            Unexpected: It is missing, null or no text.
        """
        found = self
        for key in keys:
            found = found[key]
        if not isinstance(found.value, str):
            raise found.unexpected("a text")
        return found.value

    def time(self, *keys: str) -> datetime:
        """Return the time at a path of keys (none: here): ISO 8601 (without a zone: UTC) or Unix seconds.

        Raises:
            Unexpected: It is missing, null or no time.
        """
        found = self
        for key in keys:
            found = found[key]
        try:
            if isinstance(found.value, str):
                at = datetime.fromisoformat(found.value)
                return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
            if isinstance(found.value, int | float) and not isinstance(found.value, bool):
                return datetime.fromtimestamp(found.value, UTC)
        except (ValueError, OverflowError, OSError):
            pass
        raise found.unexpected("a time")

    def unexpected(self, wanted: str) -> Unexpected:
        """Return the error for something else than `wanted` at this place; its value stays out of it."""
        kind = _KINDS.get(type(self.value), "a number")
        at = f"`{plain(self.path)}`" if self.path else "the answer"
        return Unexpected(f"{self.where}: {at} is {kind}, not {wanted}; the API may have changed")
