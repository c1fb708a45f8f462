"""ECS on Fargate: tasks that run, what they use of what their definition reserves, and the hours billed."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from advisor.collectors._pieces import Piece, parsed, together
from advisor.collectors.aws.ask import Api
from advisor.collectors.aws.cloudwatch import Series, series, window
from advisor.core.model import Gap, Limit, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer, CollectError, Unexpected
from advisor.polling.reply import plain

__all__ = ["SCALING", "SERVICES", "TASKS", "ecs"]

SERVICES, TASKS = "ecs:DescribeServices", "ecs:DescribeTaskDefinition"
SCALING = "application-autoscaling:DescribeScalableTargets"

_TARGET = "AmazonEC2ContainerServiceV20141113"
_SOURCE = "provider API: Amazon ECS"
_MIB = 2**20
_AT_ONCE = 10  # Services in one request.
_LOOK_BACK, _SETTLE = timedelta(hours=3), timedelta(minutes=10)
_HOURS_BACK, _HOURS_SETTLE = timedelta(days=2), timedelta(hours=1)


async def ecs(api: Api, cluster: str, names: Sequence[str]) -> Answer:
    """Return what services of one cluster do.

    Raises:
        CollectError: AWS cannot be reached or refuses, and nothing was measured.
    """
    services, gaps = await _services(api, cluster, names)
    sizes, missing = await _sizes(api, services)
    pieces = [
        Piece("services", parsed(lambda: _running(services, [*gaps, *missing], api)), ("instances",)),
        Piece(
            "CloudWatch", lambda: _watched(api, cluster, services, sizes), ("cpu", "memory", "compute_hours")
        ),
        Piece("limit of instances", lambda: _scaling(api, cluster, services), ("instances",)),
    ]
    return await together(pieces)


async def _services(api: Api, cluster: str, names: Sequence[str]) -> tuple[list[Body], list[Gap]]:
    found: list[Body] = []
    gaps: list[Gap] = []
    for place in range(0, len(names), _AT_ONCE):
        ask = {"cluster": cluster, "services": list(names[place : place + _AT_ONCE])}
        body = await api.json("ecs", f"{_TARGET}.DescribeServices", "1.1", ask, SERVICES)
        found += body["services"].each()
        failures = body.get("failures")
        for failure in failures.each() if failures is not None else ():
            arn, reason = failure.get("arn"), failure.get("reason")
            name = arn.text().rpartition("/")[2] if arn is not None else "a service"
            said = plain(reason.text(), 40) if reason is not None else "no reason"
            why = f"Amazon ECS says {said} of `{plain(name)}`; check its name"
            gaps.append(Gap(name, why, ("instances",)))
    if not found:
        raise Unexpected("Amazon ECS knows none of the services; check `services`, `cluster` and `region`")
    return found, gaps


def _running(services: Sequence[Body], gaps: Sequence[Gap], api: Api) -> Answer:
    readings = []
    shown: list[Mapping[str, str]] = []
    for one in services:
        name, running, desired = (
            one.text("serviceName"),
            one.number("runningCount"),
            one.number("desiredCount"),
        )
        if running is not None:
            readings.append(Reading("instances", running, api.poll.now, part=name))
            wanted = f" of {desired:g} desired" if desired is not None else ""
            shown.append({"service": name, "tasks": f"{running:g} run{wanted}"})
    return Answer(readings, _plan(services, api), gaps, {}, {"Tasks": shown})


def _plan(services: Sequence[Body], api: Api) -> list[Term]:
    return [Term("plan", "payg", _SOURCE, api.poll.now)] if all(map(_fargate, services)) else []


def _fargate(service: Body) -> bool:
    kind = service.get("launchType")
    if kind is not None:
        return kind.text() == "FARGATE"
    strategy = service.get("capacityProviderStrategy")
    providers = [one.text("capacityProvider") for one in strategy.each()] if strategy is not None else []
    return bool(providers) and all(name.startswith("FARGATE") for name in providers)


async def _sizes(api: Api, services: Sequence[Body]) -> tuple[dict[str, tuple[float, float]], list[Gap]]:
    """Return the vCPUs and bytes that a task of each service reserves, by the service's name."""
    sizes: dict[str, tuple[float, float]] = {}
    gaps: list[Gap] = []
    for service in services:
        name = service.text("serviceName")
        try:
            ask = {"taskDefinition": service.text("taskDefinition")}
            body = await api.json("ecs", f"{_TARGET}.DescribeTaskDefinition", "1.1", ask, TASKS)
            cpu, memory = (body["taskDefinition"].number(key) for key in ("cpu", "memory"))
        except CollectError as error:
            gaps.append(Gap(f"size of {name}", str(error), ("memory", "compute_hours", "gb_hours")))
            continue
        if cpu and memory:
            sizes[name] = (cpu / 1024, memory * _MIB)
        else:
            why = f"the task definition of `{name}` has no size of its own, as Fargate wants it"
            gaps.append(Gap(f"size of {name}", why, ("memory", "compute_hours", "gb_hours")))
    return sizes, gaps


def _of(cluster: str, name: str, metric: str, stat: str, period: int = 300) -> Series:
    short = cluster.rpartition("/")[2]  # The dimension is the short name, never the ARN.
    return Series("AWS/ECS", metric, (("ClusterName", short), ("ServiceName", name)), stat, period)


async def _watched(
    api: Api, cluster: str, services: Sequence[Body], sizes: Mapping[str, tuple[float, float]]
) -> Answer:
    """Return use over the reservation; a task sends one sample a minute, so that their count is its time."""
    names = [one.text("serviceName") for one in services]
    cpu = {name: _of(cluster, name, "CPUUtilization", "Average") for name in names}
    memory = {name: _of(cluster, name, "MemoryUtilization", "Maximum") for name in names if name in sizes}
    start = window(api.poll.since, api.poll.now, _LOOK_BACK, _SETTLE, 300)
    found = await series(api, [*cpu.values(), *memory.values()], start)
    readings: list[Reading] = []
    gaps = list(found.gaps)
    for name, one in cpu.items():
        points = found.points.get(one, [])
        readings += [Reading("cpu", value / 100, end, part=name) for _, end, value in points]
        if not points:
            why = f"CloudWatch has no points of `{name}`, which is not zero: does a task run?"
            gaps.append(Gap(f"CPU of {name}", why, ("cpu", "memory")))
    terms = []
    newest = {name: point[2] for name, one in memory.items() if (point := found.newest(one)) is not None}
    if newest:
        # Services of several sizes have no limit in common: the fullest one speaks.
        fullest = max(newest, key=lambda name: newest[name])
        size = sizes[fullest][1]
        points = found.points[memory[fullest]]
        readings += [Reading("memory", value / 100 * size, end) for _, end, value in points]
        terms.append(Term("limit", size, _SOURCE, api.poll.now, "memory", Limit.AVAILABLE))
    fargate = [one.text("serviceName") for one in services if _fargate(one)]
    readings += await _billed(api, cluster, [name for name in fargate if name in sizes], sizes)
    return Answer(readings, terms, gaps)


async def _billed(
    api: Api, cluster: str, names: Sequence[str], sizes: Mapping[str, tuple[float, float]]
) -> list[Reading]:
    counts = {name: _of(cluster, name, "CPUUtilization", "SampleCount", 3600) for name in names}
    if not counts:
        return []
    start = window(api.poll.since, api.poll.now, _HOURS_BACK, _HOURS_SETTLE, 3600)
    found = await series(api, list(counts.values()), start, open_too=True)
    readings: list[Reading] = []
    for name, one in counts.items():
        cpus, size = sizes[name]
        for at, end, samples in found.points.get(one, ()):
            hours = samples / 60
            for metric, amount in (("compute_hours", hours * cpus), ("gb_hours", hours * size / 2**30)):
                readings.append(Reading(metric, amount, end, at, name, quality=Quality.ESTIMATED))
    return readings


async def _scaling(api: Api, cluster: str, services: Sequence[Body]) -> Answer:
    """Return to how many tasks the services may scale; without autoscaling nothing is said."""
    short = cluster.rpartition("/")[2]
    names = [one.text("serviceName") for one in services]
    ask = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    ids = [f"service/{short}/{name}" for name in names]
    most: dict[str, float] = {}
    for place in range(0, len(ids), 50):
        more = {"ResourceIds": ids[place : place + 50]}
        target = "AnyScaleFrontendService.DescribeScalableTargets"
        body = await api.json("application-autoscaling", target, "1.1", ask | more, SCALING)
        for one in body["ScalableTargets"].each():
            if (capacity := one.number("MaxCapacity")) is not None:
                most[one.text("ResourceId")] = capacity
    if set(most) != set(ids):  # A service without autoscaling has no upper end, nor has their sum.
        return Answer()
    return Answer(terms=[Term("limit", sum(most.values()), _SOURCE, api.poll.now, "instances", Limit.QUOTA)])
