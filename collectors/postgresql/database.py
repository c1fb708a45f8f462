"""The connected database: its size, and its counters as amounts between two polls. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from advisor.collectors.postgresql.draft import Draft, Row, Seen, day, moment
from advisor.core.units import Unit, show

__all__ = ["database"]

#: The server refuses new transaction ids three million before the end of the circle of 2³¹.
_LAST_TRANSACTION_ID = 2**31 - 3_000_000

_COUNTERS = ("blks_hit", "blks_read", "xact_commit", "xact_rollback", "temp_bytes", "deadlocks")
_AMOUNTS = {
    "transactions": "xact_commit",
    "rollbacks": "xact_rollback",
    "temp_bytes": "temp_bytes",
    "deadlocks": "deadlocks",
}


def database(draft: Draft, seen: Seen) -> None:
    """Give size, transaction-id age, cache hits and what the counters counted since the last poll.

    At a first poll the share of cache hits is that since the statistics were reset, and its `since` says so.
    Amounts begin with the second poll: one bucket of months would belong to no day.
    """
    if denied := seen.denied("database"):
        draft.gap("size and counters of the database", denied.why, "storage", "transaction_id_age",
                  "cache_hit_rate", *_AMOUNTS)  # fmt: skip
        draft.carry("database")
        return
    row = next(iter(seen.rows("database")), None)
    if row is None:
        return
    draft.level("storage", row["size"])
    draft.level("transaction_id_age", row["transaction_id_age"])
    draft.maximum("transaction_id_age", _LAST_TRANSACTION_ID, "PostgreSQL stops 3 million before 2³¹")
    reset = row["stats_reset"] or seen.server["statistics_began"]
    counters = {name: int(row[name] or 0) for name in _COUNTERS}
    draft.keep["database"] = {
        "at": draft.now.timestamp(),
        "started": seen.server["started"],
        "reset": row["stats_reset"],
        "counters": counters,
    }
    earlier = draft.previous.get("database")
    if isinstance(earlier, Mapping) and not _another_server(earlier, seen.server):
        since, added = _added(earlier, counters, row["stats_reset"])
        for metric, counter in _AMOUNTS.items():
            draft.bucket(metric, added[counter], since)
        _hits(draft, added, since)
    else:
        since = moment(reset or seen.server["started"])
        _hits(draft, counters, since)
    _evidence(draft, row, reset)


def _another_server(earlier: Mapping[str, Any], server: Row) -> bool:
    """Say whether another server answers now (a failover): it ran at the last poll, yet is not the same."""
    started, at = earlier.get("started"), earlier.get("at")
    if not isinstance(started, int | float) or not isinstance(at, int | float):
        return True
    return abs(float(server["started"]) - started) > 1 and float(server["started"]) < at - 1


def _added(
    earlier: Mapping[str, Any], counters: Mapping[str, int], reset: float | None
) -> tuple[datetime, Mapping[str, int]]:
    """Return from when and by how much the counters rose. After a reset they began again at zero."""
    old, at = earlier["counters"], float(earlier["at"])
    known = {name: int(old.get(name, 0)) for name in counters}
    again = reset != earlier.get("reset") or any(counters[name] < known[name] for name in counters)
    if not again:
        return moment(at), {name: counters[name] - known[name] for name in counters}
    return moment(max(at, reset or at)), counters


def _hits(draft: Draft, counted: Mapping[str, int], since: datetime) -> None:
    hits, reads = counted["blks_hit"], counted["blks_read"]
    if hits + reads > 0:
        draft.bucket("cache_hit_rate", hits, since, of=hits + reads)


def _evidence(draft: Draft, row: Row, reset: float | None) -> None:
    looked = row["blks_hit"] + row["blks_read"]
    counted = {
        "cache hits": show(row["blks_hit"] / looked, Unit.RATIO) if looked else "none yet",
        "commits": show(row["xact_commit"], Unit.COUNT),
        "rollbacks": show(row["xact_rollback"], Unit.COUNT),
        "temporary files": show(row["temp_bytes"], Unit.BYTES),
        "deadlocks": show(row["deadlocks"], Unit.COUNT),
        "conflicts with replication": show(row["conflicts"], Unit.COUNT),
    }
    since = day(reset) if reset else "the database was created"
    draft.note(
        "Counters since the statistics were reset",
        [{"what": what, "value": value, "since": since} for what, value in counted.items()],
    )
    draft.note(
        "Transaction ids",
        [
            {
                "oldest in": row["oldest_database"] or "",
                "transaction ids": show(row["transaction_id_age"], Unit.COUNT),
                "multixact ids": show(row["multixact_age"], Unit.COUNT),
                "the server stops at": show(_LAST_TRANSACTION_ID, Unit.COUNT),
            }
        ],
    )
