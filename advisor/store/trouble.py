"""What can go wrong with a database, as one sentence each: the place, the cause and the way out.

No sentence holds a password, a statement or its parameters.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError

from advisor.errors import AdvisorError, InputError, OutOfReach
from advisor.store_file import trouble


class Conflict(AdvisorError):
    """A finding was changed by another process since it was read; read again and decide again."""


class StaleFence(AdvisorError):
    """A lease was taken over by somebody else, so what was to be written under it is refused."""


#: PostgreSQL's codes (SQLSTATE), with the error we answer and the rest of the sentence.
_POSTGRES: tuple[tuple[str, type[AdvisorError], str], ...] = (
    ("28", OutOfReach, "user or password is refused: set the right ones in `store`"),
    ("3D000", OutOfReach, "the database does not exist: create it, or name another in `store`"),
    ("42501", InputError, "the user lacks a right: let it own the database, or grant CREATE on its schema"),
    ("25006", InputError, "the server only reads (a replica?): name the primary in `store`"),
    ("53100", OutOfReach, "the server's disk is full: free some space; nothing of this change was written"),
    ("53300", OutOfReach, "the server has no free connection: raise max_connections, or close some"),
    ("55P03", OutOfReach, "another process keeps it locked: wait until that has ended, or stop it"),
    ("57P", OutOfReach, "the server is shutting down or starting: try again in a moment"),
)

#: A refused connection has no code, only the words of server or libpq.
_WORDS = (
    ("password authentication failed", "28"),
    ("no password supplied", "28"),
    ("no pg_hba.conf entry", "28"),
    ("role", "28"),
    ("database", "3D000"),
    ("too many clients", "53300"),
    ("remaining connection slots", "53300"),
    ("starting up", "57P"),
    ("shutting down", "57P"),
)


@contextmanager
def one_sentence(place: str) -> Iterator[None]:
    """Turn what a database raises within into InputError or OutOfReach; `place` names the store."""
    try:
        yield
    except DBAPIError as error:
        said = _sentence(place, error)
        if said is None:
            raise
        # The cause would show statement and connection.
        raise said from None


def _sentence(place: str, error: DBAPIError) -> AdvisorError | None:
    """Return what to tell the user, or None where the fault is ours."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return trouble(place, cause)
    code = getattr(cause, "sqlstate", None)
    if code is None and isinstance(error, OperationalError):
        words = str(cause)
        code = next((code for text, code in _WORDS if text in words), "")
        if "does not exist" not in words and code == "3D000":
            code = ""
        return _first(place, code, _POSTGRES) or OutOfReach(
            f"the store {place}: the server does not answer: check host, port, network and TLS, or start it"
        )
    if error.connection_invalidated:
        return OutOfReach(
            f"the store {place}: the connection was lost; the change was not written, try again"
        )
    return _first(place, code or "", _POSTGRES)


def _first(
    place: str, code: str, table: tuple[tuple[str, type[AdvisorError], str], ...]
) -> AdvisorError | None:
    for start, kind, rest in table:
        if code.startswith(start):
            return kind(f"the store {place}: {rest}")
    return None
