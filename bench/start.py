"""How long the short things take: start to ready, `--help`, a check of 1,000 rules, a look at one database.

Every line is run `START_ROUNDS` times (default 5), each in a process of its own: wall-clock seconds and CPU
seconds, best and median. `run` is over a store that exists and over none; ready is when /healthz answers.
The thousand rules are a thousand different sentences.

    python -m bench start
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.idle import advisor_config
from bench.processes import cpu_seconds, environment, folder, free_port, get, start, stop, until
from bench.table import markdown
from tests.postgres_server import running

ROUNDS = int(os.environ.get("START_ROUNDS", "5"))
ADVISOR = (sys.executable, "-m", "advisor")
RULES = 1_000

Cost = tuple[float, float]  #: Wall-clock and CPU seconds.


def sentences() -> list[str]:
    """Return a thousand sentences as people write them, no two the same."""
    forms = [
        "storage > {n}MB",
        "connections > {s}% of max for {m}m",
        "avg cpu over 1h > {s}% and memory > {s}% of available",
        "p95 response_time > {n}ms for {d} days",
        "emails per day > {n}",
        "errors in {m}m > {n}",
        "cost per month > ${n} and users < {d}K",
        "growth of storage over {d} days > {s}%",
        "forecast of storage in {d} days > {s}% of quota",
        "cache_hit_rate over {d} days < {s}% or p95 query_time > {n}ms",
        "not (cache_hit_rate over {d} days > {s}%) and storage > {n}GB",
        "(connections > {n} and cpu > {s}%) for {m}m",
        "time to limit of storage < {d} days and storage > {n}MB",
        "users >= {n}K and needs control",
        "cost per month > {s}% of revenue and cost per month > ${n}",
        "memory > {s}% of available for {m}m, clears below {half}%",
    ]
    found: dict[str, None] = {}
    number = 0
    while len(found) < RULES:
        form = forms[number % len(forms)]
        values = {
            "n": 10 + number * 7 % 900,
            "s": 50 + number % 45,
            "m": 2 + number % 50,
            "d": 2 + number % 80,
            "half": 20 + number % 29,
        }
        found[form.format(**values)] = None
        number += 1
    return list(found)


def rule_file(wanted: Sequence[str]) -> str:
    """Return a rule file of these sentences."""
    return "".join(
        f"- id: bench.rule-{number}\n  service: any\n  when: {sentence}\n  then: optimise then upgrade\n"
        f"  severity: warning\n  says: Rule {number} of the bench.\n"
        for number, sentence in enumerate(wanted)
    )


def command(*arguments: str | Path, well: Sequence[int] = (0,), env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end."""
    log = folder() / "log"
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*ADVISOR, *map(str, arguments)], stdout=output, stderr=output, env=env or environment()
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in well:
        sys.exit(f"advisor {arguments[0]} ended with {process.returncode}:\n{log.read_text('utf-8')}")
    return wall, used.ru_utime + used.ru_stime


def ready(path: Path, listen: str) -> Cost:
    """Start the daemon, wait until it answers, stop it."""
    began = time.perf_counter()
    process = start([*ADVISOR, "run", "--config", path])
    until(lambda: process.poll() is not None or get(f"http://{listen}/healthz"), every=0.005)
    wall, used = time.perf_counter() - began, cpu_seconds(process.pid)
    if process.poll() is not None:
        sys.exit(f"the daemon ended with {process.returncode}")
    stop(process)
    return wall, used


def _row(what: str, aim: str, run: Callable[[], Cost]) -> dict[str, object]:
    run()  # Once for the file cache and the compiled modules.
    costs = [run() for _ in range(ROUNDS)]
    walls, used = [wall for wall, _ in costs], [cpu for _, cpu in costs]
    return {
        "what": what,
        "aim, s": aim,
        "best, s": round(min(walls), 3),
        "median, s": round(statistics.median(walls), 3),
        "best CPU, s": round(min(used), 3),
        "median CPU, s": round(statistics.median(used), 3),
    }


def main() -> None:
    """Print the table."""
    home = folder()
    rules = home / "rules"
    rules.mkdir()
    (rules / "rules.yaml").write_text(rule_file(sentences()), encoding="utf-8")
    (rules / "advisor.yaml").write_text(
        "stacks: {shop: {services: {database: {provider: supabase, plan: free}}}}\n"
        "rules: {files: [rules.yaml]}\n",
        encoding="utf-8",
    )
    with running() as server:
        listen = f"127.0.0.1:{free_port()}"
        path = home / "advisor.yaml"
        path.write_text(advisor_config(server.dsn(), "http://127.0.0.1:9", listen), encoding="utf-8")

        def anew() -> Cost:
            for file in home.glob("advisor.db*"):
                file.unlink()
            return ready(path, listen)

        told = {**environment(), "DATABASE_URL": server.dsn()}
        look = ("once", "--postgres", "env:DATABASE_URL", "--plan", "supabase/free")
        rows = [
            _row("`advisor --help`", "0.3", lambda: command("--help")),
            _row("`advisor run` to ready, no store yet", "1.5", anew),
            _row("`advisor run` to ready", "1.5", lambda: ready(path, listen)),
            _row(
                "`advisor check --offline`, 1,000 rules",
                "0.5",
                lambda: command("check", "--offline", "--config", rules / "advisor.yaml", well=(0, 3)),
            ),
            _row("`advisor once --postgres`, 1 s between snapshots", "2", lambda: command(*look, env=told)),
        ]
    print(f"{ROUNDS} runs each.\n")
    print(markdown(rows))


if __name__ == "__main__":
    main()
