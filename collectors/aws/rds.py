"""RDS: an instance as described, its disk, and its series."""

from datetime import timedelta

from advisor.collectors._pieces import Piece, parsed, together
from advisor.collectors.aws.ask import Api
from advisor.collectors.aws.cloudwatch import series, window
from advisor.collectors.aws.databases import (
    RESTRICTED,
    SHOWN,
    SOURCE,
    VERSION,
    Draft,
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
from advisor.core.model import Gap, Limit, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["INSTANCES", "PARAMETERS", "rds"]

INSTANCES, PARAMETERS = "rds:DescribeDBInstances", "rds:DescribeDBParameters"

_GIB = 2**30
_LOOK_BACK, _SETTLE = timedelta(hours=3), timedelta(minutes=10)


async def rds(api: Api, database: str) -> Answer:
    """Return what an instance of RDS does.

    Raises:
        CollectError: AWS cannot be reached or refuses, and nothing was measured.
    """
    (instance,) = await described(api, "DBInstance", database, INSTANCES)
    name = instance.text("DBInstanceIdentifier")
    return await together(
        [
            Piece(
                "instance",
                parsed(lambda: _instance(instance, api)),
                ("disk_size", "backup_age", "restricted"),
            ),
            Piece(
                "CloudWatch",
                lambda: _watched(api, instance, name),
                ("cpu", "connections", "disk_used", "memory"),
            ),
            Piece("limit of connections", lambda: _parameters(api, instance), ("connections",)),
        ]
    )


def _instance(instance: Body, api: Api) -> Answer:
    """Return what an instance's description says."""
    now = api.poll.now
    status = instance.text("DBInstanceStatus")
    readings = [Reading("restricted", float(status in RESTRICTED), now)]
    terms = [Term("plan", "payg", SOURCE, now)]
    allocated, most = instance.number("AllocatedStorage"), instance.number("MaxAllocatedStorage")
    if allocated:
        readings.append(Reading("disk_size", allocated * _GIB, now))
        terms.append(Term("limit", max(allocated, most or 0.0) * _GIB, SOURCE, now, "disk_used", Limit.QUOTA))
    terms += of_class(instance.text("DBInstanceClass"), api)
    readings += backup(instance, api)
    gaps = [] if status == "available" else [Gap("state", f"Amazon RDS says that the instance is `{status}`")]
    return Answer(readings, terms, gaps)


async def _watched(api: Api, instance: Body, name: str) -> Answer:
    replicas = [one.text() for one in items(instance, "ReadReplicaDBInstanceIdentifiers")]
    wanted = [of(name, one.name, one.stat) for one in levels(instance)]
    wanted += [of(name, "FreeStorageSpace", "Minimum"), of(name, "FreeableMemory", "Minimum")]
    lags = {one: of(one, "ReplicaLag", "Maximum") for one in replicas}
    shown = [of(name, metric, stat) for metric, stat, *_ in SHOWN]
    start = window(api.poll.since, api.poll.now, _LOOK_BACK, _SETTLE, 300)
    found = await series(api, [*wanted, *lags.values(), *shown], start)
    draft = Draft(gaps=found.gaps)
    for one in levels(instance):
        as_level(draft, found, of(name, one.name, one.stat), one)
    allocated = instance.number("AllocatedStorage")
    if allocated:
        free = of(name, "FreeStorageSpace", "Minimum")
        for _, end, value in found.points.get(free, ()):
            # A disk that just grew has points from before: no more is free than there was.
            draft.readings.append(Reading("disk_used", max(0.0, allocated * _GIB - value), end))
    memory_in_use(draft, found, {name: instance.text("DBInstanceClass")})
    for replica, lag in lags.items():
        for _, end, value in found.points.get(lag, ()):
            if value >= 0:  # -1: it cannot tell.
                draft.readings.append(Reading("replication_lag", value, end, part=replica))
    show(draft, found, name)
    silent(draft, name, found, wanted)
    return draft.answer()


async def _parameters(api: Api, instance: Body) -> Answer:
    """Return max_connections where the parameter group has a number; its default is a formula."""
    what = "limit of connections"
    groups = items(instance, "DBParameterGroups")
    if not groups:
        return Answer()
    form = {
        "DBParameterGroupName": groups[0].text("DBParameterGroupName"),
        "Filters.Filter.1.Name": "parameter-name",
        "Filters.Filter.1.Values.Value.1": "max_connections",
    }
    body = await api.query("rds", "DescribeDBParameters", VERSION, form, PARAMETERS)
    for parameter in body["Parameters"].each():
        value = parameter.get("ParameterValue")
        if (
            parameter.text("ParameterName") == "max_connections"
            and value is not None
            and value.text().isdigit()
        ):
            most = Term("limit", float(value.text()), SOURCE, api.poll.now, "connections", Limit.MAX)
            return Answer(terms=[most])
    why = (
        "max_connections is a formula over memory that AWS does not tell; give the service a `dsn`, or write "
        "`limits: {connections: ...}`"
    )
    return Answer(gaps=[Gap(what, why, ("connections",))])
