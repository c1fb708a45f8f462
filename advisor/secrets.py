"""Credentials: written as references, looked up only when they are needed, never shown.

    ${NAME}      an environment variable, anywhere in a text; `$${` is a plain `${`
    env:NAME     the same, as the whole text
    file:/path   the content of a file, without its last line break; a relative path starts at advisor.yaml

In a text that looks like a URL a variable is percent-encoded where it is user, password or query. What was
looked up is remembered in memory, so that `redact` can take it out of whatever is about to be written.
"""

import base64
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus, unquote, urlsplit

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from advisor.errors import InputError

__all__ = ["HIDDEN", "Secret", "forget", "redact", "remember", "seal"]

HIDDEN = "***"
MAX_FILE = 65_536
#: Shorter values are not looked for in texts: taking out every `a` would hide the text, not the secret.
SHORTEST = 4

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_WHOLE = re.compile(rf"env:(?P<variable>{_NAME})\Z|file:(?P<file>\S.*)\Z")
#: Keys whose text is a credential even if it is written out.
_CALLED = re.compile(
    r"(?i)(?:^|[._-])(?:token|dsn|password|passwd|secret|api_?key|webhook|basic|headers\.[^.]+)$"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A text that may hold a credential, as written in a file, with the place for messages.

    It shows itself as `***` and cannot be pickled; `reveal` looks it up.
    """

    written: str = field(repr=False)
    file: str = ""
    line: int = 0
    key: str = ""
    folder: Path = field(default_factory=Path)

    def reveal(self, environ: Mapping[str, str]) -> str:
        """Return the credential, looked up now, and remember it for `redact`.

        Raises:
            InputError: a variable is not set or a file cannot be read.
        """
        value = self.resolve(environ)
        remember(value)
        return value

    def resolve(self, environ: Mapping[str, str]) -> str:
        """Return the text with its references replaced; for what is no credential, such as a plan's name.

        Raises:
            InputError: a variable is not set or a file cannot be read.
        """
        whole = _WHOLE.match(self.written)
        if whole is not None and whole["file"]:
            return self._content(whole["file"])
        if whole is not None:
            return self._variable(whole["variable"], environ)

        def replaced(match: re.Match[str]) -> str:
            if match[0] == "$${":
                return "${"
            value = self._variable(match[1], environ)
            if match.start() != 0 or match.end() != len(self.written):
                remember(value)  # A part of the text, which may turn up without the rest.
            return self._fitted(value, match.start())

        return _VARIABLE.sub(replaced, self.written)

    def sample(self, text: str) -> str:
        """Return what the credential may look like, without looking it up: `text` for each reference."""
        if _WHOLE.match(self.written):
            return text
        return _VARIABLE.sub(lambda match: "${" if match[0] == "$${" else text, self.written)

    @property
    def origin(self) -> str:
        """Where the credential is, for people; never what it is."""
        whole = _WHOLE.match(self.written)
        if whole is not None and whole["file"]:
            return f"file {whole['file']}"
        names = [whole["variable"]] if whole else [m[1] for m in _VARIABLE.finditer(self.written) if m[1]]
        if names:
            return f"environment {', '.join(dict.fromkeys(names))}"
        return f"written in {self.file}" if self.file else "written in the configuration"

    def _fitted(self, value: str, start: int) -> str:
        """Return a variable's value as the text around its place needs it."""
        before = self.written[:start]
        scheme = _URL.match(self.written)
        if scheme is not None and start >= scheme.end():
            rest = self.written[scheme.end() :]
            authority = re.split(r"[/?#]", _VARIABLE.sub(lambda m: "_" * len(m[0]), rest))[0]
            in_userinfo = start < scheme.end() + authority.rfind("@")
            return quote(value, safe="") if in_userinfo or "?" in before else value
        if self.key.endswith("dsn") and before.endswith("=") and re.search(r"[\s'\\]|\A\Z", value):
            # A libpq connection string: `host=db password=${PASSWORD}`.
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        return value

    def _variable(self, name: str, environ: Mapping[str, str]) -> str:
        value = environ.get(name)
        if value is None:
            message = f"the environment variable {name} is not set; set it, or name a file with `file:/path`"
            raise self._fault(message)
        if not value.strip():
            raise self._fault(f"the environment variable {name} is empty; give it a value")
        return value

    def _content(self, name: str) -> str:
        try:
            with (self.folder / Path(name).expanduser()).open("rb") as file:
                raw = file.read(MAX_FILE + 1)
            if len(raw) > MAX_FILE:
                raise self._fault(
                    f"{name} is larger than {MAX_FILE // 1024} KiB; name a file with only the secret"
                )
            value = raw.decode().removesuffix("\n").removesuffix("\r")
        except OSError as error:
            cause = (error.strerror or "cannot be read").lower()
            message = f"{name}: {cause}; name a file that exists and that this user may read"
            raise self._fault(message) from None
        except UnicodeDecodeError:
            raise self._fault(f"{name} is not text; name a file with only the secret, as UTF-8") from None
        if not value.strip():
            raise self._fault(f"{name} is empty; write the secret into it")
        return value

    def _fault(self, message: str) -> InputError:
        return InputError(message, file=self.file, line=self.line, key=self.key)

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Secret":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere: look it up where it is needed")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere: look it up where it is needed")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Take a Secret as it is and a text as one written in the file; show `***` in dumps."""
        return core_schema.union_schema(
            [
                core_schema.is_instance_schema(cls),
                core_schema.no_info_after_validator_function(cls, core_schema.str_schema(min_length=1)),
            ],
            mode="left_to_right",
            custom_error_type="secret",
            custom_error_message="must be text, such as ${{NAME}} or file:/path",
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )


def seal(value: Any, *, file: str, line: int, key: str, folder: Path) -> Any:
    """Return `value`, or a Secret where it is a text with a reference, or a credential that is written out.

    Raises:
        InputError: a `${` that names no variable.
    """
    if not isinstance(value, str) or not ("${" in value or _WHOLE.match(value) or _credential(value, key)):
        return value
    for match in _VARIABLE.finditer(value):
        if match[0] != "$${" and not (match[2] and re.fullmatch(_NAME, match[1])):
            message = (
                "`${` begins a variable's name, such as ${NAME}, and no default; write `$${` for a plain `${`"
            )
            raise InputError(message, file=file, line=line, key=key)
    return Secret(value, file, line, key, folder)


def _credential(value: str, key: str) -> bool:
    """Return whether the key, or a password in the URL, says that this is a credential."""
    return _CALLED.search(key) is not None or re.search(r"://[^/\s@]*:[^/\s@]+@", value) is not None


# What was looked up, in every form in which it may turn up, longest first; plain, in memory only.
_forms: list[str] = []
_known: set[str] = set()

_SHAPES = (
    # Credentials that are known by their look, wherever they come from.
    # (What our own sentences write where a password belongs is none.)
    (re.compile(r"(?<=://)([^\s/@:'\"]*):(?!password@)[^\s/'\"]+(?=@)"), rf"\1:{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic) +[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\bxox[a-z]-[A-Za-z0-9-]+|\bxapp-[A-Za-z0-9-]+"), HIDDEN),
    (re.compile(r"(?<=hooks\.slack\.com/)[^\s'\"<>\\]+"), HIDDEN),
    (
        re.compile(
            r"(?i)\b(password|passwd|pwd|secret|token|api[_-]?key)(['\"]?\s*[=:]\s*['\"]|=)[^\s'\"\\&,;)}\]]+"
        ),
        rf"\1\2{HIDDEN}",
    ),
)


def remember(value: str) -> None:
    """Make `redact` take out `value`, its encoded forms and, of a URL, the parts that are credentials."""
    if value in _known:
        return
    _known.add(value)
    for form in {
        form for part in (value, *_parts(value)) if len(part) >= SHORTEST for form in _encoded(part)
    }:
        # Put in its place: sorting all of them anew for each secret took the time of a fleet's first polls.
        place = bisect_left(_forms, _order(form), key=_order)
        if _forms[place : place + 1] != [form]:
            _forms.insert(place, form)


def _order(form: str) -> tuple[int, str]:
    return -len(form), form


def forget() -> None:
    """Forget all that was looked up; for tests."""
    _known.clear()
    _forms.clear()


def redact(text: str) -> str:
    """Return `text` with `***` for each credential that was looked up or that looks like one."""
    for form in _forms:
        if form in text:
            text = text.replace(form, HIDDEN)
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


def _parts(value: str) -> list[str]:
    """Return what is secret in a URL even when it stands alone: password, a hook's path, query values."""
    if _URL.match(value) is None:
        match = re.search(r"\bpassword\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))", value)
        return [re.sub(r"\\(.)", r"\1", match[1] or match[2] or "")] if match else []
    try:
        url = urlsplit(value)
        parts = [url.password or "", unquote(url.password or "")]
    except ValueError:
        return []
    if url.scheme in {"http", "https"}:
        parts += [url.path.strip("/"), url.username or "", unquote(url.username or "")]
        # Short pieces are words such as `services` or `v1`; the key of a hook is long.
        parts += [piece for piece in url.path.split("/") if len(piece) >= 12]
        pairs = [pair.partition("=")[2] for pair in url.query.split("&")]
        parts += [unquote(text) for text in pairs if len(text) >= 8] + [
            text for text in pairs if len(text) >= 8
        ]
        if len(url.path.strip("/")) < 16:
            parts.remove(url.path.strip("/"))
    return parts


def _encoded(text: str) -> set[str]:
    """Return the forms of `text` in URLs, in JSON, repr and both of them, and in base64 at any offset."""
    forms = {text, quote(text), quote(text, safe=""), quote_plus(text)}
    forms |= {re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), form) for form in tuple(forms) if "%" in form}
    level = {text}
    for _ in range(3):  # A repr in a repr in a line of JSON is what error reports are made of.
        level = {escape(form) for form in level for escape in _ESCAPES}
        forms |= level
    raw = text.encode("utf-8", "surrogatepass")
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + raw).decode()
        # The characters that also hold bits of what stands before and after it are left out.
        first = (offset * 8 + 5) // 6
        last = (offset + len(raw)) * 8 // 6
        if last - first >= SHORTEST + 2:
            part = coded[first:last]
            forms |= {part, part.replace("+", "-").replace("/", "_")}
    return forms


_ESCAPES: tuple[Callable[[str], str], ...] = (
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: repr(text)[1:-1],
    # A text with both quotes around it: Python escapes this one.
    lambda text: text.replace("\\", "\\\\").replace("'", "\\'"),
)
