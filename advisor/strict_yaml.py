"""YAML as people mean it: few types, no surprises, and every fault named by file and line.

Read from libyaml's events, so that 1,000 rules take a few hundredths of a second. Beside YAML's own rules:

    types      text, whole numbers, decimals, true/false, null, lists, mappings; keys are always text
    stays text `yes`, `no`, `on`, `off`, `1:30`, `2026-01-31`, `007`, `1_000`
    refused    duplicate keys, tags, merge keys, several documents, more than 64 levels, more than 4 MB,
               aliases that add up to more than 100,000 nodes
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yaml import events
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # Typed as not exported; it is public.
from yaml.error import MarkedYAMLError, YAMLError

from advisor.errors import InputError

__all__ = ["MAX_ALIASED", "MAX_BYTES", "MAX_DEPTH", "Document", "load", "load_file"]

MAX_BYTES = 4_000_000
MAX_DEPTH = 64
MAX_ALIASED = 100_000

# A leaf is its line; a mapping or list is its line and its children by key or index.
Places = dict[str | int, Any]
Place = int | tuple[int, Places]

_MAY_BE_TYPED = frozenset("0123456789+-.tTfFnN~")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})\Z")
_BASED = re.compile(r"0o[0-7]{1,30}\Z|0x[0-9a-fA-F]{1,30}\Z")
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

    data: Any = field(repr=False)  # It may hold credentials that are written out.
    file: str
    places: Place = field(default=1, repr=False)

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
    """A mapping or list that is being read. `size` counts its nodes, aliases expanded."""

    __slots__ = ("anchor", "data", "key", "line", "places", "size", "wants_key")

    def __init__(self, data: dict[str, Any] | list[Any], line: int, anchor: str | None) -> None:
        self.data = data
        self.line = line
        self.anchor = anchor
        self.places: Places = {}
        self.key = ""
        self.wants_key = isinstance(data, dict)
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
            return _Reader(parser, file).read()
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


class _Reader:
    """Builds a document from the parser's events."""

    def __init__(self, parser: Any, file: str) -> None:
        self.file = file
        self.next = parser.get_event
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int, Places | None]] = {}
        self.aliased = 0
        self.root: Any = None
        self.places: Place = 1

    def read(self) -> Document:
        """Return the document; the loop names the frequent events first."""
        documents = 0
        while True:
            event = self.next()
            kind = event.__class__
            if kind is events.ScalarEvent:
                self.scalar(event)
            elif kind is events.MappingStartEvent:
                self.open(event, {})
            elif kind is events.SequenceStartEvent:
                self.open(event, [])
            elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
                self.close()
            elif kind is events.AliasEvent:
                self.alias(event)
            elif kind is events.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise self.fault("a second document begins (`---`); make it a file", event)
            elif kind is events.StreamEndEvent:
                return Document(self.root, self.file, self.places)

    def scalar(self, event: Any) -> None:
        """Take a key or a value."""
        if event.tag is not None:
            raise self.tagged(event)
        value = event.value
        if self.stack and self.stack[-1].wants_key:
            self.key(event)
        else:
            if event.implicit[0] and (not value or value[0] in _MAY_BE_TYPED):
                value = _typed(value)
            self.put(value, 1, event.start_mark.line + 1, None)
        if event.anchor:
            self.anchors[event.anchor] = (value, 1, None)

    def key(self, event: Any) -> None:
        """Take a key of the mapping that is open."""
        holder, key = self.stack[-1], event.value
        if key in holder.places:
            first = holder.places[key]
            lines = f"{first if isinstance(first, int) else first[0]} and {event.start_mark.line + 1}"
            raise self.fault(f"written twice, in lines {lines}; keep one", event, key)
        if key == "<<" and event.implicit[0]:
            raise self.fault("a merge key is not taken; write the keys out", event, key)
        holder.places[key] = event.start_mark.line + 1
        holder.key = key
        holder.wants_key = False
        holder.size += 1

    def open(self, event: Any, data: dict[str, Any] | list[Any]) -> None:
        """Begin a mapping or list."""
        if event.tag is not None:
            raise self.tagged(event)
        if self.stack and self.stack[-1].wants_key:
            raise self.fault("a list or mapping as a key; a key is a word", event)
        if len(self.stack) >= MAX_DEPTH:
            raise self.fault(f"more than {MAX_DEPTH} levels deep; flatten it", event)
        self.stack.append(_Open(data, event.start_mark.line + 1, event.anchor))

    def close(self) -> None:
        """End the mapping or list that is open and put it where it belongs."""
        done = self.stack.pop()
        if done.anchor:
            self.anchors[done.anchor] = (done.data, done.size, done.places)
        self.put(done.data, done.size, done.line, done.places)

    def alias(self, event: Any) -> None:
        """Put what the anchor marks here again, and count what that adds up to."""
        name = event.anchor
        if self.stack and self.stack[-1].wants_key:
            raise self.fault("an alias as a key; write the key out", event)
        if any(open_.anchor == name for open_ in self.stack):
            raise self.fault(f"`*{name}` stands inside itself; write it out", event)
        if name not in self.anchors:
            way = f"nothing is marked `&{name}` above it; put text in quotes"
            raise self.fault(f"`*{name}` is an alias, and {way}", event)
        value, size, below = self.anchors[name]
        self.aliased += size
        if self.aliased > MAX_ALIASED:
            raise self.fault(f"aliases that add up to more than {MAX_ALIASED:,} nodes; write it out", event)
        self.put(value, size, event.start_mark.line + 1, below)

    def put(self, value: Any, size: int, line: int, below: Places | None) -> None:
        """Set `value` as the value of the waiting key, the next item, or the whole document."""
        if not self.stack:
            self.root = value
            self.places = line if below is None else (line, below)
            return
        holder = self.stack[-1]
        holder.size += size
        data = holder.data
        if isinstance(data, dict):
            data[holder.key] = value
            holder.wants_key = True
            if below is not None:
                holder.places[holder.key] = (holder.places[holder.key], below)
        else:
            holder.places[len(data)] = line if below is None else (line, below)
            data.append(value)

    def fault(self, message: str, event: Any, key: str = "") -> InputError:
        """Return the error at `event`."""
        return InputError(message, file=self.file, line=event.start_mark.line + 1, key=key)

    def tagged(self, event: Any) -> InputError:
        """Return the error for a tag."""
        return self.fault(f"`{event.tag}` is a tag, and tags are not taken; remove it or use quotes", event)


def _typed(text: str) -> bool | float | str | None:
    """Return what a plain scalar means in YAML's core types, else the text itself."""
    if not text:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    if len(text) <= 40 and _FLOAT.match(text):
        return float(text)
    if _BASED.match(text):
        return int(text, 0)
    return text


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
    if "expected node content" in said and not "".join(lines[line - 1 :]).strip():
        line = text.rstrip().count("\n") + 1
        cause = "a `{` or `[` that is opened and never closed; close it"
    if here[: len(here) - len(here.lstrip())].count("\t"):
        cause = "a tab as indent; indent with spaces"
    return InputError(f"not YAML: {cause}", file=file, line=line)
