"""The one vocabulary of metrics for all providers: name, unit, kind, limits, who has it.

Providers add their own names here when no name fits. `advisor metrics list` prints this table.
"""

from collections.abc import Iterator, Mapping

from advisor.core.model import Combine, Kind, Limit, Metric
from advisor.core.units import Unit

_LIMITS = {"q": Limit.QUOTA, "m": Limit.MAX, "p": Limit.POOL, "a": Limit.AVAILABLE, "b": Limit.BUDGET}
_KINDS = {"L": Kind.LEVEL, "A": Kind.AMOUNT, "D": Kind.DISTRIBUTION, "S": Kind.SHARE}

BYTES, SECONDS, RATIO, COUNT, USD = Unit.BYTES, Unit.SECONDS, Unit.RATIO, Unit.COUNT, Unit.USD
MAX, MEAN, EACH = Combine.MAX, Combine.MEAN, Combine.EACH


def _rows() -> Iterator[Metric]:
    def row(
        names: str, unit: Unit, kind: str, meaning: str, roles: str = "", combine: Combine = Combine.SUM
    ) -> Iterator[Metric]:
        letter, *limits = kind.split()
        for name in names.split():
            yield Metric(
                name,
                unit,
                _KINDS[letter],
                meaning,
                frozenset(_LIMITS[x] for x in limits),
                combine,
                None,
                frozenset(roles.split()),
            )

    yield from row("storage", BYTES, "L q", "Bytes stored.", "database storage")
    yield from row("memory", BYTES, "L q a", "In use, fullest machine.", "backend database", MAX)
    yield from row("cpu", RATIO, "L", "Busy, all cores, mean of machines.", "backend database", MEAN)
    yield from row("connections", COUNT, "L q m p", "Open client connections.", "database")
    yield from row("idle_time", SECONDS, "L", "Since last use.", "database", MAX)
    yield from row("restricted", COUNT, "L", "Restrictions that the provider has in force.")
    yield from row("backup_age", SECONDS, "L", "Age of the newest restorable point.", "database", MAX)
    yield from row("recovery_time", SECONDS, "L", "Last recovery or drill.", "", MAX)
    yield from row("concurrent_users", COUNT, "L", "Users at once in a load test.", "load_test")
    yield from row("critical_vulnerabilities", COUNT, "L", "Open critical vulnerabilities.", "security")
    yield from row("users", COUNT, "L", "Registered users.", "stack")
    yield from row("users_abroad", COUNT, "L", "Users outside the fact `home`.", "stack")
    yield from row("team_size", COUNT, "L", "People in the team.", "stack")
    yield from row("active_users", COUNT, "L q", "Users active in 30 days.", "stack")
    yield from row("satisfaction", RATIO, "L", "Score over the best score.", "stack", MEAN)
    yield from row("instances", COUNT, "L q", "Machines that run.")
    yield from row("seats domains monitors projects branches", COUNT, "L q", "How many there are.")
    yield from row("disk_used", BYTES, "L q a", "Bytes used on the disk, logs and system included.")
    yield from row("disk_size", BYTES, "L", "Size of the disk.")
    yield from row("replication_lag", SECONDS, "L", "How far the slowest replica is behind.", "database", MAX)
    yield from row("transaction_id_age", COUNT, "L m", "Age of the oldest transaction id.", "database", MAX)
    yield from row(
        "longest_transaction", SECONDS, "L", "Age of the oldest open transaction.", "database", MAX
    )
    yield from row("waiting_connections", COUNT, "L", "Connections that wait for a lock.", "database")
    yield from row("idle_in_transaction", COUNT, "L", "Connections idle in a transaction.", "database")
    yield from row("table_size index_size", BYTES, "L", "Size, by table.", "database", EACH)
    yield from row("dead_rows", COUNT, "L", "Rows that wait for vacuum, by table.", "database", EACH)
    yield from row("unused_index_size", BYTES, "L", "Size of indexes that nothing reads.", "database")
    yield from row("scanned_tables", COUNT, "L", "Large tables read mostly from end to end.", "database")
    yield from row("egress", BYTES, "A q", "Bytes sent out.")
    yield from row("logs", BYTES, "A q", "Bytes of log written.")
    yield from row("emails", COUNT, "A q", "E-mails sent and received.", "email")
    yield from row("errors", COUNT, "A q", "Error events.", "errors")
    yield from row("steps", COUNT, "A q", "Steps of jobs.", "jobs")
    yield from row(
        "requests reads writes operations class_a_operations class_b_operations",
        COUNT,
        "A q",
        "How many.",
        "backend database storage",
    )
    yield from row(
        "events builds build_minutes compute_hours gb_hours transactions searches commands invocations messages",
        COUNT,
        "A q",
        "How many.",
    )
    yield from row("requests_by_top_user", COUNT, "A", "Requests of the busiest user.", "backend", MAX)
    yield from row("rollbacks deadlocks", COUNT, "A", "How many.", "database")
    yield from row("temp_bytes", BYTES, "A", "Bytes of temporary files written.", "database")
    yield from row("downtime", SECONDS, "A", "Time in which checks failed.")
    yield from row(
        "cost", USD, "A b", "Flat prices on the period's first day, usage on its own.", "stack service"
    )
    yield from row("revenue", USD, "A", "Revenue.", "stack")
    yield from row("response_time", SECONDS, "D", "At the server.")
    yield from row("latency", SECONDS, "D", "From a probe.")
    yield from row(
        "query_time indexed_query_time table_scan_time join_time aggregation_time",
        SECONDS,
        "D",
        "Execution time of statements.",
        "database",
    )
    yield from row(
        "health_check_time auth_time simple_request_time complex_request_time upload_time",
        SECONDS,
        "D",
        "Time of a kind of request.",
        "backend",
    )
    yield from row("page_load_time", SECONDS, "D", "Until the page is loaded.", "frontend")
    yield from row(
        "screen_load_time feedback_time data_shown_time image_load_time",
        SECONDS,
        "D",
        "As the app's user sees it.",
        "mobile",
    )
    yield from row("cpu_time", SECONDS, "D m", "CPU of a request.", "backend")
    yield from row("cold_start_time", SECONDS, "D", "Until the first answer after sleep.", "database")
    yield from row("deploy_time", SECONDS, "D", "Of a deployment.", "ci")
    yield from row("message_size", BYTES, "D", "Size of a message.", "database")
    yield from row("error_rate", RATIO, "S", "Failed over all.")
    yield from row("cache_hit_rate", RATIO, "S", "Hit over all.")
    yield from row("bandwidth_saved", RATIO, "S", "Bytes from cache over all.")
    yield from row("uptime", RATIO, "S", "Checks answered over all.")
    yield from row(
        "conversion_rate retention_day_1 retention_day_7 retention_day_30",
        RATIO,
        "S",
        "Part of the users.",
        "stack",
    )


VOCABULARY: Mapping[str, Metric] = {metric.name: metric for metric in _rows()}
