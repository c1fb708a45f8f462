"""What really happened: pgbench's log of every transaction, and the server's log of every statement."""

import contextlib
import math
import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.latency.workloads import Workload
from bench.processes import folder, program, start
from tests.postgres_server import PostgresServer

__all__ = ["quantile", "run"]

CLIENTS = 2
_LINE = re.compile(r"^pgbench LOG:  duration: ([\d.]+) ms  (?:statement|execute)\b")


def run(server: PostgresServer, workload: Workload, seconds: float) -> tuple[list[float], list[float]]:
    """Run a workload; return how long each transaction took for the client and for the server, sorted, ms."""
    home = folder()
    arguments: list[str] = []
    for number, (text, weight) in enumerate(workload.scripts):
        path = home / f"{number}.sql"
        path.write_text(text, encoding="utf-8")
        arguments += ["-f", f"{path}@{weight}"]
    if workload.rate:
        arguments += ["-R", str(workload.rate)]
    found = program("pgbench") or max(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), default=None)
    if found is None:
        sys.exit("pgbench is not installed; it comes with PostgreSQL (make servers)")
    log = server.folder / "log"
    began = log.stat().st_size
    with _forgetting(server) if workload.cold else contextlib.nullcontext():
        process = start(
            [
                found, "-n", "-M", workload.mode, "-c", str(CLIENTS), "-j", "1", "-T", str(round(seconds)),
                "-l", f"--log-prefix={home}/log", "--random-seed=7", *arguments, server.dsn(),
            ]
        )  # fmt: skip
        if process.wait() != 0:
            sys.exit(f"pgbench ended with {process.returncode}")
    client = []
    for path in home.glob("log*"):
        for line in path.read_text(encoding="ascii").splitlines():
            # client, transaction, latency (µs), script, epoch, µs, and with a rate the schedule's lag (µs)
            fields = line.split()
            client.append((int(fields[2]) - (int(fields[6]) if workload.rate else 0)) / 1000)
    with log.open(encoding="utf-8", errors="replace") as lines:
        lines.seek(began)
        matches = (_LINE.match(line) for line in lines)
        served = [float(match[1]) for match in matches if match]
    return sorted(client), sorted(served)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the least value that at least `share` of them do not exceed."""
    return ordered[min(math.ceil(share * len(ordered)), len(ordered)) - 1]


@contextlib.contextmanager
def _forgetting(server: PostgresServer) -> Iterator[None]:
    """Have the system forget what it holds of the data files, ten times a second.

    The server's own buffers are too small for the table, so that it asks the system for most pages.
    """
    stop = threading.Event()

    def forget() -> None:
        while not stop.wait(0.1):
            for path in (server.folder / "data" / "base").rglob("*"):
                with contextlib.suppress(OSError):  # Not a file, or gone in between.
                    number = os.open(path, os.O_RDONLY)
                    try:
                        os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
                    finally:
                        os.close(number)

    thread = threading.Thread(target=forget)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
