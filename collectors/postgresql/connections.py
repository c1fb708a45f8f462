"""Connections against their limits, open transactions, locks and replicas. Pure."""

from collections import Counter
from collections.abc import Sequence

from advisor.collectors.postgresql.draft import Draft, Row, Seen
from advisor.core.model import Quality
from advisor.core.units import Unit, show

__all__ = ["connections", "replication", "transactions"]

_IN_TRANSACTION = frozenset({"idle in transaction", "idle in transaction (aborted)"})


def connections(draft: Draft, seen: Seen) -> None:
    """Count client connections, and hold them against the limit that is nearest.

    The server's limit is max_connections less what is reserved. A connection limit of the database or of a
    role takes its place where it is fuller; then its own connections are what is counted.
    """
    rows, server = seen.rows("connections"), seen.server
    if denied := seen.denied("connections"):
        draft.gap("connections", denied.why, "connections", "idle_in_transaction", "waiting_connections")
    usable = server["max_connections"] - server["superuser_reserved"] - (server["reserved"] or 0)
    if not rows:
        draft.maximum("connections", usable, "max_connections less the reserved ones")
        return
    hidden = sum(row["connections"] for row in rows if row["hidden"])
    used, limit, source = _nearest(rows, seen, usable)
    draft.level("connections", used, quality=Quality.ESTIMATED if hidden else Quality.MEASURED)
    draft.maximum("connections", limit, source)
    if hidden:
        draft.gap(
            "what other roles' sessions do",
            f"{hidden} sessions hide their state from the role {server['role']}; "
            f"GRANT pg_monitor TO {server['role']}",
            "idle_in_transaction",
            "waiting_connections",
            "longest_transaction",
        )
    else:
        idle = sum(row["connections"] for row in rows if row["state"] in _IN_TRANSACTION)
        draft.level("idle_in_transaction", idle)
        waiting = sum(row["connections"] for row in rows if row["wait_type"] == "Lock")
        draft.level("waiting_connections", waiting)
    _evidence(draft, rows)


def _nearest(rows: Sequence[Row], seen: Seen, usable: int) -> tuple[int, int, str]:
    """Return connections, limit and its source where the used share is highest; of equals the lowest."""
    database, role = seen.server["database"], seen.server["role"]
    total = sum(row["connections"] for row in rows)
    found = [(total, usable, "max_connections less the reserved ones")]
    for row in seen.rows("connection_limits"):
        name, kind = row["name"], row["kind"]
        of_it = [r for r in rows if r["database" if kind == "database" else "role"] == name]
        used = sum(r["connections"] for r in of_it)
        if kind == "role" and name == role and used <= 1:
            continue  # The advisor's own role and nobody else: not what an application can run into.
        if kind == "role" or name == database:
            found.append(
                (used, min(row["connection_limit"], usable), f"connection limit of the {kind} {name}")
            )
    return max(found, key=lambda each: (each[0] / max(each[1], 1), -each[1]))


def _evidence(draft: Draft, rows: Sequence[Row]) -> None:
    groups: Counter[tuple[str, str, str, str]] = Counter()
    waits: Counter[tuple[str, str]] = Counter()
    for row in rows:
        state = row["state"] or "unknown"
        groups[state, row["role"] or "", row["application"], row["database"] or ""] += row["connections"]
        if row["state"] == "active" and row["wait_type"] and not row["own"]:
            waits[row["wait_type"], row["wait"]] += row["connections"]
    draft.note(
        "Connections",
        [
            {
                "state": state,
                "user": role,
                "application": app[:60],
                "database": database,
                "connections": str(n),
            }
            for (state, role, app, database), n in groups.most_common(15)
        ],
    )
    draft.note(
        "Waits of active connections",
        [{"kind": kind, "wait": wait, "connections": str(n)} for (kind, wait), n in waits.most_common(10)],
    )


def transactions(draft: Draft, seen: Seen) -> None:
    """Give the age of the oldest open transaction, and who holds it."""
    if denied := seen.denied("transactions"):
        draft.gap("open transactions", denied.why, "longest_transaction")
        return
    rows = seen.rows("transactions")
    if not any(row["hidden"] for row in seen.rows("connections")):
        draft.level("longest_transaction", max((row["age"] for row in rows), default=0.0))
    draft.note(
        "Long transactions",
        [
            {
                "session": row["session"],
                "user": row["role"] or "",
                "application": row["application"][:60],
                "database": row["database"] or "",
                "state": row["state"],
                "waits for": row["wait"],
                "open for": show(row["age"], Unit.SECONDS),
            }
            for row in rows
            if row["age"] >= 60
        ][:10],
    )


def replication(draft: Draft, seen: Seen) -> None:
    """Give the lag of the slowest replica, or of this server if it is one; nothing where there is none."""
    if denied := seen.denied("replication"):
        draft.gap("replication", denied.why, "replication_lag")
        return
    rows = seen.rows("replication")
    copies = [row for row in rows if row["kind"] != "slot"]
    known = [row["lag"] for row in copies if row["lag"] is not None]
    draft.level("replication_lag", max(known, default=None))
    if copies and not known and not seen.server["reads_all_stats"]:
        draft.gap("replication lag", f"GRANT pg_monitor TO {seen.server['role']}", "replication_lag")
    draft.note(
        "Replicas and slots",
        [
            {
                "kind": row["kind"],
                "name": row["name"],
                "state": row["state"],
                "behind": "" if row["lag"] is None else show(row["lag"], Unit.SECONDS),
                "log kept" if row["kind"] == "slot" else "log behind": (
                    "" if row["bytes"] is None else show(max(row["bytes"], 0), Unit.BYTES)
                ),
            }
            for row in rows[:20]
        ],
    )
