"""DigitalOcean's numbers: cumulative seconds, megabits, texts of dollars, and a shape that nobody knows."""

from datetime import UTC, datetime, timedelta

import pytest

from advisor.collectors.digitalocean import droplets, others
from advisor.collectors.digitalocean.matrix import Series, matrix
from advisor.core.model import Quality
from advisor.polling.body import Body
from advisor.polling.contract import Unexpected
from advisor.testing.replay import NOON

MINUTE = timedelta(minutes=1)


def modes(*seconds: tuple[float, float]) -> list[Series]:
    times = [NOON + index * MINUTE for index in range(len(seconds))]
    return [
        Series({"mode": mode}, list(zip(times, [pair[index] for pair in seconds], strict=True)))
        for index, mode in enumerate(("idle", "user"))
    ]


def test_cpu_is_what_was_not_idle_and_a_restart_begins_anew() -> None:
    assert droplets.cpu(modes((1000, 10), (1030, 40))) == (NOON + MINUTE, 0.5)
    assert droplets.cpu(modes((1000, 10), (5, 1), (15, 31))) == (NOON + 2 * MINUTE, 0.75)
    assert droplets.cpu(modes((1000, 10))) is None


def test_megabits_become_bytes_by_hour_and_a_hole_is_nothing() -> None:
    since = NOON - timedelta(hours=2)
    points = [
        (since, 8.0),
        (since + 10 * MINUTE, 8.0),
        (since + 65 * MINUTE, 8.0),
        (since + 70 * MINUTE, 8.0),
    ]
    found = droplets.egress([Series({}, points)], "web", since, NOON)
    assert [(r.since, r.value) for r in found] == [(since, 600e6), (since + 60 * MINUTE, 300e6)]
    assert {r.quality for r in found} == {Quality.ESTIMATED}


def test_the_transfer_of_all_droplets_is_one_pool_in_binary_units() -> None:
    sizes = [{"size": {"transfer": 1.0}}, {"size": {"transfer": 0.5}}]
    listed = [Body(one, "DigitalOcean") for one in sizes]
    assert [t.value for t in droplets.inventory(listed, NOON, whole=True).terms] == [1.5 * 2**40]
    assert droplets.inventory(listed, NOON, whole=False).terms == ()


def test_the_months_dollars_become_amounts() -> None:
    body = Body({"month_to_date_usage": "11.21", "generated_at": "2026-11-21T11:00:00Z"}, "DigitalOcean")
    last = {"at": NOON.timestamp() - 7200, "used": 11.0}
    assert [round(r.value, 2) for r in others.balance(body, last).readings] == [0.21]
    october = {"at": datetime(2026, 10, 31, tzinfo=UTC).timestamp(), "used": 99.0}
    assert [(r.value, r.since) for r in others.balance(body, october).readings] == [
        (11.21, datetime(2026, 11, 1, tzinfo=UTC))
    ]


def test_an_unexpected_shape_is_named_by_its_path() -> None:
    with pytest.raises(Unexpected, match=r"`data\.result\[0\]\.values` is missing"):
        matrix(Body({"status": "success", "data": {"result": [{"metric": {}}]}}, "DigitalOcean"))
