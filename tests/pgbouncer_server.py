"""A real PgBouncer in transaction mode before the tests' PostgreSQL, with one server connection a database.

One, so that every client gets the connection that the one before has used, and sees whatever it left behind.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.postgres_server import PostgresServer

_START_SECONDS = 10.0


@dataclass(frozen=True)
class PgBouncer:
    """A running PgBouncer; the users are those of the server, by the password file of `admit`."""

    port: int
    folder: Path
    server: PostgresServer
    process: "subprocess.Popen[bytes]"

    def dsn(self, dbname: str, *, user: str = "", password: str = "") -> str:
        """Return the URL of a database behind it."""
        direct = self.server.dsn(dbname, user=user, password=password)
        return direct.replace(f":{self.server.port}/", f":{self.port}/")

    def log(self) -> str:
        """Return what it wrote so far."""
        return (self.folder / "log").read_text(errors="replace")


@pytest.fixture(scope="session")
def pgbouncer(postgres_server: PostgresServer) -> Iterator[PgBouncer]:
    """Start one PgBouncer for the session and stop it at its end."""
    binary = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        pytest.fail("PgBouncer is missing: install the package `pgbouncer`.")
    folder = Path(tempfile.mkdtemp(prefix="advisor-pgbouncer-"))
    try:
        yield from _serve(binary, folder, postgres_server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(binary: str, folder: Path, server: PostgresServer) -> Iterator[PgBouncer]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    users = {server.user: server.password, "watcher": "watcher"}
    (folder / "users").write_text("".join(f'"{name}" "{password}"\n' for name, password in users.items()))
    (folder / "ini").write_text(
        f"""[databases]
* = host=127.0.0.1 port={server.port} pool_size=1
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pool_mode = transaction
auth_type = scram-sha-256
auth_file = {folder}/users
logfile = {folder}/log
"""
    )
    options: dict[str, object] = {}
    if os.geteuid() == 0:  # PgBouncer refuses root, too.
        owner = pwd.getpwnam("postgres")
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        options = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    process = subprocess.Popen(
        [binary, "-q", f"{folder}/ini"],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,  # type: ignore[call-overload]  # Names and values as Popen has them.
    )
    running = PgBouncer(port, folder, server, process)
    try:
        _wait(running)
        yield running
    finally:
        process.terminate()
        process.wait(10)


def _wait(running: PgBouncer) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", running.port), timeout=1).close()
        except OSError:
            if running.process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"PgBouncer did not start:\n{running.log()}")
            time.sleep(0.02)  # Somebody else's process gives no event to wait for.
        else:
            return
