"""How good the estimate of p95 query time is, against the client's own log of every transaction.

Three workloads (`QUERY_SECONDS` each, default 20) run through pgbench at a steady rate: point selects; a mix
of point selects (70 %), log-normal waits around 20 ms (25 %) and around 120 ms (5 %); and a heavy tail, 96 %
point selects and 4 % log-normal with sigma 1 around 150 ms. The `postgresql` collector polls before and
after.
The truth is pgbench's log (`-l`), one statement a transaction, the schedule's lag taken off; so it holds what
no view in the server times: the way there and back, and waiting for a core. Beside the estimate stand what is
usually made of the same view: mean + 1.645 standard deviations, and the longest call.

    python -m bench query_time
"""

import asyncio
import math
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

from advisor.collectors import postgresql
from advisor.core.fleet import Account, Service
from advisor.polling.contract import Answer, Poll
from bench.processes import folder, program, start
from bench.table import markdown
from tests.postgres_server import PostgresServer, running

SECONDS = int(os.environ.get("QUERY_SECONDS", "20"))
RATE = 200
POINT = "\\set id random(1, 100000)\nSELECT balance FROM accounts WHERE id = :id;\n"


def waits(median: float, sigma: float, columns: int) -> str:
    """Return a script whose one statement takes a log-normal time (median in ms).

    The server makes it normal out of two uniform numbers (Box and Muller), since pgbench knows no cosine.
    pg_stat_statements tells statements apart by their shape, so each has its number of `columns`.
    """
    normal = "sqrt(-2 * ln(:u / 1000000.0)) * cos(6.283185307 * :v / 1000000.0)"
    return (
        "\\set u random(1, 1000000)\n\\set v random(1, 1000000)\n"
        f"SELECT pg_sleep({median / 1000} * exp({sigma} * {normal})){', 1' * (columns - 1)};\n"
    )


#: Name to scripts with their weights.
WORKLOADS: Mapping[str, Sequence[tuple[str, int]]] = {
    "point selects": [(POINT, 1)],
    "mix: point 70 %, 20 ms 25 %, 120 ms 5 %": [
        (POINT, 70),
        (waits(20, 0.5, 1), 25),
        (waits(120, 0.5, 2), 5),
    ],
    "heavy tail: point 96 %, 150 ms 4 %": [(POINT, 96), (waits(150, 1.0, 1), 4)],
}


async def look(dsn: str, previous: Mapping[str, Any]) -> Answer:
    """Return what the collector says now."""
    settings = postgresql.Settings(dsn=dsn)
    service = Service("bench", "database", "database", "postgresql", "bench")
    async with httpx.AsyncClient() as http:
        poll = Poll(http, service, Account("bench", "postgresql"), datetime.now(UTC), previous=previous)
        return await postgresql.collect(poll, settings)


def totals(dsn: str) -> dict[str, tuple[int, float, float, float]]:
    """Return calls, sum and sum of squares (ms) and longest call of each statement that is not ours."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT queryid::text, calls, total_exec_time, "
            "calls * (mean_exec_time ^ 2 + stddev_exec_time ^ 2), max_exec_time FROM pg_stat_statements "
            "WHERE query LIKE 'SELECT balance%' OR query LIKE 'SELECT pg_sleep%'"
        ).fetchall()
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}


def usual(before: Mapping[str, Sequence[float]], after: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    """Return mean + 1.645 standard deviations of all calls between two looks, and the longest call (ms)."""
    nothing = (0, 0.0, 0.0, 0.0)
    parts = [
        [new - old for new, old in zip(each, before.get(key, nothing), strict=True)]
        for key, each in after.items()
    ]
    calls, total, squares = (sum(part[i] for part in parts) for i in range(3))
    mean = total / calls
    return mean + 1.645 * math.sqrt(max(squares / calls - mean * mean, 0.0)), max(
        each[3] for each in after.values()
    )


def pgbench(server: PostgresServer, scripts: Sequence[tuple[str, int]], seconds: int) -> list[float]:
    """Run a workload and return how long each transaction took for the client, ms."""
    home = folder()
    arguments: list[str] = []
    for number, (text, weight) in enumerate(scripts):
        path = home / f"{number}.sql"
        path.write_text(text, encoding="utf-8")
        arguments += ["-f", f"{path}@{weight}"]
    found = program("pgbench") or max(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), default=None)
    if found is None:
        sys.exit("pgbench is not installed; it comes with PostgreSQL (make servers)")
    process = start(
        [
            found, "-n", "-M", "extended", "-c", "40", "-j", "2", "-R", str(RATE), "-T", str(seconds),
            "-l", f"--log-prefix={home}/log", "--random-seed=7", *arguments, server.dsn(),
        ]
    )  # fmt: skip
    if process.wait() != 0:
        sys.exit(f"pgbench ended with {process.returncode}")
    took = []
    for path in home.glob("log*"):
        for line in path.read_text(encoding="ascii").splitlines():
            # client, transaction, latency (µs), script, epoch, µs, schedule lag (µs)
            fields = line.split()
            took.append((int(fields[2]) - int(fields[6])) / 1000)
    return took


def measure(server: PostgresServer, name: str, scripts: Sequence[tuple[str, int]]) -> dict[str, object]:
    """Run one workload between two polls."""
    dsn = server.dsn()
    server.execute("SELECT pg_stat_statements_reset()")
    pgbench(server, scripts, 3)  # A past that the interval must not be mixed up with.
    first = asyncio.run(look(dsn, {}))
    before = totals(dsn)
    took = pgbench(server, scripts, SECONDS)
    after = totals(dsn)
    second = asyncio.run(look(dsn, first.keep))
    estimate = next(
        reading.value * 1000
        for reading in second.readings
        if reading.metric == "query_time" and reading.stat == "p95"
    )
    truth = statistics.quantiles(took, n=100, method="inclusive")[94]
    spread, longest = usual(before, after)
    return {
        "workload": name,
        "transactions": len(took),
        "p95 of the client's log, ms": truth,
        "our estimate": _error(estimate, truth),
        "its error": _error(estimate, truth),
        "mean + 1.645 sd": _error(spread, truth),
        "max": _error(longest, truth),
    }


def _error(found: float, truth: float) -> str:
    return f"{found:.3g} ms ({100 * (found / truth - 1):+,.0f} %)"


def main() -> None:
    """Print the table."""
    with running() as server:
        server.execute("CREATE EXTENSION pg_stat_statements")
        server.execute(
            "CREATE TABLE accounts AS SELECT id, id * 3 AS balance FROM generate_series(1, 100000) AS id"
        )
        server.execute("ALTER TABLE accounts ADD PRIMARY KEY (id)")
        server.execute("ANALYZE accounts")
        rows = [measure(server, name, scripts) for name, scripts in WORKLOADS.items()]
    print(
        f"{SECONDS} s each at {RATE} transactions a second; load average {os.getloadavg()[0]:.1f} at the end."
    )
    print()
    print(markdown(rows))


if __name__ == "__main__":
    main()
