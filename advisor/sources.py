"""What one collector is told about one service, checked against the collector's own model.

Checking needs no credential; `reveal_settings` looks them up when a poll needs them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from advisor.errors import InputError
from advisor.faults import Faults, Path, dotted, faults
from advisor.secrets import Secret, redact, remember
from advisor.settings import COMMON
from advisor.strict_yaml import Document

__all__ = ["Revealed", "Source", "reveal_settings", "validate_settings"]

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
    written, shared = _written(source, model)
    secrets = dict(_places_of_secrets(written))
    best: tuple[int, int, list[InputError]] | None = None
    for text in _STANDS_FOR:
        texts = {path: secret.sample(text) for path, secret in secrets.items()}
        found, unfit = _judged(source, model, _filled(written, texts), shared, secrets)
        # A text that does not fit its own key is exchanged: pydantic judges the whole once all keys fit.
        for other in _STANDS_FOR if unfit else ():
            texts |= {path: secrets[path].sample(other) for path in unfit}
            found, unfit = _judged(source, model, _filled(written, texts), shared, secrets)
            if not unfit:
                break
        if best is None or (len(unfit), len(found)) < best[:2]:
            best = (len(unfit), len(found), found)
        if not secrets or not (found or unfit):
            break
    if best is not None and best[2]:
        raise Faults(sorted(best[2], key=lambda fault: fault.line))


def reveal_settings(source: Source, model: type[_Model], environ: Mapping[str, str]) -> _Model:
    """Return a collector's settings with its credentials looked up now; `redact` knows them from here on.

    Raises:
        Faults: a reference cannot be looked up, or a value does not fit; by file, line and key.
    """
    revealed: _Model = Revealed(source, model, environ)()
    return revealed


class Revealed:
    """Looks up a source's credentials at every call; the settings are made anew only where one has changed.

    Making them costs more than an answer takes to read: patterns and paths are compiled.
    """

    def __init__(self, source: Source, model: type[BaseModel], environ: Mapping[str, str]) -> None:
        self._source = source
        self._model = model
        self._environ = environ
        self._written, self._shared = _written(source, model)
        self._secrets = tuple(_places_of_secrets(self._written))
        self._last: tuple[dict[Path, str], Any] | None = None

    def __call__(self) -> Any:
        """Return the settings.

        Raises:
            Faults: as `reveal_settings`.
        """
        texts = self._looked_up()
        if self._last is not None and self._last[0] == texts:
            return self._last[1]
        data = _filled(self._written, texts)
        try:
            settings = self._model.model_validate(data)
        except ValidationError:
            found = [fault for _, fault in _faults(self._source, self._model, data, self._shared)]
            raise Faults(sorted(found, key=lambda fault: fault.line)) from None
        for plain in _secrets(settings):
            remember(plain)
        self._last = texts, settings
        return settings

    def _looked_up(self) -> dict[Path, str]:
        missing: list[InputError] = []
        texts: dict[Path, str] = {}
        for path, secret in self._secrets:
            try:
                texts[path] = secret.reveal(self._environ)
            except InputError as error:
                missing.append(error)
        if missing:
            raise Faults(missing)
        return texts


#: What stands for a text that is not looked up yet; one of them has the form that the model wants.
_STANDS_FOR = ("x:x", "https://x.invalid", "x", "1")


def _written(source: Source, model: type[BaseModel]) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the source's keys, with those of its account that the model knows, and which these are."""
    names = {name for key, info in model.model_fields.items() for name in (key, info.alias) if name}
    taken = {
        key: value for key, value in source.shared.items() if key in names and key not in source.settings
    }
    return {**taken, **source.settings}, frozenset(taken)


def _places_of_secrets(value: Any, path: Path = ()) -> Iterator[tuple[Path, Secret]]:
    """Yield each Secret in a source's keys, and where it is."""
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, Mapping | list):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _places_of_secrets(item, (*path, key))


def _filled(value: Any, texts: Mapping[Path, str], path: Path = ()) -> Any:
    """Return a copy with texts in the places of Secrets."""
    if isinstance(value, Mapping):
        return {key: _filled(item, texts, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, texts, (*path, index)) for index, item in enumerate(value)]
    return texts[path] if isinstance(value, Secret) else value


def _judged(
    source: Source, model: type[BaseModel], data: Any, shared: frozenset[str], secrets: Iterable[Path]
) -> tuple[list[InputError], set[Path]]:
    """Return the faults of what is written, and the places whose made-up text the model does not take."""
    found: list[InputError] = []
    unfit: set[Path] = set()
    for path, fault in _faults(source, model, data, shared):
        hidden = [place for place in secrets if path[: len(place)] == place]
        unfit.update(hidden)
        if not hidden:
            found.append(fault)
    return found, unfit


def _faults(
    source: Source, model: type[BaseModel], data: Any, shared: frozenset[str]
) -> list[tuple[Path, InputError]]:
    """Return what the model finds wrong in `data`, each with its path below the source."""
    try:
        model.model_validate(data)
    except ValidationError as error:
        places = _Places(source, shared)
        found = faults(error, Document(data, source.document.file), model=model, also=COMMON)
        return [(path, places.fault(item, path)) for item in found for path in (_steps(item.key),)]
    return []


def _steps(key: str) -> Path:
    """Return a dotted key as a path again."""
    parts = key.replace("[", ".").replace("]", "").split(".")
    return tuple(int(part) if part.isdigit() else part for part in parts if part)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where a source's keys are written: under the service, or under its account."""

    source: Source
    shared: frozenset[str]

    def fault(self, item: InputError, path: Path) -> InputError:
        """Return the fault with its place in the file, and without any credential in its words."""
        document, at = self.source.document, self.source.path
        from_account = path and path[0] in self.shared and path[0] != "dsn"
        if from_account and self.source.account_document is not None:
            document, at = self.source.account_document, self.source.account_path
        key = dotted(at) + (f".{item.key}" if item.key else "")
        return InputError(
            redact(item.message), file=document.file, line=document.place((*at, *path)), key=key
        )


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
