"""Tables and indexes: the largest, the dead rows, what nothing reads and what lacks an index. Pure."""

from advisor.collectors.postgresql.draft import Draft, Row, Seen, day
from advisor.core.model import Quality
from advisor.core.units import Unit, show

__all__ = ["LARGE_TABLE", "indexes", "tables"]

TOP = 10
#: A table of fewer rows is read from end to end as fast as through an index.
LARGE_TABLE = 10_000
#: So many scans from end to end are no dump and no migration any more.
_SCANS = 50
#: An index that is used but monthly is used: without so many days of statistics none is called unused.
_DAYS = 30


def tables(draft: Draft, seen: Seen) -> None:
    """Give size and dead rows by table (without a part: the largest), and how many lack an index."""
    if denied := seen.denied("table_sizes"):
        draft.gap("sizes of tables", denied.why, "table_size", "index_size")
    if denied := seen.denied("table_statistics"):
        draft.gap("dead rows and scans of tables", denied.why, "dead_rows", "scanned_tables")
    sizes = seen.rows("table_sizes")
    for metric, column in (("table_size", "total"), ("index_size", "indexes")):
        by_size = sorted((-(row[column] or 0), row["name"]) for row in sizes)
        _by_part(draft, metric, [(name, -size) for size, name in by_size[:TOP]])
    statistics = seen.rows("table_statistics")
    dead = sorted(statistics, key=lambda row: (-row["dead"], row["name"]))[:TOP]
    _by_part(draft, "dead_rows", [(row["name"], row["dead"]) for row in dead], Quality.ESTIMATED)
    scanned = sorted((row for row in statistics if _lacks_index(row)), key=lambda row: -row["seq_tup_read"])
    if seen.denied("table_statistics") is None:
        draft.level("scanned_tables", len(scanned))
    known = {row["id"]: row for row in statistics}
    draft.note(
        "Largest tables",
        [
            {
                "table": row["name"],
                "size": show(row["total"] or 0, Unit.BYTES),
                "of it indexes": show(row["indexes"] or 0, Unit.BYTES),
                "rows": show(known[row["id"]]["live"], Unit.COUNT) if row["id"] in known else "",
            }
            for row in sizes[:TOP]
        ],
    )
    draft.note(
        "Dead rows",
        [
            {
                "table": row["name"],
                "dead": show(row["dead"], Unit.COUNT),
                "live": show(row["live"], Unit.COUNT),
                "vacuumed": day(row["vacuumed"]),
            }
            for row in dead
            if row["dead"] >= 1000
        ],
    )
    draft.note(
        "Tables that may lack an index",
        [
            {
                "table": row["name"],
                "rows": show(row["live"], Unit.COUNT),
                "scans from end to end": show(row["seq_scan"], Unit.COUNT),
                "rows a scan": show(row["seq_tup_read"] / row["seq_scan"], Unit.COUNT),
                "index scans": show(row["idx_scan"], Unit.COUNT),
            }
            for row in scanned[:TOP]
        ],
    )


def _by_part(
    draft: Draft, metric: str, values: list[tuple[str, int]], quality: Quality = Quality.MEASURED
) -> None:
    for index, (name, value) in enumerate(values):
        if index == 0:
            draft.level(metric, value, quality=quality)
        draft.level(metric, value, name, quality)


def _lacks_index(row: Row) -> bool:
    """Say whether a large table is mostly read from end to end."""
    scans, by_index = row["seq_scan"], row["idx_scan"]
    return bool(
        row["live"] >= LARGE_TABLE
        and scans >= _SCANS
        and row["seq_tup_read"] / scans >= LARGE_TABLE / 2
        and scans > by_index / 10
    )


def indexes(draft: Draft, seen: Seen) -> None:
    """Give the size of indexes that nothing reads, once the statistics are old enough to say so."""
    if denied := seen.denied("indexes"):
        draft.gap("unused indexes", denied.why, "unused_index_size")
        draft.carry("first_look")
        return
    database = next(iter(seen.rows("database")), None)
    now = draft.now.timestamp()
    # Where the server does not say when it began to count, it is since we first looked.
    first = draft.previous.get("first_look")
    looked = first if isinstance(first, int | float) else now
    draft.keep["first_look"] = looked
    counting_since = (database["stats_reset"] if database else None) or looked
    days = (now - counting_since) / 86_400
    unused = seen.rows("indexes")
    if seen.server["is_replica"]:
        draft.gap(
            "unused indexes", "a replica counts only its own reads; watch the primary", "unused_index_size"
        )
    elif days < _DAYS:
        draft.gap(
            "unused indexes",
            f"the statistics are known to cover {max(days, 0):.0f} days; it takes {_DAYS} to call one unused",
            "unused_index_size",
        )
    else:
        draft.level("unused_index_size", sum(row["size"] for row in unused), quality=Quality.ESTIMATED)
    draft.note(
        "Indexes without a read since the statistics were reset",
        [
            {
                "index": row["name"],
                "table": row["table_name"],
                "size": show(row["size"], Unit.BYTES),
                "counted since": day(database["stats_reset"])
                if database and database["stats_reset"]
                else "unknown",
            }
            for row in unused[:TOP]
        ],
    )
