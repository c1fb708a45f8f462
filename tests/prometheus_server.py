"""A real Prometheus on loopback for tests: it has a written past and scrapes a small exporter.

    def test_something(prometheus_server: PrometheusServer) -> None:
        prometheus_server.exporter.values["demo_storage_bytes"] = 4.3e8
        prometheus_server.scrape()

The past ends at `PAST` and lasts three hours, a sample every 15 s. Each second has 10 requests of 0.2 s, one
of which fails; the counters begin anew after two hours. It is asked with `time=`, so that no test waits.
"""

import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

__all__ = ["PAST", "Exporter", "PrometheusServer", "prometheus_server"]

PAST = datetime(2026, 11, 1, 12, tzinfo=UTC)

_START_SECONDS = 30.0
_STEP, _SAMPLES, _RESET = 15, 721, 480


class Exporter:
    """What is scraped: `values` by name, and how often it was asked."""

    def __init__(self) -> None:
        self.values: dict[str, float | str] = {"demo_storage_bytes": 4.2e8}
        self.scraped = threading.Semaphore(0)
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                lines = [f"{name} {value}\n" for name, value in exporter.values.items()]
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write("".join(lines).encode())
                exporter.scraped.release()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@dataclass(frozen=True)
class PrometheusServer:
    """A running Prometheus and what it scrapes, five times a second."""

    url: str
    exporter: Exporter

    def scrape(self) -> None:
        """Return after a scrape that began after this call has ended."""
        while self.exporter.scraped.acquire(blocking=False):
            pass
        for _ in range(2):  # The second begins when the first is stored.
            assert self.exporter.scraped.acquire(timeout=10), "Prometheus does not scrape"


def _past() -> str:
    first = PAST.timestamp() - (_SAMPLES - 1) * _STEP
    families: dict[str, tuple[str, dict[str, object]]] = {
        "http_requests": (
            "counter",
            {'_total{code="200"}': lambda n: 9 * _STEP * n, '_total{code="500"}': lambda n: _STEP * n},
        ),
        "http_request_duration_seconds": (
            "histogram",
            {
                f'_bucket{{le="{edge}"}}': (lambda n, part=part: part * _STEP * n)
                for edge, part in (("0.1", 0), ("0.25", 10), ("1.0", 10), ("+Inf", 10))
            }
            | {"_sum": lambda n: 2 * _STEP * n, "_count": lambda n: 10 * _STEP * n},
        ),
        "machine_cpu_busy": ("gauge", {f'{{machine="{m}"}}': (lambda _, m=m: 0.2 * m) for m in (1, 2)}),
        "nothing_over_nothing": ("gauge", {"": lambda _: "NaN"}),
        "unbounded": ("gauge", {"": lambda _: "+Inf"}),
    }
    lines = []
    for name, (kind, series) in families.items():
        lines.append(f"# TYPE {name} {kind}")
        for sample in range(_SAMPLES):
            since_reset = sample if sample < _RESET else sample - _RESET
            for suffix, value in series.items():
                assert callable(value)
                lines.append(f"{name}{suffix} {value(since_reset)} {first + sample * _STEP:.0f}")
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="session")
def prometheus_server() -> Iterator[PrometheusServer]:
    """Start Prometheus, or skip where it is not installed."""
    binary, tool = shutil.which("prometheus"), shutil.which("promtool")
    if binary is None or tool is None:
        pytest.skip("prometheus and promtool are not installed: apt-get install prometheus")
    exporter = Exporter()
    with tempfile.TemporaryDirectory(prefix="advisor-prometheus-") as name:
        folder = Path(name)
        (folder / "past.txt").write_text(_past())
        command = [tool, "tsdb", "create-blocks-from", "openmetrics", "past.txt", "data"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 200ms}\n"
            f"scrape_configs: [{{job_name: demo, static_configs: [{{targets: ['{exporter.address}']}}]}}]\n"
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    binary,
                    "--config.file=prometheus.yml",
                    "--storage.tsdb.path=data",
                    "--storage.tsdb.retention.time=30y",
                    f"--web.listen-address=127.0.0.1:{port}",
                    "--log.level=warn",
                ],
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        try:
            _await(f"http://127.0.0.1:{port}/-/ready", process, folder / "log")
            yield PrometheusServer(f"http://127.0.0.1:{port}", exporter)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            exporter.stop()


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + timedelta(seconds=_START_SECONDS).total_seconds()
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)  # A server outside this process: nothing to wait on but its answer.
    pytest.fail(f"Prometheus did not start: {log.read_text()[-2000:]}")
