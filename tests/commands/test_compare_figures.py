"""What `--compare` makes of readings: one figure a series, nothing counted twice."""

from datetime import UTC, datetime, timedelta

from advisor.commands.compare import figures
from advisor.core.model import Quality, Reading

DAY = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_newest_level_of_each_part_counts() -> None:
    found = figures(
        [
            Reading("storage", 1, DAY, part="a"),
            Reading("storage", 2, DAY + HOUR, part="a"),
            Reading("storage", 5, DAY),
        ]
    )
    assert [(one.part, one.value) for one in found] == [("", 5), ("a", 2)]


def test_a_bucket_that_finer_ones_cover_is_not_added() -> None:
    hours = [Reading("egress", 10, DAY + HOUR * (n + 1), DAY + HOUR * n) for n in range(3)]
    (one,) = figures([Reading("egress", 31, DAY + HOUR * 3, DAY), *hours])
    assert (one.value, one.since, one.at) == (30, DAY, DAY + HOUR * 3)


def test_a_share_is_parts_over_wholes_and_the_worst_quality_stands() -> None:
    (one,) = figures(
        [
            Reading("error_rate", 1, DAY + HOUR, DAY, of=10),
            Reading("error_rate", 9, DAY + HOUR * 2, DAY + HOUR, of=90, quality=Quality.ESTIMATED),
        ]
    )
    assert (one.value, one.shown, one.quality) == (0.1, "10 %", Quality.ESTIMATED)
