"""A cluster as its nodes: use over what each can allocate, and what pods asked for of it."""

from collections.abc import Mapping, Sequence

from advisor.collectors.kubernetes.api import METRICS_API, Api
from advisor.collectors.kubernetes.quantity import quantity
from advisor.core.model import Gap, Limit, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["described", "used"]

NODES, NODE_METRICS = "get, list nodes", "get, list nodes.metrics.k8s.io"

#: Conditions under which a node evicts pods or takes no new ones.
_PRESSURE = frozenset({"MemoryPressure", "DiskPressure", "PIDPressure"})


async def described(api: Api) -> tuple[list[Body], Answer]:
    """Return the nodes, and what their descriptions say.

    Raises:
        CollectError: They cannot be had.
    """
    gaps: list[Gap] = []
    nodes = await api.listed("/api/v1/nodes", NODES, {}, gaps, ("instances", "cpu", "memory"))
    ready = [node for node in nodes if "Ready" in _true(node)]
    pressed = [kind for node in nodes for kind in _true(node) if kind in _PRESSURE]
    now = api.poll.now
    readings = [
        Reading("instances", float(len(ready)), now),
        Reading("restricted", float(len(pressed)), now),
    ]
    for node in nodes:
        if node not in ready:
            name = node.text("metadata", "name")
            gaps.append(
                Gap(f"node {name}", f"the node `{name}` is not ready; `kubectl describe node {name}`")
            )
    return nodes, Answer(readings, (), gaps)


def _true(node: Body) -> list[str]:
    conditions = node.get("status", "conditions")
    each = conditions.each() if conditions is not None else ()
    return [one.text("type") for one in each if one.text("status") == "True"]


async def used(api: Api, nodes: Sequence[Body]) -> Answer:
    """Return CPU and memory of each node, over what it can allocate.

    Raises:
        CollectError: The metrics API cannot be asked.
    """
    allocatable = {
        node.text("metadata", "name"): (
            quantity(node, "status", "allocatable", "cpu"),
            quantity(node, "status", "allocatable", "memory"),
        )
        for node in nodes
    }
    body = await api.get(f"{METRICS_API}/nodes", NODE_METRICS)
    readings: list[Reading] = []
    seen: set[str] = set()
    # Nodes of several sizes have no limit in common: the fullest one speaks.
    fullest: tuple[float, Reading, float] | None = None
    shown: list[Mapping[str, str]] = []
    for item in body["items"].each():
        name, at = item.text("metadata", "name"), min(item.time("timestamp"), api.poll.now)
        cpu, memory = quantity(item, "usage", "cpu"), quantity(item, "usage", "memory")
        cores, most = allocatable.get(name, (None, None))
        if cpu is not None and cores:
            readings.append(Reading("cpu", cpu / cores, at, part=name))
        if memory is not None:
            seen.add(name)
            if most and (fullest is None or memory / most > fullest[0]):
                fullest = (memory / most, Reading("memory", memory, at), most)
        if cpu is not None and memory is not None and cores and most:
            shown.append({"node": name, "cpu": f"{cpu / cores:.0%}", "memory": f"{memory / most:.0%}"})
    silent = sorted(allocatable.keys() - seen)
    gaps = [
        Gap(
            f"node {name}",
            f"metrics-server has no figures of `{name}` yet, which is not zero",
            ("cpu", "memory"),
        )
        for name in silent
    ]
    source = "provider API: Kubernetes, allocatable"
    terms = []
    if fullest is not None:
        readings.append(fullest[1])
        terms.append(Term("limit", fullest[2], source, api.poll.now, "memory", Limit.AVAILABLE))
    return Answer(readings, terms, gaps, {}, {"Nodes": shown} if shown else {})
