"""The same evaluation in Prometheus: same fleet, same numbers, same rules, its own scrapes and rule groups.

It scrapes the fleet from our server; the hour of p95 is put into its storage by promtool beforehand. CPU is
taken from /proc with scrapes only, then with rules; the difference by the number of evaluations is the cost.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from bench.fleet import MEANS, USAGE, expected, expressions, values, wave
from bench.peers import PROMETHEUS, PROMTOOL, TEXT, configure, prometheus, rule_file, value
from bench.processes import cpu_seconds, folder, get, resident_mib, stop, until
from bench.server import serve

#: Up to so many stacks: seconds between scrapes and evaluations, seconds measured without and with rules.
PLANS = {1_000: (15, 1, 30, 60), 10_000: (15, 5, 45, 90), sys.maxsize: (60, 60, 120, 240)}


def measure(n: int) -> dict[str, float] | None:
    """Measure Prometheus at one size; None where it is not installed."""
    if PROMETHEUS is None or PROMTOOL is None:
        print("prometheus or promtool is not installed: measured without it", file=sys.stderr)
        return None
    scrape, every, without, with_rules = next(plan for most, plan in PLANS.items() if n <= most)
    home = folder()
    found, quota = values(n)
    page = exposition(found, quota)
    port = serve(lambda _path, _body: (TEXT, page))
    target = f"127.0.0.1:{port}"
    fill(home, found, target)
    scraped = {
        "global": {"scrape_interval": f"{scrape}s", "scrape_timeout": f"{scrape}s"},
        "scrape_configs": [{"job_name": "fleet", "static_configs": [{"targets": [target]}]}],
    }
    process, url = prometheus(home, scraped)
    until(lambda: value(url, "prometheus_tsdb_head_series") >= 20 * n, seconds=600, every=0.5)
    time.sleep(scrape)
    before, began = cpu_seconds(process.pid), time.monotonic()
    time.sleep(without)
    base = (cpu_seconds(process.pid) - before) / (time.monotonic() - began)
    group = {
        "name": "fleet",
        "interval": f"{every}s",
        "rules": [
            {"alert": f"r{i}", "expr": expr} | ({"for": "3d"} if i in MEANS else {})
            for i, expr in enumerate(expressions())
        ],
    }
    configure(home, scraped | {"rule_files": [rule_file(home, [group])]})
    process.send_signal(signal.SIGHUP)

    def evaluations() -> float:
        total = value(url, "prometheus_rule_group_iterations_total")
        return total - value(url, "prometheus_rule_group_iterations_missed_total")

    def next_one() -> float:
        """Wait until another evaluation begins: whole ones are measured, however long one takes."""
        count = evaluations()
        until(lambda: evaluations() > count, seconds=900, every=max(0.1, every / 20))
        return evaluations()

    until(lambda: evaluations() >= 2, seconds=900, every=0.2)
    count, before, began = next_one(), cpu_seconds(process.pid), time.monotonic()
    time.sleep(with_rules)
    evaluated = next_one() - count
    spent = cpu_seconds(process.pid) - before - base * (time.monotonic() - began)
    cost = spent / evaluated
    peak = resident_mib(process.pid, "VmHWM")
    exact = [i for i in range(len(expressions())) if i not in MEANS]
    alerts = {i: _alerts(url, i) for i in exact}
    stop(process)
    plain = expected(found, quota, 1)
    different = {i: (alerts[i], plain[i]) for i in exact if alerts[i] != plain[i]}
    if different:
        sys.exit(f"Prometheus' alerts differ from the plain count: {different}")
    return {
        "stacks": n,
        "cost": cost,
        "peak": peak,
        "alive": sum(alerts.values()),
        "wanted": sum(plain[i] for i in exact),
    }


def exposition(found: Mapping[str, np.ndarray], quota: Mapping[str, float]) -> bytes:
    """Return the fleet as a target shows it: ten gauges and ten quotas a stack."""
    lines = []
    for metric in USAGE:
        numbers = found[metric].tolist()
        for name, each in ((metric, numbers), (f"{metric}_quota", [quota[metric]] * len(numbers))):
            lines.append(f"# TYPE {name} gauge")
            lines += [f'{name}{{stack="s{i:06d}"}} {number!r}' for i, number in enumerate(each)]
    return ("\n".join(lines) + "\n").encode()


def fill(home: Path, found: Mapping[str, np.ndarray], target: str) -> None:
    """Put an hour of p95 at one sample a minute into the storage of the Prometheus that is to start."""
    path, end = home / "hour.om", int(time.time())
    with path.open("w", encoding="ascii") as file:
        file.write("# TYPE p95_seconds gauge\n")
        file.writelines(_hour(found["p95_seconds"].tolist(), target, end))
        file.write("# EOF\n")
    subprocess.run(
        [str(PROMTOOL), "tsdb", "create-blocks-from", "openmetrics", str(path), str(home / "data")],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    path.unlink()


def _hour(numbers: list[float], target: str, end: int) -> Iterator[str]:
    for i, number in enumerate(numbers):
        labels = f'stack="s{i:06d}",instance="{target}",job="fleet"'
        for minute in range(-60, 0):
            yield f"p95_seconds{{{labels}}} {number * wave(minute):.6g} {end + 60 * minute}\n"


def _alerts(url: str, rule: int) -> int:
    """Return how many alerts of a rule are pending or firing."""
    answer = json.loads(get(f"{url}/api/v1/query?query=count(ALERTS{{alertname=%22r{rule}%22}})"))
    result = answer["data"]["result"]
    return int(result[0]["value"][1]) if result else 0
