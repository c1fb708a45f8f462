"""What pydantic finds wrong, as sentences that name file, line, key and the way out.

Serves every YAML file that is read into a model: advisor.yaml, the collectors' settings, rules, catalogue.
"""

import difflib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from advisor.errors import Faults, InputError
from advisor.strict_yaml import Document

__all__ = ["Faults", "Path", "did_you_mean", "dotted", "faults", "sentence"]

Path = tuple[str | int, ...]


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """Return "did you mean `x`?" for the nearest known word, else `otherwise`, else the known ones."""
    choices = sorted({choice for choice in known if choice})
    if near := nearest(word, choices):
        return f"did you mean `{near}`?"
    if otherwise or not choices:
        return otherwise or "remove it"
    return f"known: {', '.join(choices[:40])}"


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return the known word that is most like `word`, else an empty text."""
    near = difflib.get_close_matches(word.lower().replace("-", "_"), list(known), n=1, cutoff=cutoff)
    return near[0] if near else ""


def dotted(path: Path) -> str:
    """Return a path as people write it: `notify.email.to[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def faults(
    error: ValidationError,
    document: Document,
    *,
    at: Path = (),
    model: type[BaseModel] | None = None,
    also: Iterable[str] = (),
) -> list[InputError]:
    """Return one InputError for each place that `error` names, in the order of the file.

    `at` is where the validated part stands in `document`; `model` is what it was validated against, which
    gives the known keys for "did you mean"; `also` are keys that are taken there beside the model's.
    """
    data = _part(document.data, at)
    found: dict[Path, InputError] = {}
    for item in error.errors(include_url=False, include_context=True, include_input=False):
        known = [*_keys(model, item["loc"][:-1]), *(also if len(item["loc"]) == 1 else ())]
        path, tail = _path(item["loc"], data)
        path = at + path
        message = sentence(item, known)
        key = dotted(path + tail)
        found.setdefault(
            path + tail, InputError(message, file=document.file, line=document.place(path), key=key)
        )
    return sorted(found.values(), key=lambda fault: fault.line)


def _part(data: Any, path: Path) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _path(loc: Sequence[str | int], data: Any) -> tuple[Path, Path]:
    """Return the steps of `loc` that exist in `data`, and the last one where it is missing there.

    Pydantic also names its own steps, such as the member of a union; they are no part of the file.
    """
    path: list[str | int] = []
    for index, step in enumerate(loc):
        if isinstance(data, Mapping):
            if step not in data:
                if index == len(loc) - 1 and step != "[key]":
                    return tuple(path), (step,)
                continue
        elif not (isinstance(data, list) and isinstance(step, int) and step < len(data)):
            continue
        data = data[step]
        path.append(step)
    return tuple(path), ()


def _keys(model: Any, loc: Sequence[str | int]) -> list[str]:
    """Return the keys that the model takes at `loc`."""
    for step in loc:
        model = _below(model, step)
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [field.alias or name for name, field in model.model_fields.items()]
    return []


def _below(kind: Any, step: str | int) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if step in {field.alias, name}:
                return _model_in(field.annotation)
        return None
    arguments = typing.get_args(kind)
    return _model_in(arguments[-1] if len(arguments) == 2 else arguments[0]) if arguments else None


def _model_in(annotation: Any) -> Any:
    """Return the model (or the container) among the choices of an annotation."""
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        choices = [choice for choice in typing.get_args(annotation) if choice is not type(None)]
        models = [c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)]
        return models[0] if models else choices[0]
    if typing.get_origin(annotation) is typing.Annotated:
        return _model_in(typing.get_args(annotation)[0])
    return annotation


def _bound(words: str) -> Any:
    return lambda context: f"must be {words} {next(iter(context.values()))}"


_SENTENCES: Mapping[str, Any] = {
    "missing": "is missing; write it",
    "string_type": "must be text; put it in quotes",
    "string_too_short": "is empty; give it a value",
    "string_pattern_mismatch": lambda c: f"must look like {c['pattern']}",
    "int_type": "must be a whole number, such as 12",
    "int_parsing": "must be a whole number, such as 12",
    "int_from_float": "must be a whole number, such as 12",
    "float_type": "must be a number, such as 1.5",
    "float_parsing": "must be a number, such as 1.5",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than_equal": _bound("at least"),
    "greater_than": _bound("more than"),
    "less_than_equal": _bound("at most"),
    "less_than": _bound("less than"),
    "too_short": lambda c: f"must have at least {c['min_length']} item{'s' if c['min_length'] > 1 else ''}",
    "list_type": "must be a list, such as [a, b]",
    "tuple_type": "must be a list, such as [a, b]",
    "set_type": "must be a list, such as [a, b]",
    "frozen_set_type": "must be a list, such as [a, b]",
    "dict_type": "must be a mapping of keys to values",
    "mapping_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "none_required": "must be left empty",
}


def sentence(item: Any, known: Iterable[str]) -> str:
    """Return what one of pydantic's errors means, and the way out; `known` are the keys there are."""
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        return f"no such key here; {did_you_mean(str(item['loc'][-1]), known)}"
    if kind in {"literal_error", "enum"}:
        return f"must be {context['expected']}"
    if kind == "value_error":
        return str(context["error"])
    found = _SENTENCES.get(kind)
    if found is None:
        message: str = item["msg"].removeprefix("Value error, ")
        return message.replace("Input should be", "must be").replace("Value should", "must").rstrip(".")
    return str(found(context)) if callable(found) else str(found)
