"""What a backtest costs: 90 days × 50 series × 40 rules, beside a plain replay of the same readings.

Five stacks with ten series each (storage, connections, CPU, memory, latencies, egress, e-mails, errors), a
reading an hour, and 40 sentences of the kinds that the packs have. Some stacks stay within their limits, some
cross them now and then, one fills up. Counted is CPU time, from readings in memory to the report: first
without sentences that look ahead (`time to limit`, `forecast`), then with three of them, which have to be
judged at every time. The replay judges every rule at every time; it is run over `REPLAY_DAYS` (default 5) and
stretched.

The aim is 5 s of CPU without sentences that look ahead, and is not reached. Last measured: 15.2 s without
and 24.1 s with three of them, at a load of 4.7 on two cores shared with other work; the replay without them,
stretched from 3 days, 29 s. Over 30 days, profiled, most went into rules judged one time after the other.

    python -m bench.backtest [days] [seconds between readings]
"""

import math
import os
import random
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from advisor.core.backtest import rounds
from advisor.core.catalogue import Catalogue
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.hindsight import report
from advisor.core.language import parse
from advisor.core.model import Action, Limit, Observed, Reading, Severity, Term
from advisor.core.replay import Fact, replay
from advisor.core.rule import Rule
from advisor.core.watch import Watch
from bench.table import markdown

START = datetime(2026, 8, 1, tzinfo=UTC)
STACKS = 5
REPLAY_DAYS = float(os.environ.get("REPLAY_DAYS", "5"))

DATABASE = (
    "storage > 80% of quota, clears below 75%",
    "storage > 95% of quota",
    "storage > 400MB",
    "storage > 450MB for 3h",
    "growth of storage over 1 week > 50% and storage > 1GB",
    "avg storage over 1d > 450MB",
    "connections > 80% of max for 5m, clears below 70%",
    "connections > 95% of max",
    "connections > 50",
    "avg connections over 6h > 45",
    "cpu > 80% sustained",
    "cpu > 95%",
    "avg cpu over 1d > 70%",
    "p95 query_time > 100ms for 3h",
    "p95 query_time > 500ms",
    "egress > 80% of quota",
    "egress per month > 4GB",
    "egress per day > 1GB",
    "egress in 6h > 800MB",
    "cpu > 70% and connections > 40",
)
BACKEND = (
    "cpu > 80% sustained",
    "cpu > 90% for 1h",
    "avg cpu over 1h > 85%",
    "memory > 80% of available for 15m, clears below 75%",
    "memory > 200MB",
    "avg memory over 6h > 220MB",
    "p95 response_time > 200ms for 2h",
    "p95 response_time > 1s",
    "memory > 200MB or cpu > 95%",
    "not (memory < 230MB)",
)
OTHERS = (
    "emails > 80% of quota",
    "emails per day > 80",
    "emails per day >= 100",
    "emails in 3h > 60",
    "emails per month > 2800",
    "errors per month > 4K",
    "errors in 1h > 100",
    "errors per day > 1K",
    "errors > 80% of quota",
    "errors per week > 3K",
)
AHEAD = (
    "time to limit of storage < 14 days",
    "forecast of storage in 30 days > 100% of quota",
    "time to limit of connections < 7 days",
)


def rules(*, ahead: bool) -> list[Rule]:
    """Return 40 rules; with `ahead` three of them look ahead."""
    sets = (("database", DATABASE), ("backend", BACKEND), ("email", OTHERS[:5]), ("errors", OTHERS[5:]))
    found = [(service, sentence) for service, sentences in sets for sentence in sentences]
    if ahead:
        found[-3:] = [("database", sentence) for sentence in AHEAD]
    return [
        Rule(f"r{n:02d}", parse(sentence), (Action.UPGRADE,), Severity.WARNING, "says", service)
        for n, (service, sentence) in enumerate(found)
    ]


def fleet() -> Fleet:
    """Return five stacks with four services each, every one with an account of its own."""
    stacks, accounts = [], []
    for number in range(STACKS):
        services = []
        for role in ("database", "backend", "email", "errors"):
            account = f"s{number}-{role}"
            accounts.append(Account(account, "acme", "free"))
            services.append(Service(f"s{number}", role, role, "acme", account, "free"))
        stacks.append(Stack(f"s{number}", services=tuple(services)))
    return Fleet(tuple(stacks), tuple(accounts))


def facts(days: float, step: float) -> list[Fact]:
    """Return limits, and ten series a stack with a reading every `step` seconds."""
    chance = random.Random(1)
    found: list[Fact] = []
    for n in range(STACKS):
        for role, metric, limit, value, part in (
            ("database", "storage", Limit.QUOTA, 5e8, ""),
            ("database", "connections", Limit.MAX, 60.0, ""),
            ("database", "egress", Limit.QUOTA, 5e9, "month"),
            ("backend", "memory", Limit.AVAILABLE, 256e6, ""),
            ("email", "emails", Limit.QUOTA, 100.0, "day"),
            ("errors", "errors", Limit.QUOTA, 5000.0, "month"),
        ):
            found.append((f"s{n}/{role}", Term("limit", value, "api", START, metric, limit, part)))
    for count in range(1, int(days * 86400 / step) + 1):
        at, day = START + timedelta(seconds=count * step), count * step / 86400
        rush = 0.5 + 0.4 * math.sin(2 * math.pi * day)
        for n in range(STACKS):
            busy = 1.35 if (int(day) + 3 * n) % 11 == 0 and n else 1.0
            part = step / 86400
            for role, metric, value, stat, amount in (
                ("database", "storage", 2e8 + day * 8e5 * (n + 1), "", False),
                (
                    "database",
                    "connections",
                    float(int(18 + 22 * rush * busy + 4 * chance.random())),
                    "",
                    False,
                ),
                ("database", "cpu", min(1.0, (0.3 + 0.35 * rush) * busy + 0.05 * chance.random()), "", False),
                ("database", "query_time", (0.03 + 0.05 * rush * chance.random()) * busy, "p95", False),
                ("database", "egress", 9e7 * part * (n + 1) * busy, "", True),
                ("backend", "cpu", min(1.0, (0.3 + 0.4 * rush) * busy), "", False),
                ("backend", "memory", 1.2e8 * busy + 3e7 * rush, "", False),
                ("backend", "response_time", (0.08 + 0.06 * rush * chance.random()) * busy, "p95", False),
                ("email", "emails", 110 * rush * part * busy, "", True),
                ("errors", "errors", 60 * (n + 1) * part, "", True),
            ):
                since = at - timedelta(seconds=step) if amount else None
                reading = Reading(metric, value, at, since, stat=stat)
                found.append(Observed(reading, f"s{n}/{role}", "bench", at, 2 * step))
    return found


def backtest(some: Sequence[Fact], which: Sequence[Rule]) -> tuple[float, str]:
    """Return the CPU seconds of one backtest, and what it found."""
    watch = Watch(fleet(), which, Catalogue({}))
    began = time.process_time()
    arrivals = [(f.reading.at if isinstance(f, Observed) else f[1].valid_from, f) for f in some]
    times = sorted({at for at, _ in arrivals})
    found = report(watch, rounds(watch, arrivals), times[0], times[-1], len(times), len(some))
    firings = sum(len(record.firings) for record in found.records)
    return (
        time.process_time() - began,
        f"{len(found.records)} rules fired {firings} times, {len(found.hits)} hits",
    )


def replayed(some: Sequence[Fact], which: Sequence[Rule]) -> float:
    """Return the CPU seconds of a replay that judges everything at every time."""
    watch = Watch(fleet(), which, Catalogue({}))
    began = time.process_time()
    for _ in replay(watch, some):
        pass
    return time.process_time() - began


def main() -> None:
    """Measure and print the table."""
    days = float(sys.argv[1]) if len(sys.argv) > 1 else 90.0
    step = float(sys.argv[2]) if len(sys.argv) > 2 else 3600.0
    whole, few = facts(days, step), facts(min(days, REPLAY_DAYS), step)
    rows = []
    for name, ahead in (("40 rules, none looks ahead", False), ("40 rules, 3 look ahead", True)):
        seconds, found = backtest(whole, rules(ahead=ahead))
        plain = replayed(few, rules(ahead=ahead)) * days / min(days, REPLAY_DAYS)
        rows.append(
            {"": name, "backtest, CPU s": round(seconds, 1), "replay, CPU s": round(plain), "found": found}
        )
    print(f"{days:g} days, {STACKS * 10} series, a reading every {step:g} s: {len(whole):,} readings")
    print(f"load average {', '.join(f'{load:.1f}' for load in os.getloadavg())} on {os.cpu_count()} cores\n")
    print(markdown(rows))


if __name__ == "__main__":
    main()
