"""Holds requests and samples to an official description: OpenAPI 3, GraphQL, botocore's models, protobuf.

The descriptions are no part of the project: a folder of them is named by whoever runs the checks. Needs
`jsonschema`, `openapi-schema-validator` and `graphql-core`, which only these checks use.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml

from advisor.testing.protos import against_message
from advisor.testing.samples import Sample
from advisor.testing.shapes import against_model

__all__ = ["against_spec"]

_METHODS = {"get", "post", "put", "patch", "delete", "head"}


def against_spec(folder: Path, request: httpx.Request, sample: Sample) -> list[str]:
    """Return where a request, or the sample that answered it, differs from the official description.

    Raises:
        FileNotFoundError: The sample names a description that the folder does not hold.
    """
    if sample.spec is None:
        return []
    path = folder / sample.spec.file
    place = f"{sample.name} ({request.method} {request.url.path})"
    if path.suffix == ".graphql" or "introspection" in path.name:
        found = _graphql(path, request, sample)
    elif path.suffix == ".proto":
        found = against_message(path.read_text("utf-8"), sample)
    elif sample.spec.operation and "shapes" in _document(path):
        found = against_model(_document(path), request, sample)
    else:
        found = _openapi(path, request, sample)
    return [f"{place}: {fault}" for fault in found]


@cache
def _document(path: Path) -> Mapping[str, Any]:
    text = path.read_text("utf-8")
    loaded: Mapping[str, Any] = (
        json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=yaml.CSafeLoader)
    )
    return loaded


def _openapi(path: Path, request: httpx.Request, sample: Sample) -> Iterator[str]:
    document = _document(path)
    template = sample.spec.path if sample.spec is not None else ""
    item = document["paths"].get(template)
    if item is None:
        yield f"the description has no path `{template}`"
        return
    pattern = re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(template).replace("\\{", "\\{"))
    if not re.search(f"{pattern}$", request.url.path):
        yield f"does not ask `{template}`"
    operation = item.get(request.method.lower())
    if operation is None:
        yield f"`{template}` knows only {', '.join(sorted(_METHODS & item.keys()))}"
        return
    yield from _query(document, [*item.get("parameters", ()), *operation.get("parameters", ())], request)
    yield from _answer(document, operation, sample)


def _resolved(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in entry:
        found: Any = document
        for part in entry["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        entry = found
    return entry


def _query(document: Mapping[str, Any], parameters: list[Any], request: httpx.Request) -> Iterator[str]:
    known = {
        parameter["name"]: parameter
        for parameter in (_resolved(document, one) for one in parameters)
        if parameter["in"] == "query"
    }
    sent = dict(request.url.params.multi_items())
    for name, value in sent.items():
        parameter = known.get(name) or known.get(f"{name}[]") or known.get(name.removesuffix("[]"))
        if parameter is None:
            if not any(p.get("style") == "deepObject" and name.startswith(f"{n}[") for n, p in known.items()):
                yield f"no query parameter `{name}`"
            continue
        schema = _resolved(document, parameter.get("schema", {}))
        if "enum" in schema and value not in {str(one) for one in schema["enum"]}:
            yield f"query parameter `{name}` may not be `{value}`"
    for name, parameter in known.items():
        if parameter.get("required") and name not in sent:
            yield f"query parameter `{name}` is required"


def _answer(document: Mapping[str, Any], operation: Mapping[str, Any], sample: Sample) -> Iterator[str]:
    responses = operation["responses"]
    said = responses.get(str(sample.status)) or responses.get(f"{sample.status // 100}XX")
    said = said or responses.get("default")
    if said is None:
        yield f"no answer {sample.status} is described"
        return
    content = _resolved(document, said).get("content", {})
    media = next((one for key, one in content.items() if "json" in key), None)
    if media is None or "schema" not in media or sample.text is not None:
        return
    for error in _validator(document, media["schema"]).iter_errors(sample.body):
        yield f"answer {error.json_path}: {error.message[:200]}"


def _validator(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    from openapi_schema_validator import OAS30Validator, OAS31Validator

    kind = OAS30Validator if str(document["openapi"]).startswith("3.0") else OAS31Validator
    # A schema's references are looked up in itself, so it brings what they point to.
    return kind({**schema, "components": document.get("components", {})})


@cache
def _schema(path: Path) -> Any:
    from graphql import build_client_schema, build_schema

    if path.suffix == ".graphql":
        return build_schema(path.read_text("utf-8"), assume_valid=True)
    document = _document(path)
    introspection: Any = document.get("data", document)
    return build_client_schema(introspection, assume_valid=True)


def _graphql(path: Path, request: httpx.Request, sample: Sample) -> Iterator[str]:
    from graphql import execute, parse, validate

    sent = json.loads(request.content)
    schema, document = _schema(path), parse(sent["query"])
    errors = validate(schema, document)
    yield from (f"query: {error.message}" for error in errors)
    data = (sample.body or {}).get("data")
    if errors or data is None:
        return

    def resolve(source: Any, info: Any, **_: Any) -> Any:
        return source.get(str(info.path.key))

    def kind(source: Any, info: Any, abstract: Any) -> Any:
        del info
        return source.get("__typename") or next(iter(schema.get_possible_types(abstract))).name

    result: Any = execute(
        schema,
        document,
        root_value=data,
        variable_values=sent.get("variables"),
        field_resolver=resolve,
        type_resolver=kind,
    )
    yield from (f"answer: {error.message}" for error in result.errors or ())
    if not result.errors and result.data != data:
        yield "answer: it holds what the query does not ask for"
