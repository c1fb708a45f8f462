"""YAML as people mean it: few types, no surprises, and every fault named by file and line.

Read from libyaml's events, so that 1,000 rules take a few hundredths of a second. Beside YAML's own rules:

    types      text, whole numbers, decimals, true/false, null, lists, mappings; keys are always text
    stays text `yes`, `no`, `on`, `off`, `1:30`, `2026-01-31`, `007`, `1_000`
    refused    duplicate keys, tags, merge keys, several documents, more than 64 levels, more than 4 MB,
               aliases that add up to more than 100,000 nodes
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yaml import events
from yaml.cyaml import CParser
from yaml.error import MarkedYAMLError, YAMLError

from advisor.errors import InputError

__all__ = ["MAX_ALIASED", "MAX_BYTES", "MAX_DEPTH", "Document", "load", "load_file"]

MAX_BYTES = 4_000_000
MAX_DEPTH = 64
MAX_ALIASED = 100_000

# A leaf is its line; a mapping or list is its line and its children by key or index.
Place = int | tuple[int, dict[str | int, Any]]

_MAY_BE_TYPED = frozenset("0123456789+-.tTfFnN~")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,99})\Z")
_BASED = re.compile(r"0o[0-7]{1,99}\Z|0x[0-9a-fA-F]{1,99}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)\Z")
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~"), None),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}

# libyaml's words to a cause and a way out; the first that is found in the parser's sentence wins.
_CAUSES = (
    ("cannot start any token", "a character that cannot stand here; put the text in quotes"),
    (
        "mapping values are not allowed",
        "a `:` where no key can be; put the text in quotes or mend the indent",
    ),
    ("could not find expected ':'", "a key without `:`, or text that is not indented under its key"),
    ("did not find expected key", "a line whose indent fits nothing above it; align it with its neighbours"),
    (
        "did not find expected '-' indicator",
        "a line that is no item of the list above it; start it with `- `",
    ),
    ("did not find expected ',' or '}'", "a `{` without its `}`, or a missing comma; close it"),
    ("did not find expected ',' or ']'", "a `[` without its `]`, or a missing comma; close it"),
    ("unexpected end of stream", "a quote that is opened and never closed; close it"),
    ("did not find expected node content", "nothing where a value must be; write the value"),
    ("block sequence entries are not allowed", "a `-` in the same line as its key; start a new line for it"),
    ("unknown escape character", 'an unknown escape with `\\`; use single quotes instead of `"`'),
    ("control characters are not allowed", "a control character; remove it"),
    ("did not find expected <document start>", "text after the end of the document; indent it under a key"),
    ("directive", "a line that starts with `%`; remove it or put it in quotes"),
    ("while scanning an alias", "`*` begins an alias in YAML; put the text in quotes"),
    ("while scanning an anchor", "`&` begins an anchor in YAML; put the text in quotes"),
    ("tag", "`!` begins a tag in YAML; put the text in quotes"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a YAML file as plain Python (`data`), and where each part of it stands."""

    data: Any
    file: str
    places: Place = 1

    def place(self, path: tuple[str | int, ...] = ()) -> int:
        """Return the line (from 1) of the key or item at `path`, else of its nearest parent."""
        place = self.places
        for step in path:
            if isinstance(place, int):
                return place
            below = place[1].get(step)
            if below is None:
                return place[0]
            place = below
        return place if isinstance(place, int) else place[0]

    def fault(self, message: str, path: tuple[str | int, ...] = (), key: str = "") -> InputError:
        """Return the error for the part at `path`, with file and line in front."""
        return InputError(message, file=self.file, line=self.place(path), key=key)


class _Open:
    """A mapping or list that is being read."""

    __slots__ = ("anchor", "data", "key", "line", "places", "size")

    def __init__(self, data: dict[str, Any] | list[Any], line: int, anchor: str | None) -> None:
        self.data = data
        self.line = line
        self.anchor = anchor
        self.places: dict[str | int, Any] = {}
        self.key: str | None = None  # A mapping's key that waits for its value.
        self.size = 1


def load_file(path: Path, name: str = "") -> Document:
    """Return the document in the file at `path`, called `name` in messages (default: the path).

    Raises:
        InputError: where it cannot be read, is no UTF-8, or is no YAML that `load` takes.
    """
    name = name or str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        cause = (error.strerror or "cannot be read").lower()
        raise InputError(f"{cause}; name a file that exists and that this user may read", file=name) from None
    try:
        return load(raw.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        if len(raw) > MAX_BYTES:
            raise _too_big(name) from None
        raise InputError("text that is not UTF-8; save the file as UTF-8", file=name, line=line) from None


def load(text: str, file: str) -> Document:
    """Return the one document in `text`; an empty one has the data None.

    Raises:
        InputError: at the first fault, with `file`, line, cause and way out.
    """
    if len(text) > MAX_BYTES:
        raise _too_big(file)
    try:
        parser = CParser(text.removeprefix("\ufeff"))
        try:
            return _read(parser, file)
        finally:
            parser.dispose()
    except MarkedYAMLError as error:
        raise _syntax_fault(error, text, file) from None
    except UnicodeEncodeError:
        raise InputError("half of a character (a lone surrogate); remove it", file=file) from None
    except YAMLError as error:
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 0
        raise InputError("a control character; remove it", file=file, line=line) from None


def _read(parser: CParser, file: str) -> Document:
    stack: list[_Open] = []
    anchors: dict[str, tuple[Any, int, dict[str | int, Any] | None]] = {}
    aliased = 0
    root: Any = None
    places: Place = 1
    documents = 0
    get_event = parser.get_event
    while True:
        event = get_event()
        kind = event.__class__
        if kind is events.ScalarEvent:
            line = event.start_mark.line + 1
            if event.tag is not None:
                raise _tagged(event.tag, file, line)
            holder = stack[-1] if stack else None
            if holder is not None and holder.key is None and holder.data.__class__ is dict:
                _take_key(holder, event, file, line)
                if event.anchor:
                    anchors[event.anchor] = (event.value, 1, None)
                continue
            value = event.value
            if event.implicit[0] and (not value or value[0] in _MAY_BE_TYPED):
                value = _typed(value)
            if event.anchor:
                anchors[event.anchor] = (value, 1, None)
            below: dict[str | int, Any] | None = None
            size = 1
        elif kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
            line = event.start_mark.line + 1
            if event.tag is not None:
                raise _tagged(event.tag, file, line)
            if stack and stack[-1].key is None and stack[-1].data.__class__ is dict:
                raise InputError("a list or mapping as a key; a key is a word", file=file, line=line)
            if len(stack) >= MAX_DEPTH:
                raise InputError(f"more than {MAX_DEPTH} levels deep; flatten it", file=file, line=line)
            stack.append(_Open({} if kind is events.MappingStartEvent else [], line, event.anchor))
            continue
        elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
            done = stack.pop()
            value, below, size, line = done.data, done.places, done.size, done.line
            if done.anchor:
                anchors[done.anchor] = (value, size, below)
        elif kind is events.AliasEvent:
            line = event.start_mark.line + 1
            value, size, below = _resolve(event.anchor, anchors, stack, file, line)
            aliased += size
            if aliased > MAX_ALIASED:
                message = f"aliases that add up to more than {MAX_ALIASED:,} nodes; write it out"
                raise InputError(message, file=file, line=line)
        elif kind is events.DocumentStartEvent:
            documents += 1
            if documents > 1:
                line = event.start_mark.line + 1
                raise InputError("a second document begins (`---`); make it a file", file=file, line=line)
            continue
        elif kind is events.StreamEndEvent:
            return Document(root, file, places)
        else:
            continue

        if not stack:
            root, places = value, line if below is None else (line, below)
            continue
        holder = stack[-1]
        holder.size += size
        data = holder.data
        if data.__class__ is dict:
            key = holder.key
            if key is None:
                raise InputError("an alias as a key; write the key out", file=file, line=line)
            data[key] = value
            holder.key = None
            at = holder.places[key]
            if below is not None:
                holder.places[key] = (at, below)
        else:
            holder.places[len(data)] = line if below is None else (line, below)
            data.append(value)


def _take_key(holder: _Open, event: events.ScalarEvent, file: str, line: int) -> None:
    key = event.value
    if key in holder.places:
        first = holder.places[key]
        first = first if isinstance(first, int) else first[0]
        message = f"written twice, in lines {first} and {line}; keep one"
        raise InputError(message, file=file, line=line, key=key)
    if key == "<<" and event.implicit[0]:
        raise InputError("a merge key is not taken; write the keys out", file=file, line=line, key=key)
    holder.places[key] = line
    holder.key = key
    holder.size += 1


def _resolve(
    anchor: str,
    anchors: dict[str, tuple[Any, int, dict[str | int, Any] | None]],
    stack: list[_Open],
    file: str,
    line: int,
) -> tuple[Any, int, dict[str | int, Any] | None]:
    # An anchor of a mapping that is still open may hide an older one of that name; both mean "itself" here.
    if any(open_.anchor == anchor for open_ in stack):
        raise InputError(f"`*{anchor}` stands inside itself; write it out", file=file, line=line)
    if anchor not in anchors:
        message = f"`*{anchor}` is an alias, and nothing is marked `&{anchor}` above it; put text in quotes"
        raise InputError(message, file=file, line=line)
    return anchors[anchor]


def _typed(text: str) -> bool | float | str | None:
    """Return what a plain scalar means in YAML's core types, else the text itself."""
    if not text:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    if _BASED.match(text):
        return int(text, 0)
    return text


def _tagged(tag: str, file: str, line: int) -> InputError:
    return InputError(
        f"`{tag}` is a tag, and tags are not taken; remove it or use quotes", file=file, line=line
    )


def _too_big(file: str) -> InputError:
    return InputError(f"larger than {MAX_BYTES // 1_000_000} MB; divide it into several files", file=file)


def _syntax_fault(error: MarkedYAMLError, text: str, file: str) -> InputError:
    said = f"{error.context or ''} {error.problem or ''}"
    mark = error.problem_mark or error.context_mark
    if error.context_mark is not None and any(words in said for words in ("end of stream", "'}'", "']'")):
        mark = error.context_mark  # Where it was opened helps; where its end was missed does not.
    line = mark.line + 1 if mark is not None else 0
    lines = text.splitlines()
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    cause = next((cause for words, cause in _CAUSES if words in said), said.strip())
    if here[: len(here) - len(here.lstrip())].count("\t"):
        cause = "a tab as indent; indent with spaces"
    return InputError(f"not YAML: {cause}", file=file, line=line)
