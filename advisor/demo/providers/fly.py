"""Fly.io: machines, volumes, the standing of the bill, and the organisation's Prometheus."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from advisor.demo.wire import NOT_FOUND, Answered, Asked
from advisor.demo.world import World

__all__ = ["BASELINE", "EDGES", "MACHINES", "answer"]

#: The machines, and the share that each has of the fullest one's memory and CPU.
MACHINES = {"m1": 1.0, "m2": 0.94}
BASELINE = 0.0625  #: Of a core: what a shared CPU may use for good.
#: Upper edges of the response times' histogram, in seconds.
EDGES = (0.01, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.25, 0.3, 0.5, 1.0, 2.5)
_SPREAD = 0.45  # Of the logarithm of response times.
_Z95 = 1.6448536
_HOUR = 3600
_TOLD = 6  # Of what is counted by five minutes the last half hour: all of 60 days would be a million samples.
_NAME = re.compile(r"fly_\w+")


def answer(asked: Asked, world: World) -> Answered:
    """Answer as the Machines API, as GraphQL, or as the Prometheus, by the path."""
    if asked.path.startswith("/prometheus/acme/api/v1/"):
        name = _NAME.search(asked.query["query"])
        ranged = asked.path.endswith("query_range")
        result = (_range if ranged else _now)(asked, world, name[0] if name else "")
        data = {"resultType": "matrix" if ranged else "vector", "result": result}
        return Answered({"status": "success", "isPartial": False, "data": data})
    match asked.path:
        case "/v1/apps/shop-api":
            return Answered({"id": "jl1", "name": "shop-api", "status": "deployed",
                             "organization": {"name": "Acme", "slug": "acme"}})  # fmt: skip
        case "/v1/apps/shop-api/machines":
            guest = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
            return Answered(
                [
                    {"id": name, "state": "started", "region": "ams", "config": {"guest": guest}}
                    for name in MACHINES
                ]
            )
        case "/v1/apps/shop-api/volumes":
            return Answered([])
        case "/graphql":
            return Answered({"data": {"organization": {"slug": "acme", "billingStatus": "CURRENT"}}})
    return NOT_FOUND


def _now(asked: Asked, world: World, name: str) -> list[Any]:
    at = asked.now

    def level(metric: str) -> float:
        return world.level("fly", metric, at)

    of: dict[str, Callable[[float], float]] = {
        "fly_instance_memory_mem_total": lambda _: level("memory_total"),
        "fly_instance_memory_mem_available": lambda share: level("memory_total") - share * level("memory"),
        # In centiseconds a second; a balance holds at most 500 s.
        "fly_instance_cpu": lambda share: 100 * BASELINE * share * level("cpu"),
        "fly_instance_cpu_baseline": lambda _: BASELINE,
        "fly_instance_cpu_balance": lambda _: 50_000.0,
        "fly_instance_cpu_throttle": lambda _: 0.0,
    }
    if name not in of:
        return []
    return [
        {"metric": {"app": "shop-api", "instance": machine}, "value": [at.timestamp(), repr(of[name](share))]}
        for machine, share in MACHINES.items()
    ]


def _range(asked: Asked, world: World, name: str) -> list[Any]:
    start, end = (int(float(asked.query[key])) for key in ("start", "end"))
    step = int(float(asked.query["step"].removesuffix("s")))
    times = [datetime.fromtimestamp(at, UTC) for at in range(start, end + 1, step)]
    if step < _HOUR:
        times = times[-_TOLD:]

    def amounts(metric: str) -> list[float]:
        width = timedelta(seconds=step)
        return [world.amount("fly", metric, at - width, at) for at in times]

    def series(labels: dict[str, str], values: list[float]) -> Any:
        pairs = zip(times, values, strict=True)
        return {"metric": labels, "values": [[at.timestamp(), repr(value)] for at, value in pairs]}

    match name:
        case "fly_edge_data_out":
            return [series({}, amounts("egress"))]
        case "fly_edge_http_responses_count":
            whole, failed = amounts("requests"), amounts("failures")
            fine = [all_ - bad for all_, bad in zip(whole, failed, strict=True)]
            return [series({"status": "200"}, fine), series({"status": "503"}, failed)]
        case "fly_edge_http_response_time_seconds_bucket":
            whole, middles = amounts("requests"), [_middle(world, at) for at in times]
            found = [
                series(
                    {"le": f"{edge:g}"},
                    [count * _below(edge, mu) for count, mu in zip(whole, middles, strict=True)],
                )
                for edge in EDGES
            ]
            return [*found, series({"le": "+Inf"}, whole)]
        case "fly_edge_http_response_time_seconds_sum":
            means = [math.exp(_middle(world, at) + _SPREAD**2 / 2) for at in times]
            return [
                series({}, [count * mean for count, mean in zip(amounts("requests"), means, strict=True)])
            ]
    return []


def _middle(world: World, at: datetime) -> float:
    """Return the logarithm of the median response time, so that the p95 is the story's."""
    return math.log(world.level("fly", "response_time", at)) - _Z95 * _SPREAD


def _below(edge: float, middle: float) -> float:
    """Return the share of answers that took no longer than an edge."""
    return 0.5 * (1 + math.erf((math.log(edge) - middle) / _SPREAD / math.sqrt(2)))
