"""The one vocabulary of metrics for all providers: name, unit, kind, limits, who has it.

Providers add their own names here when no name fits. `advisor metrics list` prints this table.
"""

from collections.abc import Mapping
from typing import NamedTuple

from advisor.core.model import Combine, Kind, Limit, Metric
from advisor.core.units import Unit

_LIMITS = {"q": Limit.QUOTA, "m": Limit.MAX, "p": Limit.POOL, "a": Limit.AVAILABLE, "b": Limit.BUDGET}
_KINDS = {"L": Kind.LEVEL, "A": Kind.AMOUNT, "D": Kind.DISTRIBUTION, "S": Kind.SHARE}

BYTES, SECONDS, RATIO, COUNT, USD = Unit.BYTES, Unit.SECONDS, Unit.RATIO, Unit.COUNT, Unit.USD
MAX, MEAN, EACH = Combine.MAX, Combine.MEAN, Combine.EACH


class _Row(NamedTuple):
    """Names that share the rest; `kind` is a letter (L A D S) and the limits there can be (q m p a b)."""

    names: str
    unit: Unit
    kind: str
    meaning: str
    roles: str = ""
    combine: Combine = Combine.SUM


_TABLE = (
    _Row("storage", BYTES, "L q", "Bytes stored.", "database storage"),
    _Row("memory", BYTES, "L q a", "In use, fullest machine.", "backend database", MAX),
    _Row("cpu", RATIO, "L", "Busy, all cores, mean of machines.", "backend database", MEAN),
    _Row("connections", COUNT, "L q m p", "Open client connections.", "database"),
    _Row("idle_time", SECONDS, "L", "Since last use.", "database", MAX),
    _Row("restricted", COUNT, "L", "Restrictions that the provider has in force."),
    _Row("plan_differs", COUNT, "L", "1 where the plan is not the configured one, else 0.", "", MAX),
    _Row("backup_age", SECONDS, "L", "Age of the newest restorable point.", "database", MAX),
    _Row("recovery_time", SECONDS, "L", "Last recovery or drill.", "", MAX),
    _Row("concurrent_users", COUNT, "L", "Users at once in a load test.", "load_test"),
    _Row("critical_vulnerabilities", COUNT, "L", "Open critical vulnerabilities.", "security"),
    _Row("users", COUNT, "L", "Registered users.", "stack"),
    _Row("users_abroad", COUNT, "L", "Users outside the fact `home`.", "stack"),
    _Row("team_size", COUNT, "L", "People in the team.", "stack"),
    _Row("active_users", COUNT, "L q", "Users active in 30 days.", "stack"),
    _Row("satisfaction", RATIO, "L", "Score over the best score.", "stack", MEAN),
    _Row("instances", COUNT, "L q", "Machines that run."),
    _Row("seats domains monitors projects branches records", COUNT, "L q", "How many there are."),
    _Row("disk_used", BYTES, "L q a", "Bytes used on the disk, logs and system included."),
    _Row("disk_size", BYTES, "L", "Size of the disk."),
    _Row("replication_lag", SECONDS, "L", "How far the slowest replica is behind.", "database", MAX),
    _Row("transaction_id_age", COUNT, "L m", "Age of the oldest transaction id.", "database", MAX),
    _Row("longest_transaction", SECONDS, "L", "Age of the oldest open transaction.", "database", MAX),
    _Row("waiting_connections", COUNT, "L", "Connections that wait for a lock.", "database"),
    _Row("idle_in_transaction", COUNT, "L", "Connections idle in a transaction.", "database"),
    _Row("table_size index_size", BYTES, "L", "Size, by table.", "database", EACH),
    _Row("dead_rows", COUNT, "L", "Rows that wait for vacuum, by table.", "database", EACH),
    _Row("unused_index_size", BYTES, "L", "Size of indexes that nothing reads.", "database"),
    _Row("scanned_tables", COUNT, "L", "Large tables read mostly from end to end.", "database"),
    _Row("egress", BYTES, "A q", "Bytes sent out."),
    _Row("logs", BYTES, "A q", "Bytes of log written."),
    _Row("emails", COUNT, "A q", "E-mails sent and received.", "email"),
    _Row("errors", COUNT, "A q", "Error events.", "errors"),
    _Row("steps", COUNT, "A q", "Steps of jobs.", "jobs"),
    _Row(
        "requests reads writes operations class_a_operations class_b_operations",
        COUNT,
        "A q",
        "How many.",
        "backend database storage",
    ),
    _Row(
        "events builds build_minutes compute_hours gb_hours transactions searches commands invocations "
        "messages",
        COUNT,
        "A q",
        "How many.",
    ),
    _Row("restarts", COUNT, "A", "Restarts of machines, containers or processes.", "backend database"),
    _Row("requests_by_top_user", COUNT, "A", "Requests of the busiest user.", "backend", MAX),
    _Row("rollbacks deadlocks", COUNT, "A", "How many.", "database"),
    _Row("evicted_keys", COUNT, "A", "Keys that a cache dropped for want of memory."),
    _Row("temp_bytes", BYTES, "A", "Bytes of temporary files written.", "database"),
    _Row("downtime", SECONDS, "A", "Time in which checks failed."),
    _Row("cost", USD, "A b", "Flat prices on the period's first day, usage on its own.", "stack service"),
    _Row("revenue", USD, "A", "Revenue.", "stack"),
    _Row("response_time", SECONDS, "D", "At the server."),
    _Row("latency", SECONDS, "D", "From a probe."),
    _Row(
        "query_time indexed_query_time table_scan_time join_time aggregation_time",
        SECONDS,
        "D",
        "Execution time of statements.",
        "database",
    ),
    _Row(
        "health_check_time auth_time simple_request_time complex_request_time upload_time",
        SECONDS,
        "D",
        "Time of a kind of request.",
        "backend",
    ),
    _Row("page_load_time", SECONDS, "D", "Until the page is loaded.", "frontend"),
    _Row(
        "screen_load_time feedback_time data_shown_time image_load_time",
        SECONDS,
        "D",
        "As the app's user sees it.",
        "mobile",
    ),
    _Row("cpu_time", SECONDS, "D m", "CPU of a request.", "backend"),
    _Row("cold_start_time", SECONDS, "D", "Until the first answer after sleep.", "database"),
    _Row("deploy_time", SECONDS, "D", "Of a deployment.", "ci"),
    _Row("message_size", BYTES, "D", "Size of a message.", "database"),
    _Row("error_rate", RATIO, "S", "Failed over all."),
    _Row("cache_hit_rate", RATIO, "S", "Hit over all."),
    _Row("bandwidth_saved", RATIO, "S", "Bytes from cache over all."),
    _Row("uptime", RATIO, "S", "Checks answered over all."),
    _Row(
        "conversion_rate retention_day_1 retention_day_7 retention_day_30",
        RATIO,
        "S",
        "Part of the users.",
        "stack",
    ),
)


def _metric(name: str, row: _Row) -> Metric:
    letter, *limits = row.kind.split()
    return Metric(
        name,
        row.unit,
        _KINDS[letter],
        row.meaning,
        frozenset(_LIMITS[one] for one in limits),
        row.combine,
        None,
        frozenset(row.roles.split()),
    )


VOCABULARY: Mapping[str, Metric] = {name: _metric(name, row) for row in _TABLE for name in row.names.split()}
