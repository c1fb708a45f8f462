"""What one collector is told about one service, checked against the collector's own model.

Checking needs no credential; `reveal_settings` looks them up when a poll needs them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from advisor.errors import InputError
from advisor.faults import Faults, Path, dotted, faults
from advisor.secrets import Secret, redact, remember
from advisor.settings import COMMON
from advisor.strict_yaml import Document

__all__ = ["Source", "reveal_settings", "validate_settings"]

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Source:
    """What one collector is told about one service. `settings` may hold Secrets.

    `shared` are the account's keys, and a `dsn` that `postgresql` reads too: the collector takes those that
    it knows. `interval` is in seconds; None: the collector's own.
    """

    stack: str
    service: str
    collector: str
    settings: Mapping[str, Any]
    shared: Mapping[str, Any]
    interval: float | None
    document: Document
    path: Path
    account_path: Path = ()
    account_document: Document | None = None

    @property
    def key(self) -> str:
        """Its name in the store, in metrics and in messages: `shop/database:postgresql`."""
        return f"{self.stack}/{self.service}:{self.collector}"


def validate_settings(source: Source, model: type[BaseModel]) -> None:
    """Check what is written for a collector against its model, without looking up any credential.

    Raises:
        Faults: what is wrong, by file, line and key.
    """
    _validated(source, model, None)


def reveal_settings(source: Source, model: type[_Model], environ: Mapping[str, str]) -> _Model:
    """Return a collector's settings with its credentials looked up now; `redact` knows them from here on.

    Raises:
        Faults: a reference cannot be looked up, or a value does not fit; by file, line and key.
    """
    settings = _validated(source, model, environ)
    for secret in _secrets(settings):
        remember(secret)
    return settings


def _validated(source: Source, model: type[_Model], environ: Mapping[str, str] | None) -> _Model:
    names = {name for key, info in model.model_fields.items() for name in (key, info.alias) if name}
    shared = {
        key: value for key, value in source.shared.items() if key in names and key not in source.settings
    }
    hidden: set[Path] = set()
    mistakes: list[InputError] = []

    def plain(value: Any, path: Path) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, Secret):
            return value
        hidden.add(path)
        if environ is None:
            return "x"
        try:
            return value.reveal(environ)
        except InputError as error:
            mistakes.append(error)
            return "x"

    data = plain({**shared, **source.settings}, ())
    try:
        settings = model.model_validate(data)
    except ValidationError as error:
        places = _Places(source, frozenset(shared))
        for item in faults(error, Document(data, source.document.file), model=model, also=COMMON):
            # What was not looked up cannot be judged, nor can what a model says of all its fields together.
            path = tuple(part for part in item.key.replace("[", ".").replace("]", "").split(".") if part)
            unseen = environ is None or bool(mistakes)
            if unseen and (
                any(path[: len(h)] == tuple(map(str, h)) for h in hidden) or (hidden and not path)
            ):
                continue
            mistakes.append(places.fault(item, path))
        if mistakes:
            raise Faults(sorted(mistakes, key=lambda fault: fault.line)) from None
        return model.model_construct()
    if mistakes:
        raise Faults(mistakes)
    return settings


@dataclass(frozen=True, slots=True)
class _Places:
    """Where a source's keys are written: under the service, or under its account."""

    source: Source
    shared: frozenset[str]

    def fault(self, item: InputError, path: tuple[str, ...]) -> InputError:
        """Return the fault with its place in the file, and without any credential in its words."""
        document, at = self.source.document, self.source.path
        from_account = path and path[0] in self.shared and path[0] != "dsn"
        if from_account and self.source.account_document is not None:
            document, at = self.source.account_document, self.source.account_path
        whole: Path = (*at, *(int(part) if part.isdigit() else part for part in path))
        key = dotted(at) + (f".{item.key}" if item.key else "")
        return InputError(redact(item.message), file=document.file, line=document.place(whole), key=key)


def _secrets(value: Any) -> Iterator[str]:
    """Yield each credential in a collector's settings, also one that is written in the file."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _secrets(item)
