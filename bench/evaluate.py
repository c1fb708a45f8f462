"""What one evaluation of 40 rules over N stacks × 20 metrics costs: CPU seconds and memory.

The rules are those of the comparison in bench/README.md: 24 ratios to a quota, 8 means over 1h or 30m with
`for 3 days`, 4 of cost and users, 4 of a ratio and cost. An hour of history lies in the windows at one
reading a minute. Every evaluation comes after a new reading of every metric that has windows. The verdicts
are compared with a plain Python count made from the same numbers.

    python -m bench.evaluate [N ...]        default: 100 10000 100000
    python -m bench.evaluate --json N       one size, as JSON (each size runs in a process of its own)
"""

import json
import random
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np

from advisor.core.columns import Columns
from advisor.core.evaluate import compile_rules
from advisor.core.fleet import Fleet, Stack
from advisor.core.judgement import INACTIVE, PENDING, TRUE, RuleState
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Action, Combine, Kind, Limit, LimitInForce, Metric, Severity
from advisor.core.rule import Rule
from advisor.core.sentence import And, Compare, For, Measure, Over, Sentence, ShareOf, Span, Test, Value
from advisor.core.thresholds import LimitTable
from advisor.core.units import Unit

USAGE = [
    "database_bytes",
    "storage_bytes",
    "egress_bytes",
    "users_now",
    "realtime_connections",
    "function_calls",
    "db_connections",
    "cpu_share",
    "p95_seconds",
    "cost_now",
]
#: Gauges, as in the comparison; quotas are ten further columns there and limits here.
METRICS = {
    name: Metric(name, Unit.COUNT, Kind.LEVEL, "A gauge.", frozenset({Limit.QUOTA}), Combine.SUM)
    for name in (*USAGE, *(f"other_{i}" for i in range(10)))
}
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def level(metric: str, threshold: float, compare: Compare = Compare.ABOVE) -> Test:
    return Test(
        Measure(metric), compare, Value(threshold, Unit.COUNT), text=f"{metric} {compare} {threshold}"
    )


def ratio(metric: str, share: float) -> Test:
    return Test(
        Measure(metric), Compare.ABOVE, ShareOf(share, Limit.QUOTA), text=f"{metric} > {share} of quota"
    )


def mean(window: Span, threshold: float) -> Test:
    quantity = Measure("p95_seconds", "avg", Over(window))
    return Test(quantity, Compare.ABOVE, Value(threshold, Unit.COUNT), For(Span(3, "d")), "avg p95_seconds")


def rules() -> list[Rule]:
    conditions = [ratio(m, t) for m in USAGE[:8] for t in (0.8, 0.9, 0.95)]
    conditions += [mean(w, t) for w in (Span(1, "h"), Span(30, "m")) for t in (0.2, 0.3, 0.5, 1)]
    rows = [
        And((level("cost_now", c), level("users_now", u, Compare.BELOW)))
        for c in (50, 100)
        for u in (1000, 500)
    ]
    rows += [And((ratio(m, 0.7), level("cost_now", 50))) for m in USAGE[:4]]
    return [
        Rule(f"r{i}", Sentence(condition, None, f"r{i}"), (Action.UPGRADE,), Severity.WARNING, "")
        for i, condition in enumerate([*conditions, *rows])
    ]


def values(n: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return {metric: value per stack} and {metric: quota}; about 3 % are over 80 % of any one quota."""
    r = random.Random(n)
    quota = {
        m: {"cpu_share": 1.0, "p95_seconds": 0.5, "cost_now": 100.0, "users_now": 1e5}.get(m, 1e9)
        for m in USAGE
    }
    found = {m: np.array([r.betavariate(2, 3) * quota[m] for _ in range(n)]).round(6) for m in USAGE}
    found["p95_seconds"] = np.array([round(r.lognormvariate(-2.6, 0.5), 4) for _ in range(n)])
    found["users_now"] = np.array([float(int(r.lognormvariate(9, 1.2))) for _ in range(n)])
    return found, quota


class Quotas:
    """The limits as whole arrays."""

    revision = 0

    def __init__(self, quota: dict[str, float]) -> None:
        self.quota = quota

    def find(self, _subject: str, metric: str, _limit: Limit, _at: datetime) -> LimitInForce | None:
        """Return the quota."""
        return LimitInForce(self.quota[metric], "bench")

    def exists(self, _subject: str, _metric: str, _limit: Limit) -> bool:
        """Return True: every plan has each."""
        return True

    def whole(self, metric: str, _limit: Limit, fleet: Fleet) -> LimitTable:
        """Return the quota of all stacks."""
        table = LimitTable.empty(len(fleet.subjects))
        table.value[:] = self.quota.get(metric, np.nan)
        return table


def wave(minute: int) -> float:
    """What p95 is multiplied with at a minute, so that its windows have something to average."""
    return 1 + 0.1 * (minute % 7 - 3)


def expected(found: dict[str, np.ndarray], quota: dict[str, float], minute: int) -> list[int]:
    """Count in plain Python how often each rule's comparisons hold at a minute."""
    lists = {m: v.tolist() for m, v in found.items()}
    counts = [sum(x > t * quota[m] for x in lists[m]) for m in USAGE[:8] for t in (0.8, 0.9, 0.95)]
    for length in (60, 30):
        # Each reading of the window holds for a minute; the newest has only begun.
        mean_wave = sum(wave(m) for m in range(minute - length, minute)) / length
        counts += [sum(x * mean_wave > t for x in lists["p95_seconds"]) for t in (0.2, 0.3, 0.5, 1)]
    pairs = list(zip(lists["cost_now"], lists["users_now"], strict=True))
    counts += [sum(c > least and u < most for c, u in pairs) for least in (50, 100) for most in (1000, 500)]
    for m in USAGE[:4]:
        both = zip(lists[m], lists["cost_now"], strict=True)
        counts.append(sum(x > 0.7 * quota[m] and c > 50 for x, c in both))
    return counts


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(n: int) -> dict[str, float]:
    base = peak_mib()
    found, quota = values(n)
    fleet = Fleet(tuple(Stack(f"s{i:06d}") for i in range(n)))
    metrics = {**VOCABULARY, **METRICS}
    started = time.process_time()
    program = compile_rules(rules(), fleet, Quotas(quota), metrics)
    columns = Columns(fleet, program.horizons, metrics)
    compiling = time.process_time() - started
    rows = np.arange(n)
    started = time.process_time()
    for minute in range(-60, 1):
        at = NOW + timedelta(minutes=minute)
        columns.set_level("p95_seconds", rows, found["p95_seconds"] * wave(minute), at, 150.0)
    for metric in METRICS:
        if metric != "p95_seconds":
            columns.set_level(metric, rows, found.get(metric, found["storage_bytes"]), NOW, 150.0)
    loading = time.process_time() - started
    states: dict[tuple[str, str], RuleState] = {}
    costs, updates, counts = [], [], []
    rounds = 20 if n >= 100_000 else 60
    for minute in range(1, rounds + 1):
        at = NOW + timedelta(minutes=minute)
        started = time.process_time()
        for metric in METRICS:
            numbers = found.get(metric, found["storage_bytes"])
            if metric == "p95_seconds":
                numbers = numbers * wave(minute)
            columns.set_level(metric, rows, numbers, at, 150.0)
        updates.append(time.process_time() - started)
        started = time.process_time()
        judged = program.judge(columns, at, states)
        costs.append(time.process_time() - started)
        counts = [int(np.count_nonzero(one.bare == TRUE)) for one in judged]
        states = {
            (one.rule.id, one.copy): RuleState(
                np.where(one.bare == TRUE, np.int8(PENDING), np.int8(INACTIVE)),
                one.holds,
                one.stale,
                one.period,
            )
            for one in judged
        }
    wanted = expected(found, quota, rounds)
    if counts != wanted:
        raise SystemExit(f"the verdicts differ from the plain count: {counts} against {wanted}")
    return {
        "stacks": n,
        "CPU s per evaluation, median": sorted(costs)[len(costs) // 2],
        "CPU s per evaluation, worst": max(costs),
        "first evaluation": costs[0],
        "CPU s per update of all 20 metrics": sorted(updates)[len(updates) // 2],
        "CPU s to fill an hour": loading,
        "CPU s to compile": compiling,
        "columns MiB": columns.nbytes / 2**20,
        "peak RSS MiB": peak_mib(),
        "of it before": base,
        "holding": sum(counts),
    }


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--json"]:
        print(json.dumps(run(int(arguments[1]))))
        return
    sizes = [int(a) for a in arguments if a.isdigit()] or [100, 10_000, 100_000]
    for n in sizes:
        done = subprocess.run(
            [sys.executable, "-m", "bench.evaluate", "--json", str(n)], check=True, stdout=subprocess.PIPE
        )
        for name, number in json.loads(done.stdout).items():
            print(f"{name:>40}  {number:,.6g}")
        print()


if __name__ == "__main__":
    main()
