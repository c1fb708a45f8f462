"""How the sources answered, and what their collectors want to remember."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, select

from advisor.core.model import Gap
from advisor.errors import InputError
from advisor.store.schema import kept, sources
from advisor.store.sql import replacing, upsert

if TYPE_CHECKING:
    from advisor.store.sql import Upsert

KEEP_AT_MOST = 1_048_576  #: Bytes of JSON that a collector may keep.

Evidence = Mapping[str, Sequence[Mapping[str, str]]]


_KEPT = select(kept.c.what, kept.c.digest).where(
    kept.c.subject == bindparam("whose"), kept.c.provider == bindparam("by")
)


@dataclass(frozen=True, slots=True)
class Source:
    """One source of readings: `error` is empty where the last poll did well; `duration` is in seconds.

    `keep` is what the collector wants back, `evidence` its newest rows for people.
    """

    subject: str
    provider: str
    last_poll: datetime
    last_success: datetime | None
    duration: float
    error: str
    gaps: tuple[Gap, ...] = ()
    keep: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=dict)


def record_poll(
    connection: Connection,
    subject: str,
    provider: str,
    at: datetime,
    duration: float,
    error: str | None,
    keep: Mapping[str, Any] | None = None,
    evidence: Evidence | None = None,
    gaps: Sequence[Gap] = (),
) -> None:
    """Write how a poll went. A failed one (`error`) leaves keep, evidence and gaps as they were.

    Raises:
        InputError: if a collector wants to keep more than 1 MiB; nothing is written.
    """
    row: dict[str, Any] = {
        "subject": subject,
        "provider": provider,
        "last_poll": at,
        "last_success": None if error else at,
        "duration": duration,
        "error": error or "",
        "gaps": json.dumps([[gap.what, gap.why, list(gap.metrics)] for gap in gaps]),
    }
    connection.execute(_poll(connection.dialect.name, well=not error), row)
    if not error:
        _remember(connection, subject, provider, {"keep": keep or {}, "evidence": evidence or {}})


@cache
def _poll(dialect: str, *, well: bool) -> "Upsert":
    statement = upsert(dialect, sources)
    written = ["last_poll", "duration", "error", *(["last_success", "gaps"] if well else [])]
    return statement.on_conflict_do_update(
        index_elements=["subject", "provider"], set_={name: statement.excluded[name] for name in written}
    )


def _remember(connection: Connection, subject: str, provider: str, what: Mapping[str, Any]) -> None:
    """Write what changed. The digest spares a large value that did not."""
    known = connection.execute(_KEPT, {"whose": subject, "by": provider})
    held = {row.what: row.digest for row in known}
    for name, value in what.items():
        if not value and name not in held:
            continue
        text = json.dumps(value, separators=(",", ":")).encode()
        if len(text) > KEEP_AT_MOST:
            raise InputError(
                f"the collector {provider} of {subject} wants to keep {len(text)} bytes as `{name}`: "
                f"at most {KEEP_AT_MOST} are kept, so let it keep less"
            )
        digest = blake2b(text, digest_size=8).digest()
        if held.get(name) != digest:
            row = {"subject": subject, "provider": provider, "what": name, "digest": digest}
            connection.execute(replacing(connection, kept), row | {"data": zlib.compress(text, 1)})


def all_sources(connection: Connection) -> list[Source]:
    """Return every source with what its collector kept."""
    memories: dict[tuple[str, str], dict[str, Any]] = {}
    for row in connection.execute(select(kept)):
        value = json.loads(zlib.decompress(row.data))
        memories.setdefault((row.subject, row.provider), {})[row.what] = value
    return [
        Source(
            row.subject,
            row.provider,
            row.last_poll,
            row.last_success,
            row.duration,
            row.error,
            gaps=tuple(Gap(what, why, tuple(metrics)) for what, why, metrics in json.loads(row.gaps)),
            **memories.get((row.subject, row.provider), {}),
        )
        for row in connection.execute(select(sources).order_by(sources.c.subject, sources.c.provider))
    ]
