"""An XML answer of AWS as the mappings and lists that its JSON answers are made of. Pure."""

import xml.etree.ElementTree as ET
from typing import Any

from advisor.polling.contract import Unexpected

__all__ = ["read"]

#: Elements whose children are items, whatever those are called. All others are mappings or texts.
_LISTS = frozenset(
    {
        "MetricDataResults", "Timestamps", "Values", "Messages", "Metrics", "Dimensions", "DBInstances",
        "DBClusters", "DBClusterMembers", "DBParameterGroups", "ReadReplicaDBInstanceIdentifiers",
        "Parameters", "SendDataPoints",
    }
)  # fmt: skip
_DEEPEST = 64


def read(body: bytes, where: str) -> Any:
    """Return what an XML document says: elements as mappings, lists and texts, without namespaces.

    Raises:
        Unexpected: It is no XML, declares a document type (no AWS answer does), or is nested too deeply.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:  # Entities can make a small document huge.
        raise Unexpected(f"{where} answered with a document type, which no answer of AWS has")
    try:
        root = ET.fromstring(body)  # noqa: S314 - without a document type nothing is expanded
    except ET.ParseError:
        raise Unexpected(f"{where} answered what is no XML: check `base_url`") from None
    return {_name(root): _value(root, where, 0)}


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _value(element: ET.Element, where: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise Unexpected(f"{where} answered XML nested too deeply")
    if _name(element) in _LISTS:
        return [_value(child, where, depth + 1) for child in element]
    if len(element):
        return {_name(child): _value(child, where, depth + 1) for child in element}
    return (element.text or "").strip()
