"""What one evaluation of 40 rules over N stacks × 20 metrics costs in CPU and memory, beside Prometheus.

An evaluation is what a round does in the core: verdicts, lifecycle (`decide`), and taking the decision over
(`Ledger.apply`), over columns held in memory. An hour of history lies in the windows at one reading a minute,
and each evaluation comes after a new reading of every metric. Four are told apart: the first of all, at
which every finding begins; quiet ones, at which numbers move and hardly anything crosses; moving ones, at
which one stack in a thousand crosses one quota and as many come back; and verdicts alone. Pending and firing
findings of each rule are compared with a plain Python count made from the same numbers.

The cold load is given beside it: whole arrays into columns at every size, and a SQLite store into columns up
to `EVALUATE_STORE_MAX` stacks (10,000), as the daemon does it when it starts.

Prometheus is run on the same fleet and rules up to `EVALUATE_PEER_MAX` stacks (10,000): at 100,000 it takes
some 15 minutes and 9 GiB. Its cost is the CPU with rules less the CPU with scrapes only.

    python -m bench.evaluate [N ...]        default: 100 10000 100000
    python -m bench.evaluate --json N       the advisor alone at one size, as JSON
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np

from advisor.core.columns import Columns
from advisor.core.concerns import concern_key
from advisor.core.decide import Ledger, decide
from advisor.core.evaluate import compile_rules
from advisor.core.fleet import Fleet, Stack
from advisor.core.judgement import FIRING, PENDING
from advisor.core.limits import Limits
from advisor.core.metrics import VOCABULARY
from bench.fleet import MEANS, METRICS, USAGE, Quotas, expected, rules, values, wave
from bench.table import markdown

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FRESH = 150.0
PEER_MAX = int(os.environ.get("EVALUATE_PEER_MAX", "10000"))
STORE_MAX = int(os.environ.get("EVALUATE_STORE_MAX", "10000"))
#: The metric that stacks cross in moving rounds.
MOVED = USAGE[0]


def peak_mib() -> float:
    """Return the most memory that this process had, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Bench:
    """A fleet with an hour of history, and rounds over it."""

    def __init__(self, n: int) -> None:
        self.size = n
        self.found, self.quota = values(n)
        self.rows = np.arange(n)
        self.fleet = Fleet(tuple(Stack(f"s{i:06d}") for i in range(n)))
        metrics = {**VOCABULARY, **METRICS}
        limits = Quotas(self.quota)
        began = time.process_time()
        self.program = compile_rules(rules(), self.fleet, limits, metrics)
        self.columns = Columns(self.fleet, self.program.horizons, metrics)
        self.ledger = Ledger(self.program, self.fleet.subjects)
        self.compiling = time.process_time() - began
        # No service has an account here, so a concern's key asks for no limit.
        known = cast("Limits", limits)
        self.concern_of = lambda rule, subject, copy: concern_key(rule, subject, copy, known, self.fleet, NOW)
        began = time.process_time()
        for minute in range(-60, 0):
            self._set("p95_seconds", minute)
        self.update(0)
        self.filling = time.process_time() - began

    def _set(self, metric: str, minute: int) -> None:
        numbers = self.found.get(metric, self.found["storage_bytes"])
        if metric == "p95_seconds":
            numbers = numbers * wave(minute)
        self.columns.set_level(metric, self.rows, numbers, NOW + timedelta(minutes=minute), FRESH)

    def update(self, minute: int) -> float:
        """Take a new reading of every metric on every stack in; return the CPU seconds."""
        began = time.process_time()
        for metric in METRICS:
            self._set(metric, minute)
        return time.process_time() - began

    def decide(self, minute: int) -> float:
        """Judge, decide and apply; return the CPU seconds."""
        at = NOW + timedelta(minutes=minute)
        began = time.process_time()
        decision = decide(self.program, self.columns, self.ledger, self.fleet.subjects, self.concern_of, at)
        self.ledger.apply(decision)
        return time.process_time() - began

    def judge(self, minute: int) -> float:
        """Make the verdicts alone; return the CPU seconds."""
        began = time.process_time()
        self.program.judge(self.columns, NOW + timedelta(minutes=minute), self.ledger.states)
        return time.process_time() - began

    def alive(self) -> list[int]:
        """Count the pending and firing findings of each rule."""
        states = [self.ledger.states[one.rule.id, one.copy].state for one in self.program.compiled]
        return [int(np.count_nonzero((state == PENDING) | (state == FIRING))) for state in states]


def run(n: int) -> dict[str, Any]:
    """Measure the advisor at one size."""
    base = peak_mib()
    bench = Bench(n)
    rounds = 20 if n >= 100_000 else 40
    updates, quiet, moving, verdicts = [], [], [], []
    bench.update(1)
    first = bench.decide(1)
    began = bench.alive()
    for minute in range(2, rounds + 2):
        updates.append(bench.update(minute))
        quiet.append(bench.decide(minute))
    crossing, honest = max(n // 1000, 1), bench.found[MOVED]
    for place in range(rounds):
        minute = rounds + 2 + place
        bench.found[MOVED] = honest.copy()
        bench.found[MOVED][place * crossing : (place + 1) * crossing] = 0.99 * bench.quota[MOVED]
        bench.update(minute)
        moving.append(bench.decide(minute))
    last, ended = rounds + 1 + rounds, bench.alive()
    for minute in range(last + 1, last + 1 + rounds):
        bench.update(minute)
        verdicts.append(bench.judge(minute))
    peak = peak_mib()
    moved = bench.found[MOVED]
    _compare(ended, expected(bench.found, bench.quota, last))
    bench.found[MOVED] = honest
    wanted = expected(bench.found, bench.quota, 1)
    _compare(began, wanted)
    bench.found[MOVED] = moved
    return {
        "stacks": n,
        "first": first,
        "quiet": _median(quiet),
        "moving": _median(moving),
        "worst": max(*quiet, *moving),
        "verdicts": _median(verdicts),
        "update": _median(updates),
        "compile": bench.compiling,
        "fill": bench.filling,
        "columns": bench.columns.nbytes / 2**20,
        "findings": len(bench.ledger.findings),
        "base": base,
        "peak": peak,
        "begun": sum(began),
        "alive": _exact(began),
        "wanted": _exact(wanted),
    }


def _compare(found: list[int], wanted: list[int]) -> None:
    if found != wanted:
        sys.exit(f"the findings differ from the plain count: {found} against {wanted}")


def _exact(counts: list[int]) -> int:
    """Return the sum without the means, whose value depends on when exactly readings came."""
    return sum(count for rule, count in enumerate(counts) if rule not in MEANS)


def _median(numbers: list[float]) -> float:
    return sorted(numbers)[len(numbers) // 2]


def write_store(n: int, home: str) -> dict[str, Any]:
    """Write the fleet's hour into a SQLite store."""
    from advisor.core.model import Observed, Reading  # Only this part needs a store.
    from advisor.store import open_store

    bench = Bench(n)
    store = open_store("sqlite:///advisor.db", Path(home))
    began = time.process_time()
    for minute in range(-60, 1):
        at = NOW + timedelta(minutes=minute)
        for metric in METRICS if minute == 0 else ("p95_seconds",):
            numbers = bench.found.get(metric, bench.found["storage_bytes"]).tolist()
            with store.transaction() as tx:
                tx.add_readings(
                    [
                        Observed(Reading(metric, value, at), stack.key, "bench", at, FRESH)
                        for stack, value in zip(bench.fleet.stacks, numbers, strict=True)
                    ]
                )
    with store.transaction() as tx:
        tx.fold()
    store.close()
    return {"write": time.process_time() - began}


def cold_load(n: int, home: str) -> dict[str, Any]:
    """Load that store into columns, as the daemon does when it starts."""
    from advisor.store import open_store  # Only this part needs a store.

    store = open_store("sqlite:///advisor.db", Path(home))
    fleet = Fleet(tuple(Stack(f"s{i:06d}") for i in range(n)))
    metrics = {**VOCABULARY, **METRICS}
    columns = Columns(fleet, {"p95_seconds": 3600.0}, metrics)
    base = peak_mib()
    began = time.process_time()
    with store.reading() as tx:
        columns.add(tx.newest())
        newest = time.process_time() - began
        began = time.process_time()
        for metric, seconds in columns.horizons.items():
            for series, found in tx.samples(NOW - timedelta(seconds=seconds), metric=metric):
                columns.add(found.observed(series))
        windows = time.process_time() - began
    store.close()
    return {
        "stacks": n,
        "series": n * len(METRICS),
        "newest": newest,
        "windows": windows,
        "base": base,
        "peak": peak_mib(),
    }


def _own_process(what: str, n: int, *home: str) -> dict[str, Any]:
    """Measure in a process of its own, so that its peak memory is of this part alone."""
    argv = [sys.executable, "-m", "bench.evaluate", what, str(n), *home]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE)
    return cast("dict[str, Any]", json.loads(done.stdout))


def _growth(rows: list[dict[str, object]], who: str, stacks: int, cost: float) -> str:
    """Say how many times the cost grew since the size before, and how many times the stacks."""
    before = [row for row in rows if row["who"] == who]
    if not before:
        return ""
    last = before[-1]
    return (
        f"{cost / cast('float', last['CPU s']):.3g} × for {stacks / cast('int', last['stacks']):g} × stacks"
    )


def _side_by_side(own: list[dict[str, Any]], peers: list[Mapping[str, Any]]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for one in own:
        rows.append(_row(rows, "scaling-advisor", one["moving"], one))
    for one in peers:
        rows.append(_row(rows, "prometheus", one["cost"], one))
    return rows


def _row(rows: list[dict[str, object]], who: str, cost: float, one: Mapping[str, Any]) -> dict[str, object]:
    return {
        "who": who,
        "stacks": one["stacks"],
        "CPU s": cost,
        "growth": _growth(rows, who, one["stacks"], cost),
        "peak RSS MiB": round(one["peak"]),
        "alerts of 32 rules": one["alive"],
        "plain count": one["wanted"],
    }


def main() -> None:
    """Print the tables."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--json"]:
        print(json.dumps(run(int(arguments[1]))))
        return
    if arguments[:1] in (["--write"], ["--load"]):
        part = write_store if arguments[0] == "--write" else cold_load
        print(json.dumps(part(int(arguments[1]), arguments[2])))
        return
    sizes = [int(a) for a in arguments if a.isdigit()] or [100, 10_000, 100_000]
    own = [_own_process("--json", n) for n in sizes]
    loads = []
    for n in sizes:
        if n <= STORE_MAX:
            with tempfile.TemporaryDirectory(prefix="bench-") as home:
                loads.append(_own_process("--write", n, home) | _own_process("--load", n, home))
    print("The advisor, CPU seconds in the median:\n")
    print(markdown([_details(one) for one in own]))
    if loads:
        print("\nCold load from a SQLite store, CPU seconds:\n")
        print(markdown([_load_row(one) for one in loads]))
    from bench.evaluate_peer import measure  # The measured processes do without.

    peers = [found for n in sizes if n <= PEER_MAX and (found := measure(n))]
    print("\nSide by side, one evaluation of 40 rules (the advisor's is a moving one):\n")
    print(markdown(_side_by_side(own, peers)))
    print(f"\nLoad average at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")


def _details(one: dict[str, Any]) -> dict[str, object]:
    return {
        "stacks": one["stacks"],
        "verdicts alone": one["verdicts"],
        "quiet": one["quiet"],
        "1 in 1,000 crosses": one["moving"],
        "worst of these": one["worst"],
        "the first of all": one["first"],
        "findings begun": one["begun"],
        "update of all metrics": one["update"],
        "compile": one["compile"],
        "arrays of an hour to columns": one["fill"],
        "columns MiB": one["columns"],
        "peak RSS MiB": round(one["peak"]),
        "of it before": round(one["base"]),
    }


def _load_row(one: dict[str, Any]) -> dict[str, object]:
    return {
        "stacks": one["stacks"],
        "series": one["series"],
        "write an hour (not part of it)": one["write"],
        "newest values": one["newest"],
        "an hour's windows": one["windows"],
        "peak RSS MiB": round(one["peak"]),
        "of it before": round(one["base"]),
    }


if __name__ == "__main__":
    main()
