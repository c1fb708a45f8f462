"""pg_stat_monitor's histograms. The extension is not on this machine: a view of its shape stands in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from advisor.collectors.postgresql.draft import Denied, Draft, Seen
from advisor.collectors.postgresql.histograms import edges, histograms, monitored
from advisor.collectors.postgresql.session import statement
from advisor.core.model import Reading
from tests.postgres_server import PostgresServer

NOW = datetime(2026, 11, 1, 12, 5, tzinfo=UTC)
OLD = "(0 - 1)}, (1 - 3)}, (3 - 10)}, (10 - ...)}"
NEW = "{{0.000 - 1.000}, (1.000 - 3.000}, (3.000 - 10.000}, (10.000 - ...}}"


def rows(began: datetime, *counts: int, longest: float = 40.0, ranges: str = NEW) -> list[dict[str, Any]]:
    plain = {
        "began": began.timestamp(), "seconds": 60.0, "total_exec_time": 500.0, "max_exec_time": longest,
        "ranges": ranges,
    }  # fmt: skip
    return [{**plain, "place": place, "calls": float(count)} for place, count in enumerate(counts, 1)]


@pytest.mark.parametrize("ranges", [OLD, NEW])
def test_every_version_s_ranges_are_read(ranges: str) -> None:
    assert edges(ranges, 40.0) == [1, 3, 10, 40]
    assert edges(ranges, 0.5) == [1, 3, 10, 10]


def test_a_time_bucket_is_a_reading_with_counts() -> None:
    began = NOW - timedelta(minutes=2)
    [reading] = histograms(rows(began, 90, 5, 4, 1))
    buckets = ((0.001, 90.0), (0.003, 5.0), (0.01, 4.0), (0.04, 1.0))
    end = began + timedelta(seconds=60)
    assert reading == Reading("query_time", 0.005, end, since=began, buckets=buckets)


def test_a_time_bucket_in_which_nothing_ran_is_no_reading() -> None:
    assert not histograms(rows(NOW, 0, 0, 0, 0))


def test_places_without_a_range_are_not_guessed() -> None:
    assert not histograms(rows(NOW, 1, 1, 1, 1, 1))


def test_each_finished_time_bucket_is_given_once() -> None:
    minutes = [NOW - timedelta(minutes=n) for n in (3, 2)]
    seen = Seen({}, {"monitored": [row for began in minutes for row in rows(began, 1, 2, 3, 4)]})
    first = Draft(NOW, {})
    assert monitored(first, seen)
    assert [reading.since for reading in first.readings] == minutes
    second = Draft(NOW, first.keep)
    assert monitored(second, seen)
    assert not second.readings


@pytest.mark.parametrize(
    ("why", "sections", "gaps"),
    [
        ("it is not installed", {}, 0),
        ("it has counted nothing", {"monitored": []}, 0),
        ("it cannot be read", {"monitored": Denied("permission denied")}, 1),
    ],
)
def test_without_histograms_the_moments_are_what_there_is(
    why: str, sections: dict[str, Any], gaps: int
) -> None:
    draft = Draft(NOW, {})
    assert not monitored(draft, Seen({}, sections)), why
    assert len(draft.gaps) == gaps


def test_the_sql_runs_on_a_view_of_the_extension_s_shape(postgres_server: PostgresServer) -> None:
    dsn = postgres_server.create_database("monitored")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            f"""
            CREATE SCHEMA monitor;
            CREATE FUNCTION monitor.get_histogram_timings() RETURNS text LANGUAGE sql RETURN '{NEW}';
            CREATE VIEW monitor.pg_stat_monitor AS
            SELECT bucket_start_time::timestamptz, datname, toplevel, query, cmd_type_text,
                   total_exec_time::float8, max_exec_time::float8, string_to_array(resp, ',') AS resp_calls,
                   bucket_done
            FROM (VALUES
              ('2026-11-01 12:00:00+00', 'monitored', true, 'SELECT 1', 'SELECT', 10, 4, '5,2,1,0', true),
              ('2026-11-01 12:00:00+00', 'monitored', true, 'UPDATE a', 'UPDATE', 30, 30, '0,0,0,1', true),
              ('2026-11-01 12:00:00+00', 'monitored', true, 'COMMIT', 'UTILITY', 9, 9, '0,0,9,0', true),
              ('2026-11-01 12:00:00+00', 'monitored', false, 'SELECT 2', 'SELECT', 9, 9, '0,0,9,0', true),
              ('2026-11-01 12:00:00+00', 'other', true, 'SELECT 1', 'SELECT', 9, 9, '0,0,9,0', true),
              ('2026-11-01 12:01:00+00', 'monitored', true, 'SELECT 1', 'SELECT', 9, 9, '0,0,9,0', false)
            ) AS v (bucket_start_time, datname, toplevel, query, cmd_type_text, total_exec_time,
                    max_exec_time, resp, bucket_done)
            """.encode()
        )
        cursor = connection.execute(statement("monitored").replace("{schema}", "monitor").encode())
        names = [column.name for column in cursor.description or ()]
        [reading] = histograms([dict(zip(names, row, strict=True)) for row in cursor.fetchall()])
    assert reading.since == datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
    assert reading.at == datetime(2026, 11, 1, 12, 1, tzinfo=UTC)
    assert reading.value == pytest.approx(40 / 9 / 1000)
    assert reading.buckets == ((0.001, 5.0), (0.003, 2.0), (0.01, 1.0), (0.03, 1.0))
