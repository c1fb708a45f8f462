"""Run the workloads between two polls, and lay the estimates beside the truth."""

import asyncio
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg

from advisor.collectors import postgresql
from advisor.core.fleet import Account, Service
from advisor.core.model import Reading
from advisor.polling.contract import Answer, Poll
from bench.latency.truth import CLIENTS, quantile, run
from bench.latency.workloads import SETUP, WORKLOADS, Workload
from bench.table import markdown
from tests.postgres_server import PostgresServer, running

__all__ = ["Measured", "markdown_of", "measured"]

SECONDS = float(os.environ.get("LATENCY_SECONDS", "12"))
#: Name to share and to the deviations above the mean at which a normal distribution has it.
SHARES = {"p95": (0.95, 1.645), "p99": (0.99, 2.326)}


@dataclass(frozen=True)
class Measured:
    """One quantile of one workload; ms. `usual` is mean + deviations, `longest` the longest call."""

    workload: str
    stat: str
    calls: int
    client: float
    server: float
    value: float
    low: float
    high: float
    usual: float
    longest: float


def measured(word: str) -> list[Measured]:
    """Run the workloads with that word in their name, and return their quantiles."""
    found: list[Measured] = []
    with running() as server:
        for statement in SETUP:
            server.execute(statement)
        settings = {"log_min_duration_statement": "0", "log_line_prefix": "'%a '"}
        for workload in WORKLOADS:
            if word not in workload.name:
                continue
            _set(server, {**settings, **workload.settings})
            found += _measure(server, workload)
            _set(server, dict.fromkeys(workload.settings, "DEFAULT"))
            print(f"{workload.name}: done", file=sys.stderr)
    return found


def _set(server: PostgresServer, settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        server.execute(f"ALTER SYSTEM SET {name} = {value}")
    server.execute("SELECT pg_reload_conf()")


def _measure(server: PostgresServer, workload: Workload) -> list[Measured]:
    server.execute("SELECT pg_stat_statements_reset()")
    run(server, workload, SECONDS / 3)  # A past that the interval must not be mixed up with.
    first = asyncio.run(_look(server.dsn(), {}))
    before = _totals(server.dsn())
    client, served = run(server, workload, SECONDS)
    after = _totals(server.dsn())
    second = asyncio.run(_look(server.dsn(), first.keep))
    found = []
    for stat, (share, deviations) in SHARES.items():
        reading = next(r for r in second.readings if (r.metric, r.stat) == ("query_time", stat))
        low, high = _ends(reading)
        usual, longest = _usual(before, after, deviations)
        found.append(
            Measured(
                workload=workload.name,
                stat=stat,
                calls=len(client),
                client=quantile(client, share),
                server=quantile(served, share),
                value=reading.value * 1000,
                low=low * 1000,
                high=high * 1000,
                usual=usual,
                longest=longest,
            )
        )
    return found


def _ends(reading: Reading) -> tuple[float, float]:
    low = reading.value if reading.low is None else reading.low
    return low, reading.value if reading.high is None else reading.high


async def _look(dsn: str, previous: Mapping[str, Any]) -> Answer:
    """Return what the collector says now."""
    settings = postgresql.Settings(dsn=dsn)
    service = Service("bench", "database", "database", "postgresql", "bench")
    async with httpx.AsyncClient() as http:
        poll = Poll(http, service, Account("bench", "postgresql"), datetime.now(UTC), previous=previous)
        return await postgresql.collect(poll, settings)


Totals = Mapping[str, tuple[int, float, float, float]]


def _totals(dsn: str) -> Totals:
    """Return calls, sum and sum of squares (ms) and longest call of each statement that is not ours."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT queryid::text, calls, total_exec_time, "
            "calls * (mean_exec_time ^ 2 + stddev_exec_time ^ 2), max_exec_time FROM pg_stat_statements "
            "WHERE query ~ '^(SELECT|UPDATE)' AND query !~ 'scaling-advisor|pg_stat|pg_reload'"
        ).fetchall()
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}


def _usual(before: Totals, after: Totals, deviations: float) -> tuple[float, float]:
    """Return mean + so many deviations of all calls between two looks, and the longest call, ms."""
    nothing = (0, 0.0, 0.0, 0.0)
    parts = [
        [new - old for new, old in zip(each, before.get(key, nothing), strict=True)]
        for key, each in after.items()
    ]
    calls, total, squares = (sum(part[i] for part in parts) for i in range(3))
    mean = total / calls
    spread = math.sqrt(max(squares / calls - mean * mean, 0.0))
    return mean + deviations * spread, max(each[3] for each in after.values())


def markdown_of(found: Sequence[Measured]) -> str:
    """Return the tables as Markdown: errors against the server's log, then what the client waited beside."""
    if not found:
        return "no workload has that word in its name"
    lines = [
        f"{CLIENTS} clients, {SECONDS:g} s each; load average {os.getloadavg()[0]:.1f} at the end.",
        "",
        markdown([_row(each) for each in found]),
        "",
        markdown([_total(found, stat) for stat in SHARES]),
        "",
        markdown([_client(each) for each in found]),
    ]
    return "\n".join(lines)


def _row(each: Measured) -> dict[str, object]:
    inside = each.low <= each.server <= each.high
    return {
        "workload": each.workload,
        "of": each.stat,
        "calls": f"{each.calls:,}",
        "server's log, ms": each.server,
        "estimate, ms": each.value,
        "its error": _error(each.value, each.server),
        "low to high, ms": f"{each.low:.3g} to {each.high:.3g}",
        "inside": "yes" if inside else "**no**",
        "mean + z sd": _error(each.usual, each.server),
        "max": _error(each.longest, each.server),
    }


def _client(each: Measured) -> dict[str, object]:
    return {
        "workload": each.workload,
        "of": each.stat,
        "client's log, ms": each.client,
        "of it outside of the statement, ms": each.client - each.server,
        "estimate against the client": _error(each.value, each.client),
        "mean + z sd": _error(each.usual, each.client),
        "max": _error(each.longest, each.client),
    }


def _total(found: Sequence[Measured], stat: str) -> dict[str, object]:
    """Return the factor by which each way is wrong, in the middle and at worst."""
    these = [each for each in found if each.stat == stat]

    def factors(name: str) -> str:
        wrong = sorted(math.exp(abs(math.log(getattr(each, name) / each.server))) for each in these)
        return f"{wrong[len(wrong) // 2]:.2f}, {wrong[-1]:.3g}"

    return {
        "of": stat,
        "inside low to high": f"{sum(e.low <= e.server <= e.high for e in these)} of {len(these)}",
        "wrong by a factor, median and worst: estimate": factors("value"),
        "mean + z sd": factors("usual"),
        "max": factors("longest"),
    }


def _error(found: float, truth: float) -> str:
    return f"{100 * (found / truth - 1):+,.0f} %"
