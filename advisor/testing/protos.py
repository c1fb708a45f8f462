"""Holds a sample to a message of a Protocol Buffers file, as Kubernetes describes its answers.

JSON has the names of the fields; `kind` and `apiVersion` are those of every answer. Messages of other files
are not followed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from advisor.testing.samples import Sample

__all__ = ["against_message"]

_MESSAGE = re.compile(r"^message (\w+) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(
    r"^\s*(?P<many>optional|repeated|required)?\s*(?P<type>map<[^>]+>|[\w.]+)\s+(?P<name>\w+) = \d+;"
)
_EVERYWHERE = frozenset({"kind", "apiVersion"})

_Messages = Mapping[str, Mapping[str, tuple[str, bool]]]


def against_message(text: str, sample: Sample) -> Iterator[str]:
    """Yield where a sample's body differs from the message that its `spec` names as the operation."""
    messages = {
        name: {
            field["name"]: (field["type"], field["many"] == "repeated")
            for line in body.splitlines()
            if (field := _FIELD.match(line)) is not None
        }
        for name, body in _MESSAGE.findall(text)
    }
    name = sample.spec.operation if sample.spec is not None else ""
    if name not in messages:
        yield f"the description has no message `{name}`"
    elif sample.status < 300:
        yield from _checked(messages, name, sample.body, "answer")


def _checked(messages: _Messages, name: str, value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place}: no {name}"
        return
    for key, item in value.items():
        if key in _EVERYWHERE:
            continue
        if key not in messages[name]:
            yield f"{place}: no field `{key}` of {name}"
            continue
        kind, many = messages[name][key]
        if many and not isinstance(item, list):
            yield f"{place}.{key}: no list"
        elif kind.startswith("map<") and not isinstance(item, dict):
            yield f"{place}.{key}: no mapping"
        elif kind in messages:
            for index, one in enumerate(item if many else [item]):
                yield from _checked(
                    messages, kind, one, f"{place}.{key}[{index}]" if many else f"{place}.{key}"
                )
