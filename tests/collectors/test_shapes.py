"""The kit holds requests and samples to a model as botocore has them: what it must notice."""

from typing import Any

import httpx
import pytest

from advisor.testing.protos import against_message
from advisor.testing.samples import Sample
from advisor.testing.shapes import against_model

MODEL: dict[str, Any] = {
    "metadata": {
        "protocol": "json",
        "protocols": ["json", "query"],
        "jsonVersion": "1.1",
        "targetPrefix": "T",
        "apiVersion": "2020-01-01",
    },
    "operations": {
        "List": {
            "name": "List",
            "http": {"method": "POST", "requestUri": "/"},
            "input": {"shape": "In"},
            "output": {"shape": "Out", "resultWrapper": "ListResult"},
        }
    },
    "shapes": {
        "In": {
            "type": "structure",
            "required": ["Name"],
            "members": {"Name": {"shape": "Text"}, "Ids": {"shape": "Ids"}},
        },
        "Out": {"type": "structure", "members": {"Items": {"shape": "Items"}}},
        "Items": {"type": "list", "member": {"shape": "Item", "locationName": "Item"}},
        "Item": {
            "type": "structure",
            "required": ["Size"],
            "members": {"Size": {"shape": "Size"}, "At": {"shape": "At"}},
        },
        "Ids": {"type": "list", "member": {"shape": "Text"}},
        "Text": {"type": "string"},
        "Size": {"type": "integer"},
        "At": {"type": "timestamp"},
    },
}
SPEC = {"file": "x.json", "operation": "List"}
XML = "<ListResponse><ListResult><Items>{}</Items></ListResult></ListResponse>"


def faults(body: Any, sent: Any, target: str = "T.List") -> list[str]:
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    sample = Sample.model_validate({"name": "it", "request": {"path": "/"}, "spec": SPEC, "body": body})
    return list(against_model(MODEL, httpx.Request("POST", "https://x/", headers=headers, json=sent), sample))


def form_faults(text: str, form: dict[str, str]) -> list[str]:
    sample = Sample.model_validate({"name": "it", "request": {"path": "/"}, "spec": SPEC, "text": text})
    return list(against_model(MODEL, httpx.Request("POST", "https://x/", data=form), sample))


@pytest.mark.parametrize(
    ("body", "sent", "wanted"),
    [
        ({"Items": [{"Size": 1, "At": 1.5}]}, {"Name": "a", "Ids": ["b"]}, []),
        ({"Items": [{"Size": "1"}]}, {"Name": "a"}, ["answer.Items[0].Size: no integer"]),
        ({"Items": [{}]}, {"Name": "a"}, ["answer.Items[0]: `Size` is required"]),
        ({"Itmes": []}, {"Name": "a"}, ["answer: no member `Itmes`"]),
        ({}, {"Nam": "a"}, ["request: no member `Nam`", "request: `Name` is required"]),
    ],
)
def test_json_is_held_to_the_shapes(body: Any, sent: Any, wanted: list[str]) -> None:
    assert faults(body, sent) == wanted


def test_a_wrong_target_is_noticed() -> None:
    assert faults({}, {"Name": "a"}, "T.Lost") == ["its target is `T.Lost`, not `T.List`"]


@pytest.mark.parametrize(
    ("inner", "more", "wanted"),
    [
        ("<Item><Size>1</Size><At>2026-11-21T00:00:00Z</At></Item>", {"Ids.member.1": "b"}, []),
        ("<Item><Size>one</Size></Item>", {}, ["answer.Items[0].Size: no integer"]),
        ("<member><Size>1</Size></member>", {}, ["answer.Items: no list"]),
        ("<Item><Size>1</Size><Sise/></Item>", {}, ["answer.Items[0]: no member `Sise`"]),
        ("", {"Ids.1": "b"}, ["request.Ids: no list"]),
        ("", {"Ids.member.2": "b"}, ["request.Ids: no list"]),
    ],
)
def test_forms_and_xml_are_held_to_the_shapes(inner: str, more: dict[str, str], wanted: list[str]) -> None:
    form = {"Action": "List", "Version": "2020-01-01", "Name": "a", **more}
    assert form_faults(XML.format(inner), form) == wanted


PROTO = """
message List {
  // What it is about.
  optional .elsewhere.ListMeta metadata = 1;
  repeated Item items = 2;
}

message Item {
  map<string, .elsewhere.Quantity> usage = 4;
}
"""


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"kind": "List", "metadata": {}, "items": [{"usage": {"cpu": "1n"}}]}, []),
        ({"items": [{"usge": {}}]}, ["answer.items[0]: no field `usge` of Item"]),
        ({"items": [{"usage": []}]}, ["answer.items[0].usage: no mapping"]),
        ({"items": {}}, ["answer.items: no list"]),
    ],
)
def test_an_answer_is_held_to_the_fields_of_a_message(body: Any, wanted: list[str]) -> None:
    sample = Sample.model_validate(
        {
            "name": "it",
            "request": {"path": "/"},
            "spec": {"file": "x.proto", "operation": "List"},
            "body": body,
        }
    )
    assert list(against_message(PROTO, sample)) == wanted
