"""What doing nothing costs: `advisor run` over one PostgreSQL and one Prometheus, beside the usual three.

The advisor watches the PostgreSQL by SQL and the Prometheus by PromQL (about 50 series, about 40 rules) and
serves its page. Beside it, with a PostgreSQL of its own: prometheus + alertmanager + postgres_exporter with
40 rules. CPU from /proc/PID/stat over `IDLE_SECONDS` (default 300) after a minute of warm-up.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping

from bench.processes import cpu_seconds, folder, free_port, get, program, resident_mib, start, stop, until
from bench.table import markdown
from tests.postgres_server import running

SECONDS = float(os.environ.get("IDLE_SECONDS", "300"))
WARM_UP = float(os.environ.get("IDLE_WARM_UP", "60"))
EVERY = 15

STATS = ("xact_commit", "xact_rollback", "blks_read", "blks_hit", "tup_returned", "tup_fetched",
         "tup_inserted", "tup_updated", "tup_deleted", "temp_bytes", "deadlocks")  # fmt: skip
PEER_RULES = [
    *(f"rate(pg_stat_database_{stat}[10m]) > {limit}" for stat in STATS for limit in (1e5, 1e6)),
    *(
        f"avg_over_time(pg_stat_database_numbackends[{w}]) > {n}"
        for w in ("10m", "1h", "3d")
        for n in (50, 80, 95)
    ),
    *(f"pg_database_size_bytes > {size}e9" for size in (4, 8, 16, 32)),
    *(
        f"pg_stat_database_numbackends > {n} and rate(pg_stat_database_xact_commit[10m]) < 10"
        for n in (40, 60, 80)
    ),
    "pg_up == 0",
    "sum(pg_stat_database_numbackends) / scalar(pg_settings_max_connections) > 0.8",
]

P95 = "histogram_quantile(0.95, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[5m])))"
ERRORS = 'sum(rate(prometheus_http_requests_total{code=~"5.."}[5m]))'
REQUESTS = "sum(rate(prometheus_http_requests_total[5m]))"


def advisor_config(dsn: str, prometheus: str, listen: str, slack: str = "") -> str:
    """Return the configuration of the measured daemon."""
    notify = f"notify:\n  slack: {{webhook: {slack!r}}}\n" if slack else ""
    return f"""\
store: sqlite:///advisor.db
timezone: UTC
stacks:
  shop:
    packs: [app-virgin]
    facts: {{team_size: 3}}
    services:
      database:
        provider: supabase
        plan: free
        interval: {EVERY}s
        dsn: "{dsn}"
      backend:
        provider: fly
        plan: free
        interval: {EVERY}s
        prometheus:
          url: "{prometheus}"
          metrics:
            cpu: rate(process_cpu_seconds_total{{job="self"}}[1m])
            memory: process_resident_memory_bytes{{job="self"}}
            response_time: {{query: '{P95}', stat: p95}}
            error_rate: {{query: '{ERRORS} or vector(0)', of: '{REQUESTS}'}}
digest: {{every: monday 09:00}}
web: {{listen: "{listen}"}}
{notify}"""


def start_advisor(config: str) -> tuple[subprocess.Popen[bytes], str, float]:
    """Start `advisor run`; return process, address and the seconds until it was ready to be asked."""
    home = folder()
    (home / "advisor.yaml").write_text(config, encoding="utf-8")
    listen = config.split('listen: "', 1)[1].split('"', 1)[0]
    began = time.monotonic()
    process = start([sys.executable, "-m", "advisor", "run", "--config", home / "advisor.yaml"])
    until(lambda: get(f"http://{listen}/healthz"), every=0.01)
    return process, listen, time.monotonic() - began


def main() -> None:
    """Print the table."""
    prometheus = program("prometheus")
    if prometheus is None:
        sys.exit("this benchmark watches a real Prometheus; install it (make servers)")
    with running() as watched, running() as peers_own:
        port = free_port()
        home = folder()
        (home / "prometheus.yml").write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": f"{EVERY}s"},
                    "scrape_configs": [
                        {"job_name": "self", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
                    ],
                }
            ),
            encoding="utf-8",
        )
        start(
            [prometheus, f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data",
             f"--web.listen-address=127.0.0.1:{port}"]
        )  # fmt: skip
        until(lambda: get(f"http://127.0.0.1:{port}/-/ready"))
        process, listen, ready = start_advisor(
            advisor_config(watched.dsn(), f"http://127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
        )
        groups: dict[str, dict[str, int]] = {"advisor": {"advisor": process.pid}}
        groups.update(_peers(peers_own.dsn()))
        time.sleep(WARM_UP)
        before = {pid: cpu_seconds(pid) for group in groups.values() for pid in group.values()}
        time.sleep(SECONDS)
        rows = []
        for name, group in groups.items():
            used = {part: cpu_seconds(pid) - before[pid] for part, pid in group.items()}
            memory = {part: resident_mib(pid) for part, pid in group.items()}
            if len(group) > 1:
                rows += [_row(f"{name}: {part}", memory[part], used[part]) for part in group]
            rows.append(_row(f"{name}, all {len(group)}", sum(memory.values()), sum(used.values())))
        print(f"Measured for {SECONDS:g} s at {EVERY} s; ready {ready:.2f} s after start.\n")
        print(markdown(rows))
        print("\nThe advisor's own figures at the end:\n")
        for line in get(f"http://{listen}/metrics").splitlines():
            if line.startswith(("advisor_judgements", "advisor_evaluation_duration")):
                print(f"    {line}")
        stop(process)


def _row(name: str, mib: float, seconds: float) -> Mapping[str, object]:
    return {
        "what": name,
        "RSS MiB": round(mib, 1),
        "CPU % of a core": round(100 * seconds / SECONDS, 3),
        "CPU s an hour": round(3600 * seconds / SECONDS, 1),
    }


def _peers(dsn: str) -> dict[str, dict[str, int]]:
    """Start the usual three over a PostgreSQL; nothing where they are not installed."""
    programs = [
        program("prometheus"),
        program("prometheus-alertmanager", "alertmanager"),
        program("prometheus-postgres-exporter", "postgres_exporter"),
    ]
    if None in programs:
        print(
            "alertmanager or postgres_exporter is not installed: measured without the peers", file=sys.stderr
        )
        return {}
    prometheus, alertmanager, exporter = programs
    home, at = folder(), [free_port() for _ in range(4)]
    (home / "alertmanager.yml").write_text('{"route": {"receiver": "n"}, "receivers": [{"name": "n"}]}')
    rules = [
        {"alert": f"r{i}", "expr": expr, "for": "3d" if i % 4 == 0 else "5m"}
        for i, expr in enumerate(PEER_RULES)
    ]
    (home / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    (home / "prometheus.yml").write_text(
        json.dumps(
            {
                "global": {"scrape_interval": f"{EVERY}s", "evaluation_interval": f"{EVERY}s"},
                "rule_files": [str(home / "rules.yml")],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{at[1]}"]}]}]},
                "scrape_configs": [{
                    "job_name": "pg",
                    "static_configs": [{"targets": [f"127.0.0.1:{at[2]}"]}],
                    "metric_relabel_configs": [{
                        "source_labels": ["__name__"],
                        "regex": "|".join(f"pg_stat_database_{s}" for s in (*STATS, "numbackends"))
                        + "|pg_up|pg_database_size_bytes|pg_settings_max_connections",
                        "action": "keep",
                    }],
                }],
            }
        )
    )  # fmt: skip
    processes = {
        "postgres_exporter": start(
            [exporter, f"--web.listen-address=127.0.0.1:{at[2]}"],
            env={**os.environ, "DATA_SOURCE_NAME": f"{dsn}?sslmode=disable"},
        ),
        "alertmanager": start(
            [
                alertmanager,
                f"--config.file={home}/alertmanager.yml",
                f"--storage.path={home}/am",
                f"--web.listen-address=127.0.0.1:{at[1]}",
                "--cluster.listen-address=",
            ]
        ),
        "prometheus": start(
            [
                prometheus,
                f"--config.file={home}/prometheus.yml",
                f"--storage.tsdb.path={home}/data",
                f"--web.listen-address=127.0.0.1:{at[0]}",
            ]
        ),
    }
    until(lambda: get(f"http://127.0.0.1:{at[0]}/-/ready"))
    return {"prometheus + alertmanager + postgres_exporter": {n: p.pid for n, p in processes.items()}}
