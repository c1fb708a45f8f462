"""Pods: use over their limits, restarts, and requests against limits and quotas."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from advisor.collectors.kubernetes.quantity import quantity
from advisor.core.model import Gap, Limit, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["Pod", "parse_pods", "quotas", "requested", "restarts", "used"]

_SOURCE = "provider API: Kubernetes, limits of the pod"
_GIB = 2**30
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Pod:
    """What the core API says of a pod; None where a container of it has no such limit or request."""

    namespace: str
    name: str
    running: bool
    ready: bool
    limits: tuple[float | None, float | None]
    requests: tuple[float | None, float | None]
    restarts: Mapping[str, int]
    killed: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Return what it is known by."""
        return self.namespace, self.name


def parse_pods(items: Iterable[Body]) -> list[Pod]:
    """Return the pods of a list. Pure.

    Raises:
        Unexpected: It has another shape.
    """
    return [_pod(item) for item in items]


def _pod(item: Body) -> Pod:
    phase = item.get("status", "phase")
    conditions = item.get("status", "conditions")
    each = list(conditions.each()) if conditions is not None else []
    ready = any(one.text("type") == "Ready" and one.text("status") == "True" for one in each)
    restarts, killed = {}, []
    uid = item.text("metadata", "uid")
    for kind in ("containerStatuses", "initContainerStatuses"):
        statuses = item.get("status", kind)
        for status in statuses.each() if statuses is not None else ():
            name = status.text("name")
            restarts[f"{uid}/{name}"] = int(status.number("restartCount") or 0)
            reason = status.get("lastState", "terminated", "reason")
            if reason is not None and reason.text() == "OOMKilled":
                killed.append(name)
    return Pod(
        item.text("metadata", "namespace"),
        item.text("metadata", "name"),
        phase is not None and phase.text() == "Running",
        ready,
        (_total(item, "limits", "cpu"), _total(item, "limits", "memory")),
        (_total(item, "requests", "cpu"), _total(item, "requests", "memory")),
        restarts,
        tuple(killed),
    )


def _total(item: Body, kind: str, resource: str) -> float | None:
    """Return the pod's own figure, else the sum of its containers'; None where one of them has none."""
    own = quantity(item["spec"], "resources", kind, resource)
    if own is not None:
        return own
    total = 0.0
    for container in _lasting(item):
        value = quantity(container, "resources", kind, resource)
        if value is None and kind == "requests":  # Without a request, the limit is requested.
            value = quantity(container, "resources", "limits", resource)
        if value is None:
            return None
        total += value
    return total


def _lasting(item: Body) -> list[Body]:
    """Return the containers that run all the time: init containers do not, except sidecars."""
    found = list(item["spec"]["containers"].each())
    early = item.get("spec", "initContainers")
    for container in early.each() if early is not None else ():
        policy = container.get("restartPolicy")
        if policy is not None and policy.text() == "Always":
            found.append(container)
    return found


def used(items: Iterable[Body], pods: Sequence[Pod], now: datetime, where: str) -> Answer:
    """Return the pods' mean CPU over their limits, and the memory of the fullest. Pure.

    A pod that has no limit has no share; one that metrics-server does not list yet is left out.

    Raises:
        Unexpected: The metrics have another shape.
    """
    running = {pod.key: pod for pod in pods if pod.running}
    cpu: list[float] = []
    fullest: tuple[float, float, float] | None = None
    times: list[datetime] = []
    shown: list[tuple[float, Mapping[str, str]]] = []
    limitless: dict[str, set[str]] = {"cpu": set(), "memory": set()}
    seen = set()
    for item in items:
        pod = running.get((item.text("metadata", "namespace"), item.text("metadata", "name")))
        if pod is None:
            continue
        seen.add(pod.key)
        times.append(min(item.time("timestamp"), now))
        containers = list(item["containers"].each())
        cores, memory = (_sum(containers, "usage", resource) for resource in ("cpu", "memory"))
        most_cores, most_memory = pod.limits
        row = {"pod": pod.name}
        if cores is not None:
            row["cpu"] = f"{cores:.3g} cores" + (f" of {most_cores:.3g}" if most_cores else "")
            if most_cores:
                cpu.append(cores / most_cores)
            else:
                limitless["cpu"].add(pod.name)
        if memory is not None:
            row["memory"] = f"{memory / _GIB:.3g} GiB" + (
                f" of {most_memory / _GIB:.3g}" if most_memory else ""
            )
            if most_memory and (fullest is None or memory / most_memory > fullest[0]):
                fullest = (memory / most_memory, memory, most_memory)
            elif not most_memory:
                limitless["memory"].add(pod.name)
        shown.append((memory or 0.0, row))
    readings: list[Reading] = []
    terms: list[Term] = []
    if cpu:
        readings.append(Reading("cpu", sum(cpu) / len(cpu), max(times)))
    if fullest is not None:
        readings.append(Reading("memory", fullest[1], max(times)))
        terms.append(Term("limit", fullest[2], _SOURCE, now, "memory", Limit.AVAILABLE))
    rows = [row for _, row in sorted(shown, key=lambda one: -one[0])[:_SHOWN]]
    gaps = [*_without(limitless), *_silent(running.keys() - seen, where)]
    return Answer(readings, terms, gaps, {}, {"Pods": rows} if rows else {})


def _sum(containers: Sequence[Body], *keys: str) -> float | None:
    values = [quantity(one, *keys) for one in containers]
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _without(limitless: Mapping[str, set[str]]) -> list[Gap]:
    return [
        Gap(
            f"{resource} of pods without a limit",
            f"{len(names)} of the pods, such as `{min(names)}`, have no limit of {resource}, so that no "
            f"share of it is known; set `resources.limits.{resource}`",
            (resource,),
        )
        for resource, names in limitless.items()
        if names
    ]


def _silent(keys: Iterable[tuple[str, str]], where: str) -> list[Gap]:
    names = sorted(name for _, name in keys)
    if not names:
        return []
    count = f"{len(names)} that run, such as `{names[0]}`"
    why = f"{where}: metrics-server does not list {count}; new ones come later"
    return [Gap("pods without metrics", why, ("cpu", "memory"))]


def restarts(
    pods: Sequence[Pod], now: datetime, since: datetime | None, before: Mapping[str, Any]
) -> tuple[list[Reading], dict[str, int], list[Mapping[str, str]]]:
    """Return the restarts since the last poll, the counts to keep, and who restarted. Pure.

    A container that was not there before counts with all its restarts: its pod is new, or never restarted.
    """
    counts = {key: count for pod in pods for key, count in pod.restarts.items() if count}
    known = before.get("restarts")
    rows: list[Mapping[str, str]] = [
        {
            "pod": pod.name,
            "restarts": str(sum(pod.restarts.values())),
            "last": f"out of memory: {', '.join(pod.killed)}" if pod.killed else "",
        }
        for pod in sorted(pods, key=lambda pod: -sum(pod.restarts.values()))[:_SHOWN]
        if sum(pod.restarts.values())
    ]
    if not isinstance(known, dict) or since is None or since >= now:
        return [], counts, rows
    # A count that fell began again, as a status that was lost does.
    grown = sum(max(0, count - int(known.get(key, 0))) for key, count in counts.items())
    return [Reading("restarts", float(grown), now, since)], counts, rows


def requested(pods: Sequence[Pod], nodes: Sequence[Body]) -> list[Mapping[str, str]]:
    """Return what running pods request and may use of all nodes together, for people. Pure."""
    rows: list[Mapping[str, str]] = []
    running = [pod for pod in pods if pod.running]
    for place, (resource, unit, scale) in enumerate((("cpu", "cores", 1.0), ("memory", "GiB", float(_GIB)))):
        row = {"resource": resource}
        for kind, figures in (
            ("requested", [pod.requests[place] for pod in running]),
            ("limits", [pod.limits[place] for pod in running]),
        ):
            known = [figure for figure in figures if figure is not None]
            without = f", {len(figures) - len(known)} pods without" if len(known) < len(figures) else ""
            row[kind] = f"{sum(known) / scale:.3g} {unit}{without}"
        sizes = [quantity(node, "status", "allocatable", resource) for node in nodes]
        if nodes and all(size is not None for size in sizes):
            row["allocatable"] = f"{sum(size or 0.0 for size in sizes) / scale:.3g} {unit}"
        rows.append(row)
    return rows


def quotas(items: Iterable[Body]) -> list[Mapping[str, str]]:
    """Return use and end of each ResourceQuota, fullest first, for people. Pure.

    Raises:
        Unexpected: They have another shape.
    """
    found: list[tuple[float, Mapping[str, str]]] = []
    for item in items:
        name, hard = item.text("metadata", "name"), item.get("status", "hard")
        for resource, most in hard.items() if hard is not None else ():
            end, use = quantity(most), quantity(item, "status", "used", resource)
            if end is not None and use is not None:
                text = f"{item['status']['used'][resource].value} of {most.value}"
                found.append((use / end if end else 1.0, {"quota": f"{name} {resource}", "used": text}))
    return [row for _, row in sorted(found, key=lambda one: -one[0])[:_SHOWN]]
