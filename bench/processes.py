"""Start programs on loopback, read what they cost from /proc, stop them."""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
TICK = os.sysconf("SC_CLK_TCK")
_running: list[subprocess.Popen[bytes]] = []
_folders: list[Path] = []


def folder() -> Path:
    """Return a new folder that goes when the benchmark ends."""
    path = Path(tempfile.mkdtemp(prefix="bench-"))
    _folders.append(path)
    return path


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def environment() -> dict[str, str]:
    """Return our own environment, but compiled modules are kept, as they are where a program is installed."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "scaling-advisor-bench")}


def start(argv: Sequence[str | Path], env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a program; its output goes to a file in a folder of its own."""
    log = (folder() / "log").open("wb")
    process = subprocess.Popen([str(one) for one in argv], stdout=log, stderr=log, env=env or environment())
    _running.append(process)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program in order, or at last by force."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@atexit.register
def _clean_up() -> None:
    for process in reversed(_running):
        stop(process)
    for path in _folders:
        shutil.rmtree(path, ignore_errors=True)


def cpu_seconds(pid: int) -> float:
    """User and system seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_mib(pid: int, key: str = "VmRSS") -> float:
    """Resident memory now (`VmRSS`) or at its peak (`VmHWM`), MiB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(key)


def get(url: str) -> str:
    """Return what a URL on loopback answers."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def until(ready: Callable[[], T], seconds: float = 60, every: float = 0.02) -> T:
    """Ask again until something true comes back; trouble on the way counts as not yet."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError, LookupError):
            found = ready()
            if found:
                return found
        time.sleep(every)
    raise TimeoutError(f"not ready within {seconds:g} s")


def program(*names: str) -> Path | None:
    """Return the first of these programs that is installed."""
    for name in names:
        found = shutil.which(name)
        if found:
            return Path(found)
    return None
