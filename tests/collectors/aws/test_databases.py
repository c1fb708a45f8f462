"""RDS and Aurora: units, what is in use, and what only AWS knows."""

import pytest

from advisor.collectors.aws.machines import memory
from advisor.core.model import Limit
from tests.collectors.aws.given import SAMPLES, asked, limits, served, values


async def test_rds_gives_percent_as_a_share_and_gib_and_what_is_not_free_as_used() -> None:
    found = await asked("rds")
    assert values(found, "cpu") == [("", 0.125), ("", 0.8)]
    assert values(found, "disk_used") == [("", 15 * 2**30)]
    assert values(found, "disk_size") == [("", 20 * 2**30)]
    assert values(found, "memory") == [("", 0.75 * 2**30)]
    assert values(found, "replication_lag") == [("shop-read", 2.5)]
    assert values(found, "backup_age") == [("", 300)]
    assert limits(found) == {
        ("disk_used", Limit.QUOTA, ""): 100 * 2**30,  # As far as it grows by itself.
        ("memory", Limit.AVAILABLE, ""): 2**30,
        ("connections", Limit.MAX, ""): 200,
    }
    assert {"what": "read latency of the disk of shop", "value": "1.25 ms"} in found.answer.evidence[
        "Disk and credits"
    ]


async def test_a_formula_for_max_connections_is_a_gap_and_no_limit() -> None:
    formula = SAMPLES["rds-parameters"].model_copy(
        update={"text": str(SAMPLES["rds-parameters"].text).replace(">200<", ">LEAST({X/9531392},5000)<")}
    )
    found = await asked("rds", [SAMPLES["rds-instance"], SAMPLES["rds-metrics"], formula])
    assert ("connections", Limit.MAX, "") not in limits(found)
    assert [gap.what for gap in found.answer.gaps] == ["limit of connections"]


async def test_a_series_that_is_forbidden_within_an_answer_200_is_a_gap() -> None:
    found = await asked("rds", served("rds-instance", "error-forbidden-series", "rds-parameters"))
    assert values(found, "cpu") == [("", 0.8)]
    assert values(found, "connections") == []
    assert [gap.what for gap in found.answer.gaps] == ["DatabaseConnections"]


async def test_what_describes_survives_metrics_that_are_refused() -> None:
    found = await asked("rds", served("rds-instance", "error-denied", "rds-parameters"))
    assert values(found, "restricted") == [("", 0)]
    assert values(found, "cpu") == []
    assert "cloudwatch:GetMetricData" in found.answer.gaps[0].why


async def test_aurora_reads_milliseconds_of_lag_and_adds_five_minutes_up_to_hours() -> None:
    found = await asked("aurora")
    assert values(found, "replication_lag") == [("shop-1", 0.02)]
    assert values(found, "storage") == [("", 50 * 2**30)]
    assert values(found, "operations") == [("reads", 150), ("writes", 30)]
    assert values(found, "compute_hours") == [("shop-1", 1.5)]
    assert [t.value for t in found.answer.terms if t.what == "plan"] == ["serverless"]
    assert values(found, "memory") == []  # A serverless instance has no memory of its own.


async def test_another_shape_is_named_by_its_path() -> None:
    odd = SAMPLES["rds-instance"].model_copy(
        update={"text": str(SAMPLES["rds-instance"].text).replace("DBInstanceStatus", "State")}
    )
    found = await asked("rds", [odd, SAMPLES["rds-metrics"], SAMPLES["rds-parameters"]])
    (gap,) = found.answer.gaps
    assert "`DBInstances[0].DBInstanceStatus` is missing" in gap.why


@pytest.mark.parametrize(
    ("name", "gib"),
    [
        ("db.t4g.micro", 1),
        ("db.t3.2xlarge", 32),
        ("db.m7g.large", 8),
        ("db.r6gd.4xlarge", 128),
        ("db.m4.large", None),
        ("db.x2g.large", None),
        ("db.serverless", None),
    ],
)
def test_memory_is_told_only_of_classes_whose_rule_is_documented(name: str, gib: int | None) -> None:
    assert memory(name) == (None if gib is None else gib * 2**30)
