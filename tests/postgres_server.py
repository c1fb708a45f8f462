"""A real PostgreSQL of our own for tests: a cluster in a temporary folder, stopped at the end.

    def test_something(postgres_server: PostgresServer) -> None:
        dsn = postgres_server.create_database("shop")

The binaries are those of the system (`pg_config --bindir`, else the newest under /usr/lib/postgresql).
initdb refuses root, so root becomes the user `postgres` for it. Nothing is kept, so nothing is synced.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

_START_SECONDS = 30.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "all",
    "lc_messages": "C",
    "timezone": "UTC",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
}


@dataclass(frozen=True)
class PostgresServer:
    """A running cluster. TCP asks for the password (SCRAM); `folder` holds socket, data and log."""

    port: int
    folder: Path
    version: int
    host: str = "127.0.0.1"
    user: str = "advisor"
    password: str = field(default_factory=lambda: secrets.token_hex(8))

    def dsn(self, dbname: str = "postgres", *, user: str = "", password: str = "") -> str:
        """Return the URL of a database, as the cluster's owner or as somebody else."""
        who = f"{user or self.user}:{password or self.password}"
        return f"postgresql://{who}@{self.host}:{self.port}/{dbname}"

    def create_database(self, name: str) -> str:
        """Create an empty database, in place of one of that name, and return its URL."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.dsn(name)

    def execute(self, statement: str, dbname: str = "postgres") -> None:
        """Run one statement as the cluster's owner."""
        with psycopg.connect(self.dsn(dbname), autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start one cluster for the session (under pytest-xdist: one a worker) and stop it at its end."""
    with running() as server:
        yield server


@contextmanager
def running() -> Iterator[PostgresServer]:
    """Start a cluster and stop it at the end of the block."""
    binaries = _binaries()
    if binaries is None:
        pytest.fail("PostgreSQL server binaries are missing: install the package `postgresql`.")
    folder = Path(tempfile.mkdtemp(prefix="advisor-pg-"))
    try:
        yield from _serve(binaries, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(binaries: Path, folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(_free_port(), folder, _version(binaries))
    password = folder / "password"
    password.write_text(server.password)
    become: list[str] = []
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (folder, password):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        become = _become(owner)
    data, log = folder / "data", folder / "log"
    _run(
        *become,
        f"{binaries}/initdb",
        *("--pgdata", str(data), "--username", server.user, "--pwfile", str(password), "--no-sync"),
        *("--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--no-locale"),
    )
    options = {**_SETTINGS, "port": str(server.port), "unix_socket_directories": str(folder)}
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    # The server itself is our child (no pg_ctl in between), so that it can be ended by its id.
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*become, f"{binaries}/postgres", "-D", str(data), *arguments],
            stdout=output,
            stderr=output,
            cwd="/",
        )
    try:
        _wait(server, process, log)
        yield server
    finally:
        process.send_signal(signal.SIGQUIT)  # At once: nothing of it is kept.
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: PostgresServer, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once the server answers; fail with its log when it ends or takes too long."""
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(server.dsn(), connect_timeout=5).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)  # Somebody else's process gives no event to wait for.
        else:
            return


def _binaries() -> Path | None:
    """Return the folder of initdb and postgres."""
    folders = []
    if shutil.which("pg_config"):
        folders.append(Path(_run("pg_config", "--bindir").strip()))
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: p.parent.name, reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _version(binaries: Path) -> int:
    return int(_run(f"{binaries}/postgres", "--version").split()[2].split(".")[0])


def _become(owner: pwd.struct_passwd) -> list[str]:
    """Return the words before a command that make root the owner of the cluster."""
    if shutil.which("setpriv"):
        ids = (f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups")
        # Should the tests be killed, the server goes too.
        return ["setpriv", *ids, "--pdeathsig", "INT", "--"]
    return ["runuser", "-u", owner.pw_name, "--"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    if done.returncode:
        pytest.fail(f"{command[0]} failed: {done.stderr or done.stdout}")
    return done.stdout
