"""Every trouble with a database is one sentence: place, cause, way out. Nothing is half-written."""

import socket
import sqlite3
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from advisor.core.model import Observed, Reading
from advisor.errors import AdvisorError, InputError, OutOfReach
from advisor.store import Store, open_store
from advisor.store.engine import locate
from advisor.store_file import network_file_system
from tests.postgres_server import PostgresServer

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECRET = "hunter2-canary"


def readings(count: int) -> list[Observed]:
    return [
        Observed(Reading("storage", n * 1.1, NOW), f"shop/service-{n}", "postgresql", NOW, 45.0)
        for n in range(count)
    ]


def said(error: pytest.ExceptionInfo[AdvisorError]) -> str:
    """The sentence, which is one, has a way out, shows no secret and drags no cause along."""
    text = str(error.value)
    assert "\n" not in text
    assert ": " in text
    assert SECRET not in text
    assert error.value.__cause__ is None
    return text


def test_a_path_is_relative_to_the_config_files_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    open_store("sqlite:///advisor.db", tmp_path).close()
    assert (tmp_path / "advisor.db").exists()


def test_a_store_in_memory_is_a_quick_fake(tmp_path: Path) -> None:
    store = open_store("sqlite://", tmp_path)
    with store.transaction() as tx:
        tx.add_readings(readings(3))
    with store.reading() as tx:
        assert len(tx.newest()) == 3
    store.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"no url {SECRET}", "this is no address of a database"),
        (f"mysql://user:{SECRET}@host/db", "a store is SQLite or PostgreSQL"),
        (f"postgresql://user:{SECRET}@host:port/db", "this is no address of a database"),
        ("sqlite:///no/such/folder/a.db", "does not exist: create it"),
        ("sqlite:///.", "is a folder"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused(url: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        open_store(url, tmp_path)
    assert why in said(error)
    assert error.value.key in {"store", ""}


MOUNTS = """\
24 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 24 0:50 / /mnt/team\\040share rw shared:1 - nfs4 host:/export rw
31 30 254:1 / /mnt/team\\040share/local rw - xfs /dev/vdb rw
32 24 0:51 / /home/me/remote rw - fuse.sshfs me@host: rw
33 24 0:52 / /mnt/c rw - 9p drvfs rw
35 24 0:54 / /mnt/é rw - smb3 //host/y rw
34 24 0:53 / /mnt/smb rw - cifs //host/x rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/advisor.db", ""),
        ("/mnt/team share/advisor.db", "nfs4"),
        ("/mnt/team share/local/advisor.db", ""),
        ("/home/me/remote/a/b.db", "fuse.sshfs"),
        ("/mnt/c/Users/advisor.db", "9p"),
        ("/mnt/smb/advisor.db", "cifs"),
        ("/mnt/smb2/advisor.db", ""),
        ("/mnt/é/advisor.db", "smb3"),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(path: str, kind: str) -> None:
    assert network_file_system(Path(path), MOUNTS) == kind


def test_a_file_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("advisor.store_file._mounts", lambda: MOUNTS.replace("/mnt/smb ", f"{tmp_path} "))
    with pytest.raises(InputError) as error:
        locate("sqlite:///advisor.db", tmp_path)
    assert "network file system (cifs)" in said(error)


def test_a_locked_store_says_so_and_nothing_is_written(tmp_path: Path) -> None:
    store = open_store("sqlite:///advisor.db", tmp_path, busy_seconds=0.05)
    other = sqlite3.connect(tmp_path / "advisor.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutOfReach) as error, store.transaction() as tx:
        tx.add_readings(readings(1))
    assert "another process keeps it locked" in said(error)
    with store.reading() as tx:  # Reading goes on meanwhile.
        assert tx.newest() == []
    other.close()
    with store.transaction() as tx:
        tx.add_readings(readings(1))
    store.close()


def test_a_full_disk_says_so_and_nothing_is_half_written(tmp_path: Path) -> None:
    store = open_store("sqlite:///advisor.db", tmp_path)
    with store.reading() as tx:
        pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")

    def fill() -> None:
        with store.transaction() as tx:
            tx.record_poll("shop", "postgresql", NOW, 0.1)
            tx.add_readings(readings(2000))

    with pytest.raises(OutOfReach) as error:
        fill()
    assert "the disk is full" in said(error)
    with store.transaction() as tx:
        assert tx.sources() == []
        tx.connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    with store.transaction() as tx:
        tx.add_readings(readings(2000))
    with store.reading() as tx:
        assert len(tx.newest()) == 2000
    store.close()


def test_a_real_disk_that_is_full_says_so(tmp_path: Path) -> None:
    """The limit on a file's size stands for the disk: the kernel refuses to write on."""
    work = f"""
import pathlib, resource, signal
from advisor.store import open_store
from advisor.errors import OutOfReach
from tests.store.test_trouble import NOW, readings
store = open_store("sqlite:///advisor.db", pathlib.Path({str(tmp_path)!r}))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    with store.transaction() as tx:
        tx.add_readings(readings(5000))
except OutOfReach as error:
    print(error)
with store.reading() as tx:
    assert tx.newest() == []
"""
    done = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, check=True)
    assert (
        "nothing of this change was written" in done.stdout or "its disk answers with an error" in done.stdout
    )


def test_a_file_that_may_not_be_written_says_so() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        open_store("sqlite:///advisor.db", folder).close()
        folder.chmod(0o555)
        (folder / "advisor.db").chmod(0o444)
        work = f"""
import os, pathlib
from advisor.store import open_store
from advisor.errors import InputError
open_store("sqlite://", pathlib.Path("/")).close()  # Imports all that the other user may not read.
if os.geteuid() == 0:
    os.setuid(65534)
try:
    store = open_store("sqlite:///advisor.db", pathlib.Path({str(folder)!r}))
    with store.transaction() as tx:
        tx.bump_revision()
except InputError as error:
    print(error)
"""
        done = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, check=True)
        assert str(folder) in done.stdout
        assert "give this user the right" in done.stdout or "must exist and be writable" in done.stdout
    finally:
        folder.chmod(0o755)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "advisor.db").write_text("These are my notes, not a database.\n" * 99)
    with pytest.raises(InputError) as error:
        open_store("sqlite:///advisor.db", tmp_path)
    assert "no SQLite database" in said(error)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_server_that_is_not_there_says_so(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(OutOfReach) as error:
        open_store(f"postgresql://advisor:{SECRET}@127.0.0.1:{port}/shop", tmp_path)
    assert said(error).startswith(f"the store 127.0.0.1:{port}/shop: the server does not answer")


def test_a_wrong_password_says_so(postgres_server: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(OutOfReach) as error:
        open_store(postgres_server.dsn(password=SECRET), tmp_path)
    assert "user or password is refused" in said(error)


def test_a_database_that_does_not_exist_says_so(postgres_server: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(OutOfReach) as error:
        open_store(postgres_server.dsn("nowhere"), tmp_path)
    assert "the database does not exist" in said(error)


def test_a_user_without_rights_says_so(postgres_server: PostgresServer, tmp_path: Path) -> None:
    postgres_server.create_database("rights")
    postgres_server.execute("DROP ROLE IF EXISTS poor")
    postgres_server.execute(f"CREATE ROLE poor LOGIN PASSWORD '{SECRET}'")
    with pytest.raises(InputError) as error:
        open_store(postgres_server.dsn("rights", user="poor", password=SECRET), tmp_path)
    assert "lacks a right" in said(error)


def test_a_lost_connection_says_so_and_the_next_transaction_works(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    store = open_store(postgres_server.create_database("lost"), tmp_path)

    def lose() -> None:
        with store.transaction() as tx:
            tx.add_readings(readings(1))
            end_all(postgres_server, "lost")
            tx.add_readings(readings(1))

    with pytest.raises(OutOfReach) as error:
        lose()
    assert "127.0.0.1" in said(error)
    with store.transaction() as tx:
        tx.add_readings(readings(2))
    end_all(postgres_server, "lost")  # Between two transactions nobody notices.
    with store.reading() as tx:
        assert len(tx.newest()) == 2
    store.close()


def end_all(server: PostgresServer, dbname: str) -> None:
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{dbname}'")


def test_a_fault_of_ours_is_not_dressed_up(store: Store) -> None:
    with pytest.raises(Exception, match="nowhere") as error, store.transaction() as tx:
        tx.connection.exec_driver_sql("SELECT nonsense FROM nowhere")
    assert not isinstance(error.value, AdvisorError)
