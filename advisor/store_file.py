"""A store that is one SQLite file, looked at without the database library: its place, its rights, its schema.

`advisor check` looks here because loading that library takes longer than all the rest of a check; opening a
store refuses the same places with the same sentences.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from advisor.errors import AdvisorError, InputError, OutOfReach

__all__ = ["HEAD", "REVISIONS", "look", "network_file_system", "newer", "refuse", "trouble"]

#: The schema's revisions, oldest first, as in store/migrations/versions. Known here so that a store which
#: is up to date is opened without importing Alembic.
REVISIONS = ("0001", "0002")
HEAD = REVISIONS[-1]

_NETWORK = {
    "9p",
    "afs",
    "ceph",
    "cifs",
    "glusterfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "smb2",
    "smb3",
    "smbfs",
}
_FUSE = {"fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "fuse.gcsfuse", "fuse.ceph"}

#: SQLite's names for its primary results, with the error we answer and the rest of the sentence.
_TROUBLE: tuple[tuple[str, type[AdvisorError], str], ...] = (
    ("SQLITE_BUSY", OutOfReach, "another process keeps it locked: wait until that has ended, or stop it"),
    ("SQLITE_LOCKED", OutOfReach, "another process keeps it locked: wait until that has ended, or stop it"),
    ("SQLITE_FULL", OutOfReach, "the disk is full: free some space; nothing of this change was written"),
    (
        "SQLITE_READONLY",
        InputError,
        "the file may not be written: give this user the right to it and its folder",
    ),
    (
        "SQLITE_CANTOPEN",
        InputError,
        "it cannot be opened: the folder must exist and be writable by this user",
    ),
    ("SQLITE_PERM", InputError, "it cannot be opened: the folder must exist and be writable by this user"),
    ("SQLITE_NOTADB", InputError, "the file is no SQLite database: name another file, or move this one away"),
    ("SQLITE_CORRUPT", OutOfReach, "the file is damaged: put the newest backup in its place"),
    ("SQLITE_IOERR", OutOfReach, "its disk answers with an error: look at the disk, then start again"),
)


def trouble(place: str, error: sqlite3.Error) -> AdvisorError | None:
    """Return what to tell the user of an error of SQLite's, or None where the fault is ours."""
    name = getattr(error, "sqlite_errorname", "")
    for start, kind, rest in _TROUBLE:
        if name.startswith(start):
            return kind(f"the store {place}: {rest}")
    return None


def refuse(file: Path) -> None:
    """Refuse a file that cannot be a store.

    Raises:
        InputError: it lies on a network file system, is a folder, or its folder does not exist.
    """
    kind = network_file_system(file.resolve(), _mounts())
    if kind:
        raise InputError(
            f"{file} lies on a network file system ({kind}), where SQLite's locks cannot be trusted: "
            "name a file on a local disk, or use PostgreSQL",
            key="store",
        )
    if file.is_dir():
        raise InputError(
            f"{file} is a folder: name a file in it, such as {file.name}/advisor.db", key="store"
        )
    if not file.parent.is_dir():
        raise InputError(f"the folder {file.parent} does not exist: create it, or name another", key="store")


def look(file: Path, busy_seconds: float = 1.0) -> str | None:
    """Return the schema revision of the store in `file`, None where it holds none; nothing is changed.

    The write lock is taken for a moment, so that what would meet the daemon is met here.

    Raises:
        InputError: the file may not be written, or is no SQLite database.
        OutOfReach: another process keeps it locked, or its disk is in trouble.
    """
    with (
        _one_sentence(file),
        closing(
            sqlite3.connect(f"{file.as_uri()}?mode=rw", timeout=busy_seconds, isolation_level=None, uri=True)
        ) as connection,
    ):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        known = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_revision'"
        ).fetchone()
        if not known[0]:
            return None
        row = connection.execute("SELECT version_num FROM schema_revision").fetchone()
        return None if row is None else str(row[0])


def newer(place: str, revision: str) -> InputError:
    """Return the error for a store whose schema this advisor does not know."""
    return InputError(
        f"the store {place} was written by a newer advisor (schema {revision}, this one knows {HEAD}): "
        "start that version, or name another store"
    )


@contextmanager
def _one_sentence(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        said = trouble(str(file), error)
        if said is None:
            raise
        raise said from None


def network_file_system(file: Path, mounts: str) -> str:
    """Return the kind of network file system that `file` lies on, or "".

    `mounts` is the text of /proc/self/mountinfo.
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), fields[4]))  # A space: \040.
        if file.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), right.split(" ")[0]
    return kind if kind in _NETWORK or kind in _FUSE else ""


def _mounts() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text(errors="replace")
    except OSError:  # Not Linux: nothing is known of its mounts.
        return ""
