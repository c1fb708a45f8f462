"""What each product is asked over GraphQL, and what a row of the answer says. Pure.

A row is grouped by hour (zones: by day) and by what its reader needs; several rows of one hour are added.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from advisor.polling.body import Body

__all__ = ["CLASS_A", "CLASS_B", "FREE", "GAUGES", "USAGE", "Dataset", "Gauge", "Seen"]

_MICRO, _MILLI, _HOUR = 1e-6, 1e-3, 3600.0

#: R2's operations by the price page; a verb that stands in none counts as class A, the safe side.
CLASS_A = frozenset({
    "ListBuckets", "PutBucket", "ListObjects", "PutObject", "CopyObject", "CompleteMultipartUpload",
    "CreateMultipartUpload", "LifecycleStorageTierTransition", "ListMultipartUploads", "UploadPart",
    "UploadPartCopy", "ListParts", "PutBucketEncryption", "PutBucketCors", "PutBucketLifecycleConfiguration",
})  # fmt: skip
CLASS_B = frozenset({
    "HeadBucket", "HeadObject", "GetObject", "UsageSummary", "GetBucketEncryption", "GetBucketLocation",
    "GetBucketCors", "GetBucketLifecycleConfiguration",
})  # fmt: skip
FREE = frozenset({"DeleteObject", "DeleteBucket", "AbortMultipartUpload"})


@dataclass(frozen=True, slots=True)
class Seen:
    """One value of a row: an amount, a share (`of` is its whole) or a quantile (`stat` says which)."""

    metric: str
    value: float
    of: float | None = None
    stat: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A node of amounts. `fields` are asked beside `dimensions`; the first dimension is the time.

    `one` is the filter that narrows it to one bucket, script or database, "" where there is none. `hidden`:
    it is sampled adaptively and has no field that says how much.
    """

    name: str
    fields: str
    read: Callable[[Body], Iterator[Seen]]
    metrics: tuple[str, ...]
    dimensions: tuple[str, ...] = ("datetimeHour",)
    one: str = ""
    hidden: bool = False
    zone: bool = False


@dataclass(frozen=True, slots=True)
class Gauge:
    """A node of bytes stored: the highest of each day for each `by`, which are added up.

    `part` tells two nodes of one product apart.
    """

    name: str
    fields: tuple[str, ...]
    by: tuple[str, ...] = ()
    one: str = ""
    part: str = ""


def _amount(row: Body, metric: str, *keys: str, scale: float = 1.0) -> Iterator[Seen]:
    value = row.number(*keys)
    if value is not None:
        yield Seen(metric, value * scale)


def _share(row: Body, metric: str, part: tuple[str, ...], whole: tuple[str, ...]) -> Iterator[Seen]:
    value, of = row.number(*part), row.number(*whole)
    if value is not None and of:
        yield Seen(metric, min(value, of), of)


def _stats(row: Body, metric: str, field: str, scale: float, *stats: str) -> Iterator[Seen]:
    for stat in stats:
        value = row.number("quantiles", field + stat.upper())
        if value is not None:
            yield Seen(metric, value * scale, stat=stat)


def _workers(row: Body) -> Iterator[Seen]:
    yield from _amount(row, "requests", "sum", "requests")
    yield from _amount(row, "egress", "sum", "responseBodySize")
    yield from _amount(row, "compute_hours", "sum", "cpuTimeUs", scale=_MICRO / _HOUR)
    yield from _share(row, "error_rate", ("sum", "errors"), ("sum", "requests"))
    yield from _stats(row, "cpu_time", "cpuTime", _MICRO, "p50", "p95", "p99")
    yield from _stats(row, "response_time", "requestDuration", _MICRO, "p50", "p95", "p99")


def _pages(row: Body) -> Iterator[Seen]:
    yield from _amount(row, "requests", "sum", "requests")
    yield from _share(row, "error_rate", ("sum", "errors"), ("sum", "requests"))
    yield from _stats(row, "cpu_time", "cpuTime", _MICRO, "p50", "p99")


def _r2(row: Body) -> Iterator[Seen]:
    count = row.number("sum", "requests")
    if count is not None:
        action = row["dimensions"].text("actionType")
        yield Seen("requests", count)
        if action in CLASS_B:
            yield Seen("class_b_operations", count)
        elif action not in FREE:
            yield Seen("class_a_operations", count)
    yield from _amount(row, "egress", "sum", "responseBytes")


def _d1(row: Body) -> Iterator[Seen]:
    yield from _amount(row, "reads", "sum", "rowsRead")
    yield from _amount(row, "writes", "sum", "rowsWritten")
    yield from _stats(row, "query_time", "queryBatchTimeMs", _MILLI, "p50", "p90")


def _kv(row: Body) -> Iterator[Seen]:
    action = row["dimensions"].text("actionType")
    metric = {"read": "reads", "write": "writes"}.get(action)
    if metric is not None:  # Deletes and lists have quotas of their own, and no metric.
        yield from _amount(row, metric, "sum", "requests")


def _objects(row: Body) -> Iterator[Seen]:
    yield from _amount(row, "requests", "sum", "requests")
    yield from _share(row, "error_rate", ("sum", "errors"), ("sum", "requests"))


def _objects_run(row: Body) -> Iterator[Seen]:
    yield from _amount(row, "gb_hours", "sum", "duration", scale=1 / _HOUR)
    yield from _amount(row, "reads", "sum", "rowsRead")
    yield from _amount(row, "writes", "sum", "rowsWritten")


def _queues(row: Body) -> Iterator[Seen]:
    yield from _amount(row, "operations", "sum", "billableOperations")


def _zone(row: Body) -> Iterator[Seen]:
    yield from _amount(row, "requests", "sum", "requests")
    yield from _amount(row, "egress", "sum", "bytes")
    yield from _share(row, "cache_hit_rate", ("sum", "cachedRequests"), ("sum", "requests"))
    yield from _share(row, "bandwidth_saved", ("sum", "cachedBytes"), ("sum", "bytes"))
    statuses = row.get("sum", "responseStatusMap")
    whole = row.number("sum", "requests")
    if statuses is not None and whole:
        failed = sum(
            one.number("requests") or 0.0
            for one in statuses.each()
            if (one.number("edgeResponseStatus") or 0) >= 500
        )
        yield Seen("error_rate", min(failed, whole), whole)


def _visits(row: Body) -> Iterator[Seen]:
    yield from _amount(row, "events", "count")


_CPU = "cpuTimeP50 cpuTimeP95 cpuTimeP99"
_RUN = "requestDurationP50 requestDurationP95 requestDurationP99"
_TOLD = "avg{sampleInterval}"

USAGE: Mapping[str, tuple[Dataset, ...]] = {
    "r2": (
        Dataset(
            "r2OperationsAdaptiveGroups",
            "sum{requests responseBytes}",
            _r2,
            ("requests", "class_a_operations", "class_b_operations", "egress"),
            ("datetimeHour", "actionType", "storageClass"),
            one="bucketName",
            hidden=True,
        ),
    ),
    "workers": (
        Dataset(
            "workersInvocationsAdaptive",
            f"sum{{requests errors cpuTimeUs responseBodySize}} quantiles{{{_CPU} {_RUN}}} {_TOLD}",
            _workers,
            ("requests", "egress", "compute_hours", "error_rate", "cpu_time", "response_time"),
            one="scriptName",
        ),
    ),
    "pages": (
        Dataset(
            "pagesFunctionsInvocationsAdaptiveGroups",
            f"sum{{requests errors}} quantiles{{cpuTimeP50 cpuTimeP99}} {_TOLD}",
            _pages,
            ("requests", "error_rate", "cpu_time"),
        ),
    ),
    "d1": (
        Dataset(
            "d1AnalyticsAdaptiveGroups",
            f"sum{{rowsRead rowsWritten}} quantiles{{queryBatchTimeMsP50 queryBatchTimeMsP90}} {_TOLD}",
            _d1,
            ("reads", "writes", "query_time"),
            one="databaseId",
        ),
    ),
    "kv": (
        Dataset(
            "kvOperationsAdaptiveGroups",
            f"sum{{requests}} {_TOLD}",
            _kv,
            ("reads", "writes"),
            ("datetimeHour", "actionType"),
            one="namespaceId",
        ),
    ),
    "durable-objects": (
        Dataset(
            "durableObjectsInvocationsAdaptiveGroups",
            f"sum{{requests errors}} {_TOLD}",
            _objects,
            ("requests", "error_rate"),
            one="namespaceId",
        ),
        Dataset(
            "durableObjectsPeriodicGroups",
            "sum{duration rowsRead rowsWritten}",
            _objects_run,
            ("gb_hours", "reads", "writes"),
            one="namespaceId",
        ),
    ),
    "queues": (
        Dataset(
            "queueMessageOperationsAdaptiveGroups",
            f"sum{{billableOperations}} {_TOLD}",
            _queues,
            ("operations",),
            one="queueId",
        ),
    ),
    "cdn": (
        Dataset(
            "httpRequests1dGroups",
            "sum{requests bytes cachedRequests cachedBytes responseStatusMap{edgeResponseStatus requests}} "
            f"{_TOLD}",
            _zone,
            ("requests", "egress", "cache_hit_rate", "bandwidth_saved", "error_rate"),
            ("date",),
            zone=True,
        ),
    ),
    "analytics": (
        Dataset("rumPageloadEventsAdaptiveGroups", f"count {_TOLD}", _visits, ("events",), one="siteTag"),
    ),
}

GAUGES: Mapping[str, tuple[Gauge, ...]] = {
    "r2": (
        Gauge(
            "r2StorageAdaptiveGroups",
            ("payloadSize", "metadataSize"),
            ("bucketName", "storageClass"),
            one="bucketName",
        ),
    ),
    "d1": (Gauge("d1StorageAdaptiveGroups", ("databaseSizeBytes",), ("databaseId",), one="databaseId"),),
    "kv": (Gauge("kvStorageAdaptiveGroups", ("byteCount",), ("namespaceId",), one="namespaceId"),),
    "durable-objects": (
        Gauge(
            "durableObjectsSqlStorageGroups",
            ("storedBytes",),
            ("namespaceId",),
            one="namespaceId",
            part="SQLite",
        ),
        Gauge("durableObjectsStorageGroups", ("storedBytes",), part="key-value"),
    ),
}
