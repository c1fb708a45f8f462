"""advisor.yaml and what it includes, from text to models: references sealed, each fault with its place."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from advisor import faults as wrong
from advisor.errors import InputError
from advisor.faults import Faults, dotted
from advisor.secrets import Secret, seal
from advisor.strict_yaml import Document

__all__ = ["included", "parsed"]

_Model = TypeVar("_Model", bound=BaseModel)


def included(patterns: Iterable[str], path: Path, document: Document) -> Iterator[Path]:
    """Yield the files that `include` names, each once, in the order of its patterns.

    Raises:
        InputError: a file that is named without `*` does not exist.
    """
    seen: set[Path] = {path.resolve()}
    for number, pattern in enumerate(patterns):
        folder = path.parent
        if not pattern or Path(pattern).is_absolute():
            relative = str(Path(pattern).relative_to("/")) if pattern else ""
            folder = Path("/")
        else:
            relative = pattern
        if not relative:
            raise document.fault("is empty; name a file", ("include", number), f"include[{number}]")
        names = sorted(folder.glob(relative))
        if not names and not any(sign in pattern for sign in "*?["):
            message = f"no file {pattern}; write it, or take the line out"
            raise document.fault(message, ("include", number), f"include[{number}]")
        for name in names:
            if name.is_file() and name.resolve() not in seen:
                seen.add(name.resolve())
                yield name


def parsed(document: Document, model: type[_Model], folder: Path, environ: Mapping[str, str]) -> _Model:
    """Return a file's content as its model.

    A Secret where the model wants plain text is a variable in a plain setting: it is looked up, and the
    whole is tried again.
    """
    if not isinstance(document.data, Mapping):
        raise InputError(
            "must be keys and values, such as `stacks:`", file=document.file, line=document.place()
        )
    data, mistakes = _sealed(document, folder)
    for again in (True, False):
        try:
            parsed = model.model_validate(data)
        except ValidationError as error:
            found = wrong.faults(error, Document(data, document.file, document.places), model=model)
            plain = [
                path for item in error.errors() if isinstance((path := _at(data, item["loc"]))[1], Secret)
            ]
            if again and plain:
                for holder, secret, step in plain:
                    try:
                        holder[step] = secret.resolve(environ)
                    except InputError as missing:
                        mistakes.append(missing)
                        holder[step] = ""
                if not mistakes:
                    continue
            lines = {mistake.key for mistake in mistakes}
            found = [*mistakes, *(fault for fault in found if fault.key not in lines)]
            raise Faults(sorted(found, key=lambda fault: fault.line)) from None
        if mistakes:
            raise Faults(mistakes)
        return parsed
    raise AssertionError("the second try returns or raises")


def _at(data: Any, loc: Iterable[str | int]) -> tuple[Any, Any, Any]:
    """Return holder, value and key of the deepest part of `data` that `loc` reaches."""
    holder, last = None, None
    for step in loc:
        if isinstance(data, dict):
            if step not in data:
                continue
        elif not (isinstance(data, list) and isinstance(step, int) and step < len(data)):
            continue
        holder, last, data = data, step, data[step]
    return holder, data, last


def _sealed(document: Document, folder: Path) -> tuple[Any, list[InputError]]:
    """Return a copy of the data with Secrets for texts that hold references; rules are left alone."""
    mistakes: list[InputError] = []

    def walk(value: Any, path: wrong.Path) -> Any:
        if isinstance(value, dict):
            return {k: v if not path and k == "rules" else walk(v, (*path, k)) for k, v in value.items()}
        if isinstance(value, list):
            return [walk(item, (*path, index)) for index, item in enumerate(value)]
        if isinstance(value, str) and not (path and path[-1] == "sql"):
            line, key = document.place(path), dotted(path)
            try:
                return seal(value, file=document.file, line=line, key=key, folder=folder)
            except InputError as mistake:
                mistakes.append(mistake)
        return value

    return walk(document.data, ()), mistakes
