"""Holds requests and samples to a service model as botocore has them: operations, shapes, protocols.

Members that are sent or answered must exist and be of their type, required ones must be there. Known are the
protocols query (forms, XML), json and rest-json.
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx

from advisor.testing.samples import Sample

__all__ = ["against_model"]

_NUMBERS = {"integer", "long", "double", "float", "bigdecimal"}
_TEXTS = {"string", "character", "blob"}

Model = Mapping[str, Any]


def against_model(model: Model, request: httpx.Request, sample: Sample) -> Iterator[str]:
    """Yield where a request, or the sample that answered it, differs from the model's operation."""
    name = sample.spec.operation if sample.spec is not None else ""
    operation = model["operations"].get(name)
    if operation is None:
        yield f"the description has no operation `{name}`"
        return
    metadata = model["metadata"]
    protocols = metadata.get("protocols") or [metadata["protocol"]]
    if request.method != operation["http"]["method"]:
        yield f"`{name}` is asked with {operation['http']['method']}"
    target = request.headers.get("x-amz-target", "")
    if target:
        yield from _json_request(model, request, target, f"{metadata.get('targetPrefix')}.{name}")
        sent: Any = json.loads(request.content)
        yield from _checked(model, operation.get("input"), sent, "request", xml=False)
    elif "query" in protocols:
        form = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
        said = {"Action": form.pop("Action", ""), "Version": form.pop("Version", "")}
        if said != {"Action": name, "Version": metadata["apiVersion"]}:
            yield f"its form says {said}"
        tree = _unflattened(model, operation.get("input"), form)
        yield from _checked(model, operation.get("input"), tree, "request", xml=True)
    else:
        if request.url.path != operation["http"]["requestUri"]:
            yield f"`{name}` is at {operation['http']['requestUri']}"
        sent = json.loads(request.content or b"{}")
        yield from _checked(model, operation.get("input"), sent, "request", xml=False)
    if sample.status < 300:
        yield from _answer(model, operation, sample)


def _json_request(model: Model, request: httpx.Request, target: str, wanted: str) -> Iterator[str]:
    if target != wanted:
        yield f"its target is `{target}`, not `{wanted}`"
    kind = f"application/x-amz-json-{model['metadata']['jsonVersion']}"
    if request.headers.get("content-type") != kind:
        yield f"its content type is not `{kind}`"


def _answer(model: Model, operation: Mapping[str, Any], sample: Sample) -> Iterator[str]:
    output = operation.get("output")
    if sample.text is None:
        yield from _checked(model, output, sample.body, "answer", xml=False)
        return
    root = ET.fromstring(sample.text)  # noqa: S314 - our own samples
    if _name(root) != f"{operation['name']}Response":
        yield f"its root is `{_name(root)}`"
        return
    wrapper = (output or {}).get("resultWrapper")
    found = next((child for child in root if _name(child) == wrapper), None) if wrapper else root
    if found is None:
        yield f"it has no `{wrapper}`"
        return
    yield from _checked(model, output, _tree(model, output, found), "answer", xml=True)


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _tree(model: Model, reference: Mapping[str, Any] | None, element: ET.Element) -> Any:
    """Return an element as the value that its shape says; what the shape does not know stays in it."""
    shape = model["shapes"].get((reference or {}).get("shape"), {})
    match shape.get("type"):
        case "structure":
            known = {
                member.get("locationName", name): (name, member) for name, member in shape["members"].items()
            }
            found = {}
            for child in element:
                name, member = known.get(_name(child), (_name(child), None))
                found[name] = _tree(model, member, child)
            return found
        case "list":
            item = shape["member"].get("locationName", "member")
            wrong = [_name(child) for child in element if _name(child) != item]
            return {"items": wrong} if wrong else [_tree(model, shape["member"], child) for child in element]
        case _:
            return (element.text or "").strip()


def _unflattened(model: Model, reference: Mapping[str, Any] | None, form: Mapping[str, str]) -> Any:
    """Return a form's dotted names as the value that the shape says."""
    tree: dict[str, Any] = {}
    for name, value in form.items():
        at = tree
        *path, last = name.split(".")
        for part in path:
            at = at.setdefault(part, {})
        at[last] = value
    return _shaped(model, reference, tree)


def _shaped(model: Model, reference: Mapping[str, Any] | None, tree: Any) -> Any:
    shape = model["shapes"].get((reference or {}).get("shape"), {})
    if not isinstance(tree, dict):
        return tree
    match shape.get("type"):
        case "structure":
            return {name: _shaped(model, shape["members"].get(name), value) for name, value in tree.items()}
        case "list":
            item = shape["member"].get("locationName", "member")
            numbered = tree.get(item)
            if set(tree) != {item} or not isinstance(numbered, dict):
                return tree
            if sorted(map(str, range(1, len(numbered) + 1))) != sorted(numbered):
                return tree
            return [_shaped(model, shape["member"], numbered[str(n + 1)]) for n in range(len(numbered))]
        case _:
            return tree


def _checked(
    model: Model, reference: Mapping[str, Any] | None, value: Any, place: str, *, xml: bool
) -> Iterator[str]:
    if reference is None:
        if value:
            yield f"{place}: nothing is wanted here"
        return
    shape = model["shapes"][reference["shape"]]
    kind = shape["type"]
    if kind == "structure":
        yield from _structure(model, shape, value, place, xml=xml)
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{place}: no list"
            return
        for index, item in enumerate(value):
            yield from _checked(model, shape["member"], item, f"{place}[{index}]", xml=xml)
    elif kind == "map":
        if not isinstance(value, dict):
            yield f"{place}: no mapping"
            return
        for key, item in value.items():
            yield from _checked(model, shape["value"], item, f"{place}.{key}", xml=xml)
    elif not _is(kind, value, xml=xml):
        yield f"{place}: no {kind}"
    elif "enum" in shape and value not in shape["enum"]:
        yield f"{place}: may not be `{value}`"


def _structure(model: Model, shape: Mapping[str, Any], value: Any, place: str, *, xml: bool) -> Iterator[str]:
    if not isinstance(value, dict):
        if xml and value == "":  # An empty element is an empty structure.
            return
        yield f"{place}: no structure"
        return
    members = shape["members"]
    named = members if xml else {member.get("locationName", name): member for name, member in members.items()}
    for name, item in value.items():
        if name not in named:
            yield f"{place}: no member `{name}`"
        elif item is not None:
            yield from _checked(model, named[name], item, f"{place}.{name}", xml=xml)
    for name in shape.get("required", ()):
        wire = name if xml else members[name].get("locationName", name)
        if value.get(wire) is None:
            yield f"{place}: `{wire}` is required"


def _is(kind: str, value: Any, *, xml: bool) -> bool:
    if kind in _TEXTS:
        return isinstance(value, str)
    if xml:
        return isinstance(value, str) and _reads(kind, value)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "timestamp":
        return isinstance(value, int | float | str) and not isinstance(value, bool)
    whole = kind in {"integer", "long"}
    return isinstance(value, int if whole else int | float) and not isinstance(value, bool)


def _reads(kind: str, text: str) -> bool:
    if kind == "boolean":
        return text in {"true", "false"}
    try:
        if kind == "timestamp":
            datetime.fromisoformat(text)
        elif kind in _NUMBERS:
            (int if kind in {"integer", "long"} else float)(text)
    except ValueError:
        return False
    return True
