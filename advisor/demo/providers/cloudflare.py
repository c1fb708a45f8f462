"""Cloudflare: GraphQL Analytics of the products that the stacks use, the Workers plan, and a zone."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from advisor.demo.wire import DAY, HOUR, NOT_FOUND, Answered, Asked, hours, midnight, stamp
from advisor.demo.world import World

__all__ = ["answer"]

_NODE = re.compile(r"\{(\w+)\(limit:")
_ALLOWED = re.compile(r"(\w+)\{enabled")
_BOUNDS = {"enabled": True, "maxDuration": 2_764_800, "notOlderThan": 7_776_000, "maxPageSize": 10_000}
_EXACT = {"sampleInterval": 1}
Rows = Callable[[World, datetime, datetime], Iterator[dict[str, Any]]]


def answer(asked: Asked, world: World) -> Answered:
    """Answer one GraphQL document, or a REST path with its envelope."""
    if asked.path == "/client/v4/graphql":
        return _graphql(asked, world)
    if asked.path.endswith("/subscriptions"):
        paid = {"id": "e" * 32, "state": "Paid", "price": 5, "currency": "USD", "frequency": "monthly",
                "rate_plan": {"id": "workers_paid", "public_name": "Workers Paid"}}  # fmt: skip
        return _envelope([paid] if world.plans.get("cloudflare-workers") == "paid" else [])
    if asked.path.startswith("/client/v4/zones/"):
        plan = {"id": "0" * 32, "legacy_id": "free", "name": "Free Website"}
        return _envelope({"name": "example.com", "status": "active", "paused": False, "plan": plan})
    return NOT_FOUND


def _envelope(result: Any) -> Answered:
    return Answered({"success": True, "errors": [], "messages": [], "result": result})


def _graphql(asked: Asked, world: World) -> Answered:
    sent = asked.json()
    document, variables = sent["query"], sent["variables"]
    place = "zones" if "zones(" in document else "accounts"
    node = _NODE.search(document)
    found: dict[str, Any]
    if node is None:
        found = {"settings": dict.fromkeys(_ALLOWED.findall(document), _BOUNDS)}
    else:
        found = {node[1]: list(_rows(node[1], variables, asked.now, world))}
    return Answered({"data": {"viewer": {place: [found]}}, "errors": None})


def _rows(node: str, variables: Any, now: datetime, world: World) -> Iterator[dict[str, Any]]:
    first, last = variables["from"], variables["to"]
    if len(first) == len("2026-01-05"):  # By day, the last one included.
        start = datetime.fromisoformat(f"{first}T00:00:00Z")
        end = min(datetime.fromisoformat(f"{last}T00:00:00Z") + DAY, now)
        width, key = DAY, "date"
    else:
        start, end = datetime.fromisoformat(first), min(datetime.fromisoformat(last), now)
        width, key = HOUR, "datetimeHour"
    for since, until in hours(start, end, width):
        at = f"{since:%Y-%m-%d}" if key == "date" else stamp(since)
        for row in _NODES[node](world, since, until) if node in _NODES else ():
            yield {**row, "dimensions": {key: at, **row.get("dimensions", {})}}


def _r2(world: World, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    for action, metric in (("PutObject", "class_a_operations"), ("GetObject", "class_b_operations")):
        sent = world.count("cloudflare-r2", "egress", since, until) if action == "GetObject" else 0
        yield {
            "dimensions": {"actionType": action, "storageClass": "Standard"},
            "sum": {"requests": world.count("cloudflare-r2", metric, since, until), "responseBytes": sent},
        }


def _stored(product: str, *fields: str, **by: str) -> Rows:
    def rows(world: World, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        del since
        size = round(world.level(product, "storage", until))
        yield {"dimensions": by, "max": {name: size if name == fields[0] else 0 for name in fields}}

    return rows


def _workers(world: World, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    def count(metric: str) -> int:
        return world.count("cloudflare-workers", metric, since, until)

    def micro(metric: str) -> float:
        return world.level("cloudflare-workers", metric, until) * 1e6

    cpu, run = micro("cpu_time"), micro("response_time")  # The 99th and the 95th of hundred.
    yield {
        "sum": {"requests": count("requests"), "errors": count("failures"),
                "responseBodySize": count("egress"), "cpuTimeUs": count("cpu_micros")},
        "quantiles": {"cpuTimeP50": cpu / 8, "cpuTimeP95": cpu / 2, "cpuTimeP99": cpu,
                      "requestDurationP50": run / 4, "requestDurationP95": run,
                      "requestDurationP99": 2 * run},
        "avg": _EXACT,
    }  # fmt: skip


def _kv(world: World, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    for action in ("read", "write"):
        yield {
            "dimensions": {"actionType": action},
            "sum": {"requests": world.count("cloudflare-kv", f"{action}s", since, until)},
            "avg": _EXACT,
        }


def _objects(world: World, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    asked = world.count("cloudflare-durable-objects", "requests", since, until)
    yield {"sum": {"requests": asked, "errors": 0}, "avg": _EXACT}


def _objects_run(world: World, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    def count(metric: str) -> int:
        return world.count("cloudflare-durable-objects", metric, since, until)

    # `duration` is in GB-seconds.
    yield {
        "sum": {"duration": count("gb_seconds"), "rowsRead": count("reads"), "rowsWritten": count("writes")}
    }


def _queues(world: World, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    done = world.count("cloudflare-queues", "operations", since, until)
    yield {"sum": {"billableOperations": done}, "avg": _EXACT}


def _zone(world: World, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    requests, sent = (world.count("cloudflare-cdn", name, since, until) for name in ("requests", "egress"))
    share = world.level("cloudflare-cdn", "cache_hit_rate", midnight(since))
    saved = world.level("cloudflare-cdn", "bandwidth_saved", midnight(since))
    yield {
        "sum": {
            "requests": requests,
            "bytes": sent,
            "cachedRequests": round(requests * share),
            "cachedBytes": round(sent * saved),
            "responseStatusMap": [{"edgeResponseStatus": 200, "requests": requests}],
        },
        "avg": _EXACT,
    }


_NODES: dict[str, Rows] = {
    "r2OperationsAdaptiveGroups": _r2,
    "r2StorageAdaptiveGroups": _stored(
        "cloudflare-r2", "payloadSize", "metadataSize", bucketName="photos", storageClass="Standard"
    ),
    "workersInvocationsAdaptive": _workers,
    "kvOperationsAdaptiveGroups": _kv,
    "kvStorageAdaptiveGroups": _stored("cloudflare-kv", "byteCount", namespaceId="sessions"),
    "durableObjectsInvocationsAdaptiveGroups": _objects,
    "durableObjectsPeriodicGroups": _objects_run,
    "durableObjectsSqlStorageGroups": _stored(
        "cloudflare-durable-objects", "storedBytes", namespaceId="rooms"
    ),
    "queueMessageOperationsAdaptiveGroups": _queues,
    "httpRequests1dGroups": _zone,
}
