"""Aurora: the volume of a cluster, each of its instances, and what is billed by use."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from advisor.collectors._pieces import Piece, parsed, together
from advisor.collectors.aws.ask import Api
from advisor.collectors.aws.cloudwatch import Series, series, window
from advisor.collectors.aws.databases import (
    RESTRICTED,
    SHOWN,
    SOURCE,
    Draft,
    Level,
    as_level,
    backup,
    described,
    items,
    levels,
    memory_in_use,
    of,
    of_class,
    show,
    silent,
)
from advisor.collectors.aws.machines import serverless
from advisor.collectors.aws.rds import INSTANCES
from advisor.core.model import Gap, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer, CollectError

__all__ = ["CLUSTERS", "aurora"]

CLUSTERS = "rds:DescribeDBClusters"

_LOOK_BACK, _SETTLE = timedelta(hours=3), timedelta(minutes=10)
_HOURS_BACK, _HOURS_SETTLE = timedelta(days=2), timedelta(hours=1)
_HOUR = timedelta(hours=1)


async def aurora(api: Api, cluster: str) -> Answer:
    """Return what a cluster of Aurora does: its volume, and each of its instances.

    Raises:
        CollectError: AWS cannot be reached or refuses, and nothing was measured.
    """
    (found,) = await described(api, "DBCluster", cluster, CLUSTERS)
    name = found.text("DBClusterIdentifier")
    draft = Draft("Capacity")
    _cluster(draft, found, api)
    try:
        instances = await described(api, "DBInstance", name, INSTANCES, by="db-cluster-id")
    except CollectError as error:
        draft.gaps.append(Gap("instances", str(error), ("cpu", "connections", "memory")))
        instances = ()
    draft.terms += _plan(instances, api)
    watched = Piece("CloudWatch", lambda: _members(api, name, instances), ("cpu", "connections", "storage"))
    return await together([Piece("cluster", parsed(draft.answer)), watched])


def _cluster(draft: Draft, cluster: Body, api: Api) -> None:
    now = api.poll.now
    status = cluster.text("Status")
    draft.readings.append(Reading("restricted", float(status in RESTRICTED), now))
    draft.readings.append(Reading("instances", float(len(items(cluster, "DBClusterMembers"))), now))
    draft.readings += backup(cluster, api)
    if status != "available":
        draft.gaps.append(Gap("state", f"Amazon RDS says that the cluster is `{status}`"))
    most = cluster.number("ServerlessV2ScalingConfiguration", "MaxCapacity")
    least = cluster.number("ServerlessV2ScalingConfiguration", "MinCapacity")
    if most is not None:
        span = f"{least:g} to {most:g} ACU" if least is not None else f"up to {most:g} ACU"
        draft.shown.append({"what": "serverless capacity", "value": span})


def _plan(instances: Sequence[Body], api: Api) -> list[Term]:
    classes = {one.text("DBInstanceClass") for one in instances}
    if not classes:
        return []
    plan = "serverless" if all(map(serverless, classes)) else "payg"
    return [Term("plan", plan, SOURCE, api.poll.now)]


async def _members(api: Api, cluster: str, instances: Sequence[Body]) -> Answer:
    draft = Draft()
    volume = Series("AWS/RDS", "VolumeBytesUsed", (("DBClusterIdentifier", cluster),), "Maximum", 300)
    names = {one.text("DBInstanceIdentifier"): one for one in instances}
    lag = Level("AuroraReplicaLag", "Maximum", "replication_lag", 0.001)  # Milliseconds, unlike ReplicaLag.
    wished = [(name, level) for name, one in names.items() for level in (*levels(one), lag)]
    wanted = [volume, *(of(name, level.name, level.stat) for name, level in wished)]
    wanted += [of(name, "FreeableMemory", "Minimum") for name in names]
    wanted += [of(name, "BufferCacheHitRatio", "Average") for name in names]
    wanted += [of(name, metric, stat) for name in names for metric, stat, *_ in SHOWN[:1]]
    start = window(api.poll.since, api.poll.now, _LOOK_BACK, _SETTLE, 300)
    found = await series(api, wanted, start)
    draft.gaps += found.gaps
    for _, end, value in found.points.get(volume, ()):
        draft.readings.append(Reading("storage", value, end))
    for name, level in wished:
        as_level(draft, found, of(name, level.name, level.stat), level, name)
    classes = {name: one.text("DBInstanceClass") for name, one in names.items()}
    draft.terms += of_class(memory_in_use(draft, found, classes), api)
    for name in names:
        for start_at, end, value in found.points.get(of(name, "BufferCacheHitRatio", "Average"), ()):
            draft.readings.append(Reading("cache_hit_rate", value / 100, end, start_at, name, of=1.0))
        show(draft, found, name)
    silent(draft, cluster, found, wanted)
    await _hours(api, draft, cluster, [name for name, kind in classes.items() if serverless(kind)])
    return draft.answer()


async def _hours(api: Api, draft: Draft, cluster: str, elastic: Sequence[str]) -> None:
    """Add what is billed by use: reads and writes of the volume, and the capacity of serverless instances.

    CloudWatch gives the reads and writes of five minutes as one value; its average over a period of five
    minutes is that value however often it was sent.
    """
    sides = [
        Series("AWS/RDS", name, (("DBClusterIdentifier", cluster),), "Average", 300)
        for name in ("VolumeReadIOPs", "VolumeWriteIOPs")
    ]
    capacity = {name: of(name, "ServerlessDatabaseCapacity", "Average", 3600) for name in elastic}
    start = window(api.poll.since, api.poll.now, _HOURS_BACK, _HOURS_SETTLE, 3600)
    found = await series(api, [*sides, *capacity.values()], start)
    draft.gaps += found.gaps
    estimated = Quality.ESTIMATED
    for part, one in zip(("reads", "writes"), sides, strict=True):
        hours: dict[float, float] = {}
        for at, _, value in found.points.get(one, ()):
            hour = at.timestamp() // 3600
            hours[hour] = hours.get(hour, 0.0) + value
        edges = [start + _HOUR * number for number in range(int((api.poll.now - start) / _HOUR) + 2)]
        for at, end in pairwise(edges):
            value_of_hour = hours.get(at.timestamp() // 3600)
            if value_of_hour is not None:
                until = min(end, api.poll.now)
                draft.readings.append(
                    Reading("operations", value_of_hour, until, at, part, quality=estimated)
                )
    for name, one in capacity.items():
        for at, end, value in found.points.get(one, ()):
            draft.readings.append(Reading("compute_hours", value, end, at, name, quality=estimated))
