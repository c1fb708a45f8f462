"""What the store costs: bytes a sample, CPU of a poll's transaction, reading 90 days, a cold load.

    python -m bench.store [--postgres URL]      about 3 minutes an engine

PostgreSQL is a cluster of our own, or an empty database that is named.

The series grow by 0 to 64 KiB in half of the samples, as in the comparison: whole bytes, one every 5 minutes
for 90 days. `even` are sampled on the second, `jitter` up to 3 s beside it by whole milliseconds, as a poller
does; `ratios` are rounded to 4 decimals, `any floats` are not.
"""

import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from advisor.core.model import Limit, Observed, Reading, Term
from advisor.store import Store, open_store
from bench.table import markdown
from tests.postgres_server import running

START = datetime(2026, 8, 1, tzinfo=UTC)
STEP = timedelta(minutes=5)
DAYS = 90
SERIES = 20
POLL = 65  #: Readings a poll, as many samples as a scrape of postgres_exporter in the comparison.


def cpu() -> float:
    """CPU seconds of this process so far, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def grow(chance: random.Random) -> Iterator[float]:
    value = float(chance.randrange(1 << 33))
    while True:
        yield value
        value += chance.randrange(65_536) * chance.randrange(2)


def ratios(chance: random.Random) -> Iterator[float]:
    while True:
        yield round(chance.betavariate(2, 5), 4)


def floats(chance: random.Random) -> Iterator[float]:
    while True:
        yield chance.betavariate(2, 5)


def observed(series: int, value: float, at: datetime) -> Observed:
    return Observed(Reading(f"metric_{series}", value, at), "shop/database", "postgresql", at, 45.0)


def fill(store: Store, make: Callable[[random.Random], Iterator[float]], jitter: int) -> int:
    """Write 90 days of a few series in transactions of a day, and return how many samples that were."""
    chance = random.Random(1)
    values = [make(random.Random(n)) for n in range(SERIES)]
    per_day = int(timedelta(days=1) / STEP)
    for day in range(DAYS):
        readings = []
        for place in range(per_day):
            late = timedelta(milliseconds=chance.randrange(jitter)) if jitter else timedelta()
            at = START + timedelta(days=day) + place * STEP + late
            readings += [observed(n, next(values[n]), at) for n in range(SERIES)]
        with store.transaction() as tx:
            tx.add_readings(readings)
            tx.fold()
    return DAYS * per_day * SERIES


def bytes_a_sample(open_fresh: Callable[[], Store]) -> None:
    rows = []
    for name, make, jitter in (
        ("bytes, even", grow, 0),
        ("bytes, jitter", grow, 3000),
        ("ratios, even", ratios, 0),
        ("any floats, even", floats, 0),
    ):
        store = open_fresh()
        empty, before = store.size(), cpu()
        count = fill(store, make, jitter)
        spent = cpu() - before
        times = []
        for n in range(11):
            started = time.perf_counter()
            with store.reading() as tx:
                found = [columns for _, columns in tx.samples(START, metric=f"metric_{n}")]
            times.append(time.perf_counter() - started)
            assert len(found[0]) == count / SERIES
        started = cpu()
        with store.reading() as tx:
            assert len(tx.history("shop/database", "metric_1", START)) == count / SERIES
        rows.append(
            {
                "values": name,
                "bytes a sample": (store.size() - empty) / count,
                "CPU µs a sample written": spent / count * 1e6,
                "90 days as columns, ms": statistics.median(times) * 1e3,
                "as readings, CPU ms": (cpu() - started) * 1e3,
            }
        )
        store.close()
    print(markdown(rows))


def poll_cost(open_fresh: Callable[[], Store]) -> None:
    """What one poll every 15 s costs over six simulated hours: readings, terms, the source's state."""
    store = open_fresh()
    values = [grow(random.Random(n)) for n in range(POLL)]
    spent = []
    polls = 6 * 240
    keep = {"statements": {str(n): [n * 1.5, n] for n in range(100)}}
    for place in range(polls):
        at = START + timedelta(seconds=15 * place)
        readings = [observed(n, next(values[n]), at) for n in range(POLL - 5)]
        for n in range(5):
            reading = Reading(f"amount_{n}", float(place), at, since=at - timedelta(seconds=15))
            readings.append(Observed(reading, "shop/database", "postgresql", at, 45.0))
        terms = [Term("limit", 100.0, "postgresql", at, metric="connections", limit=Limit.MAX)]
        before = cpu()
        with store.transaction() as tx:
            tx.add_readings(readings)
            tx.add_terms("shop/database", terms, at)
            tx.record_poll("shop/database", "postgresql", at, 0.1, keep=keep | {"at": place})
        spent.append(cpu() - before)
    mean = statistics.fmean(spent)
    row = {
        "CPU ms a poll, mean": mean * 1e3,
        "median": statistics.median(spent) * 1e3,
        "worst (folds an hour)": max(spent) * 1e3,
        "% of a core at 15 s": mean / 15 * 100,
    }
    print(markdown([row]))
    store.close()


def cold_load(open_fresh: Callable[[], Store], subjects: int = 10_000, metrics: int = 20) -> None:
    """The newest value of every series of a fleet, and an hour of all as columns."""
    store = open_fresh()
    before = cpu()
    for place in range(2):
        at = START + place * STEP
        for start in range(0, subjects, 1000):
            with store.transaction() as tx:
                tx.add_readings(
                    [
                        Observed(Reading(f"metric_{m}", float(s + m), at), f"s{s}/db", "postgresql", at, 45.0)
                        for s in range(start, start + 1000)
                        for m in range(metrics)
                    ]
                )
    write = cpu() - before
    with store.transaction() as tx:
        before = cpu()
        tx.fold()
        fold = cpu() - before
    with store.reading() as tx:
        before = cpu()
        count = sum(1 for _ in tx.samples(START))
        load = cpu() - before
    row = {
        "series": count,
        "written twice, CPU s": write,
        "folded, CPU s": fold,
        "loaded as columns, CPU s": load,
        "peak RSS MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(markdown([row]))
    store.close()


def main(arguments: Sequence[str] = ()) -> None:
    """Print the tables for SQLite and for PostgreSQL."""
    with tempfile.TemporaryDirectory() as home:
        places = iter(range(100))
        _measure("SQLite", lambda: open_store(f"sqlite:///{next(places)}.db", Path(home)))
    if list(arguments[:1]) == ["--postgres"]:
        _measure("PostgreSQL", lambda: _emptied(arguments[1]))
    else:
        with running() as server:
            _measure("PostgreSQL", lambda: _emptied(server.dsn()))


def _measure(engine: str, fresh: Callable[[], Store]) -> None:
    print(f"\n{engine}\n")
    for work in (bytes_a_sample, poll_cost, cold_load):
        work(fresh)
        print()


def _emptied(url: str) -> Store:
    """Open a PostgreSQL store of ours as if it were new."""
    import psycopg  # Only where PostgreSQL is measured.

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return open_store(url, Path.cwd())


if __name__ == "__main__":
    main(sys.argv[1:])
