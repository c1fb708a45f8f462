"""Start Prometheus and Alertmanager as their packages install them, on loopback."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.processes import free_port, get, program, start, until

PROMETHEUS = program("prometheus")
PROMTOOL = program("promtool")
ALERTMANAGER = program("prometheus-alertmanager", "alertmanager")

TEXT = "text/plain; version=0.0.4"


def prometheus(home: Path, config: Mapping[str, object]) -> tuple[subprocess.Popen[bytes], str]:
    """Start a Prometheus that keeps its data in `home/data`; return it and its URL, once it is ready.

    The configuration is `home/prometheus.yml`, read again at SIGHUP.
    """
    assert PROMETHEUS is not None
    configure(home, config)
    listen = f"127.0.0.1:{free_port()}"
    process = start(
        [
            PROMETHEUS,
            f"--config.file={home}/prometheus.yml",
            f"--storage.tsdb.path={home}/data",
            f"--web.listen-address={listen}",
        ]
    )
    until(lambda: get(f"http://{listen}/-/ready"), seconds=300)
    return process, f"http://{listen}"


def configure(home: Path, config: Mapping[str, object]) -> None:
    """Write the configuration of a Prometheus; JSON is YAML."""
    (home / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")


def rule_file(home: Path, groups: Sequence[Mapping[str, object]]) -> str:
    """Write a file of rule groups and return its path."""
    path = home / "rules.yml"
    path.write_text(json.dumps({"groups": groups}), encoding="utf-8")
    return str(path)


def alertmanager(home: Path, name: str, config: Mapping[str, object]) -> tuple[subprocess.Popen[bytes], str]:
    """Start an Alertmanager without a cluster; return it and its host and port, once it is ready."""
    assert ALERTMANAGER is not None
    (home / f"{name}.yml").write_text(json.dumps(config), encoding="utf-8")
    listen = f"127.0.0.1:{free_port()}"
    process = start(
        [
            ALERTMANAGER,
            f"--config.file={home}/{name}.yml",
            f"--storage.path={home}/{name}",
            f"--web.listen-address={listen}",
            "--cluster.listen-address=",
        ]
    )
    until(lambda: get(f"http://{listen}/-/ready"))
    return process, listen


def value(url: str, name: str) -> float:
    """Return the sum of a metric's samples in what a server says of itself; LookupError where it has none."""
    found = [
        float(line.rsplit(" ", 1)[1])
        for line in get(f"{url}/metrics").splitlines()
        if line.startswith((f"{name} ", f"{name}{{"))
    ]
    if not found:
        raise LookupError(name)
    return sum(found)
