"""The project's metrics endpoint: Prometheus text made into readings. Pure."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from advisor.collectors.supabase.found import QUOTA, READ_ONLY, level, limit, restricted
from advisor.core.model import Gap, Limit, Reading, Term
from advisor.polling.contract import Answer, Poll, Unexpected

__all__ = ["Series", "machine", "series"]

_LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*")
_LABEL = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?')
_ESCAPE = re.compile(r"\\(.)")
_MB = 2**20
_IDLE = {"idle", "iowait"}  # Waiting for the disk leaves a core free.
_SOURCE = "the metrics endpoint"
_WANTED = frozenset({
    "node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes",
    "node_filesystem_size_bytes", "node_filesystem_avail_bytes", "pg_database_size_bytes",
    "pg_database_size_mb", "pg_stat_database_num_backends", "connection_stats_connection_count",
    "max_connections_connection_count", "auth_users_user_count", "storage_storage_size_mb",
    "pg_settings_default_transaction_read_only",
})  # fmt: skip


@dataclass(slots=True)
class Series:
    """What was scraped, by name: values with their labels; what is no finite number is left out."""

    values: dict[str, list[tuple[Mapping[str, str], float]]] = field(default_factory=dict)

    def of(self, name: str, identifier: str, **labels: str) -> list[float]:
        """Return a machine's values of a series that have these labels."""
        return [
            value
            for has, value in self.values.get(name, ())
            if has.get("supabase_identifier", identifier) == identifier
            and all(has.get(key) == wanted for key, wanted in labels.items())
        ]

    def sum(self, name: str, identifier: str, **labels: str) -> float | None:
        """Return their sum; None where there is none."""
        found = self.of(name, identifier, **labels)
        return sum(found) if found else None


def series(text: str) -> Series:
    """Return the series that are of use here.

    Raises:
        Unexpected: There is none: this is no metrics endpoint.
    """
    found = Series()
    for line in text.splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        if name not in _WANTED or (match := _LINE.fullmatch(line)) is None:
            continue
        try:
            value = float(match[3])
        except ValueError:
            continue
        if math.isfinite(value):
            labels = {key: _ESCAPE.sub(_unescaped, raw) for key, raw in _LABEL.findall(match[2] or "")}
            found.values.setdefault(name, []).append((labels, value))
    if not found.values:
        raise Unexpected(
            "the metrics endpoint of Supabase sent no series that we know; its names may have changed"
        )
    return found


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]


def machine(text: str, ref: str, poll: Poll, *, files: bool = False) -> Answer:
    """Read a scrape: CPU and memory of every machine, the rest of the primary's.

    `files` says that the service is the file storage, so that `storage` is the buckets' and not the
    database's.

    Raises:
        Unexpected: The text is no scrape of this endpoint.
    """
    now = poll.now
    scraped = series(text)
    names = sorted(_identifiers(scraped)) or [ref]
    primary = ref if ref in names else names[0]
    cores = {name: _counted(scraped, name) for name in names}
    readings: list[Reading] = []
    gaps: list[Gap] = []
    for name in names:
        part = name if len(names) > 1 else ""
        busy = _cpu(poll, cores[name], name, part)
        if isinstance(busy, Gap):
            gaps.append(busy)
        else:
            readings.append(busy)
        total = scraped.sum("node_memory_MemTotal_bytes", name)
        free = scraped.sum("node_memory_MemAvailable_bytes", name)
        if total is not None and free is not None:
            readings += level("memory", max(0.0, total - free), now, part)
    terms = limit("memory", Limit.AVAILABLE, scraped.sum("node_memory_MemTotal_bytes", primary), now, _SOURCE)
    disk, more = _disk(scraped, primary, now)
    backends = scraped.sum("pg_stat_database_num_backends", primary)
    if backends is None:
        backends = scraped.sum("connection_stats_connection_count", primary)
    most = scraped.sum("max_connections_connection_count", primary)
    stored = _files(scraped, primary) if files else _database(scraped, primary)
    held = scraped.sum("pg_settings_default_transaction_read_only", primary)
    readings += [
        *disk,
        *level("connections", backends, now),
        *level("users", scraped.sum("auth_users_user_count", primary), now),
        *level("storage", stored, now),
        *restricted(0, now, QUOTA),
        *restricted(int(bool(held)), now, READ_ONLY),
    ]
    terms += [*more, *limit("connections", Limit.MAX, most, now, _SOURCE)]
    kept = {name: [now.timestamp(), *told] for name, told in cores.items() if told is not None}
    return Answer(readings, terms, gaps, {"cpu": kept})


def _identifiers(scraped: Series) -> Iterator[str]:
    yield from {
        has["supabase_identifier"]
        for values in scraped.values.values()
        for has, _ in values
        if "supabase_identifier" in has
    }


def _counted(scraped: Series, name: str) -> tuple[float, float] | None:
    """Return the seconds that a machine's cores were busy, and those that it was given, since it started."""
    busy = given = 0.0
    seen = False
    for has, value in scraped.values.get("node_cpu_seconds_total", ()):
        mode = has.get("mode", "")
        if has.get("supabase_identifier", name) != name or mode == "steal":
            continue
        seen = True
        given += value
        busy += 0.0 if mode in _IDLE else value
    return (busy, given) if seen else None


def _cpu(poll: Poll, told: tuple[float, float] | None, name: str, part: str) -> Reading | Gap:
    before = (poll.previous.get("cpu") or {}).get(name)
    if told is None:
        return Gap("cpu", "the metrics endpoint tells no CPU seconds", ("cpu",))
    if before is None:
        return Gap("cpu", "CPU is a counter: its first value comes with the next poll", ("cpu",))
    then, busy, given = before
    used, had = told[0] - busy, told[1] - given
    if used < 0 or had <= 0 or datetime.fromtimestamp(then, UTC) >= poll.now:
        why = "the machine was restarted since the last poll, so its CPU counter began again"
        return Gap("cpu", why, ("cpu",))
    return Reading("cpu", min(1.0, used / had), poll.now, part=part)


def _disk(scraped: Series, name: str, now: datetime) -> tuple[list[Reading], list[Term]]:
    """Return the data disk; where the Management API told of it, that stays."""
    size = scraped.sum("node_filesystem_size_bytes", name, mountpoint="/data")
    free = scraped.sum("node_filesystem_avail_bytes", name, mountpoint="/data")
    if size is None or free is None:
        return level("disk_size", size, now), []
    used = level("disk_used", max(0.0, size - free), now)
    return [*level("disk_size", size, now), *used], limit("disk_used", Limit.AVAILABLE, size, now, _SOURCE)


def _database(scraped: Series, name: str) -> float | None:
    """Return the size of all databases in bytes, as the provider's own query has it."""
    size = scraped.sum("pg_database_size_bytes", name)
    older = scraped.sum("pg_database_size_mb", name)
    return size if size is not None or older is None else older * _MB


def _files(scraped: Series, name: str) -> float | None:
    size = scraped.sum("storage_storage_size_mb", name)
    return size * _MB if size is not None else None
