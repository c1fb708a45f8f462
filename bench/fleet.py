"""The fleet that evaluation is measured on: N stacks × 20 gauges, 40 rules, and their count in plain Python.

The rules are those of the comparison in bench/README.md: 24 ratios to a quota, 8 means over 1h or 30m with
`for 3 days`, 4 of cost and users, 4 of a ratio and cost. The numbers are drawn at random, the same for the
same N; about 3 % of the stacks are over 80 % of any one quota.
"""

import random
from datetime import datetime

import numpy as np

from advisor.core.fleet import Fleet
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


def expressions() -> list[str]:
    """Return the same rules in PromQL; quotas are gauges of their own there."""
    found = [f"{m} / {m}_quota > {t}" for m in USAGE[:8] for t in (0.8, 0.9, 0.95)]
    found += [f"avg_over_time(p95_seconds[{w}]) > {t}" for w in ("1h", "30m") for t in (0.2, 0.3, 0.5, 1)]
    found += [
        f"cost_now > {least} and on(stack) users_now < {most}" for least in (50, 100) for most in (1000, 500)
    ]
    found += [f"{m} / {m}_quota > 0.7 and on(stack) cost_now > 50" for m in USAGE[:4]]
    return found


#: The rules of means, whose value depends on how readings lie in the window.
MEANS = range(24, 32)
