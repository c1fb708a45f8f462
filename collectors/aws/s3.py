"""S3: bytes by bucket and class, once a day; requests where a bucket counts them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from advisor.collectors._pieces import Piece, together
from advisor.collectors.aws.ask import Api
from advisor.collectors.aws.cloudwatch import Found, Series, listed, series, window
from advisor.core.model import Gap, Quality, Reading, Term
from advisor.polling.contract import Answer, Poll

__all__ = ["s3"]

_SOURCE = "provider API: Amazon CloudWatch"
_DAY = 86_400
_FIRST, _SETTLE = timedelta(days=30), timedelta(days=3)
_LATE, _STILL = timedelta(days=2), timedelta(days=3)  # A daily figure comes up to two days late.
_HOURS_BACK, _HOURS_SETTLE = timedelta(days=2), timedelta(hours=1)
_LIST_AGAIN = _DAY

#: Counters of requests, and the metrics they count for. PUT, COPY, POST and LIST are the dear ones.
_REQUESTS = {
    "AllRequests": "requests",
    "PutRequests": "class_a_operations",
    "PostRequests": "class_a_operations",
    "ListRequests": "class_a_operations",
    "GetRequests": "class_b_operations",
    "HeadRequests": "class_b_operations",
    "SelectRequests": "class_b_operations",
    "BytesDownloaded": "egress",
}
_ERRORS = ("4xxErrors", "5xxErrors")


async def s3(api: Api, buckets: Sequence[str]) -> Answer:
    """Return what buckets hold and, where they count them, their requests.

    Raises:
        CollectError: CloudWatch cannot be reached or refuses, and nothing was measured.
    """
    pieces = [
        Piece(f"bucket {name}", partial(_bucket, api, name), ("storage", "requests"), _kept(api.poll, name))
        for name in buckets
    ]
    answer = await together(pieces)
    return Answer(
        answer.readings,
        [Term("plan", "payg", _SOURCE, api.poll.now)],
        answer.gaps,
        answer.keep,
        _evidence(answer.evidence),
    )


def _evidence(found: Mapping[str, Sequence[Mapping[str, str]]]) -> Mapping[str, Sequence[Mapping[str, str]]]:
    rows = [row for rows in found.values() for row in rows]
    return {"Buckets": rows} if rows else {}


def _kept(poll: Poll, bucket: str) -> Mapping[str, object]:
    kept = poll.previous.get(bucket)
    return {bucket: kept} if isinstance(kept, dict) else {}


async def _bucket(api: Api, bucket: str) -> Answer:
    gaps: list[Gap] = []
    kept = api.poll.previous.get(bucket)
    if not isinstance(kept, dict) or api.poll.now.timestamp() - kept["at"] >= _LIST_AGAIN:
        metrics, whole = await listed(api, "AWS/S3", ("BucketName", bucket))
        kept = {
            "types": sorted({m["StorageType"] for m in metrics if m["MetricName"] == "BucketSizeBytes"}),
            "filters": sorted({m["FilterId"] for m in metrics if "FilterId" in m}),
            "at": api.poll.now.timestamp(),
        }
        if not whole:
            gaps.append(
                Gap(bucket, f"CloudWatch lists more metrics of `{bucket}` than are read", ("storage",))
            )
    readings, rows = await _stored(api, bucket, kept["types"], gaps)
    readings += await _asked(api, bucket, kept["filters"], gaps)
    # Nothing listed may mean a new bucket: it is looked at again by the next poll.
    keep = {bucket: kept} if kept["types"] else {}
    return Answer(readings, (), gaps, keep, {bucket: rows} if rows else {})


def _daily(bucket: str, name: str, kind: str) -> Series:
    return Series("AWS/S3", name, (("BucketName", bucket), ("StorageType", kind)), "Average", _DAY)


async def _stored(
    api: Api, bucket: str, types: Sequence[str], gaps: list[Gap]
) -> tuple[list[Reading], list[Mapping[str, str]]]:
    """Return the bytes of a bucket, all classes together, day by day, and the newest once more as of now."""
    if not types:
        why = (
            f"CloudWatch has no sizes of `{bucket}`, which is not zero: check name and `region`; "
            "a new one takes two days"
        )
        gaps.append(Gap(bucket, why, ("storage",)))
        return [], []
    now = api.poll.now
    sizes = {kind: _daily(bucket, "BucketSizeBytes", kind) for kind in types}
    objects = _daily(bucket, "NumberOfObjects", "AllStorageTypes")
    start = window(api.poll.since, now, _FIRST, _SETTLE, _DAY)
    found = await series(api, [*sizes.values(), objects], start, open_too=True)
    gaps += found.gaps
    days = _days(found)
    readings = [Reading("storage", value, min(end, now), part=bucket) for end, value in days if end < now]
    if not days or now - days[-1][0] > _STILL:
        gaps.append(Gap(bucket, f"CloudWatch has no size of `{bucket}` of the last days", ("storage",)))
    else:
        # Its figure of the last day is the newest that there is, up to two days old.
        readings.append(Reading("storage", days[-1][1], now, part=bucket, quality=Quality.ESTIMATED))
    rows: list[Mapping[str, str]] = []
    for kind, one in sizes.items():
        if (point := found.newest(one)) is not None:
            rows.append({"what": f"{bucket} {kind}", "value": f"{point[2]:.0f} bytes"})
    if (point := found.newest(objects)) is not None:
        rows.append({"what": f"{bucket} objects", "value": f"{point[2]:.0f}"})
    return readings, rows


def _days(found: Found) -> list[tuple[datetime, float]]:
    """Return the bytes by end of day, of all classes.

    A class without a point keeps its last for two days, as late as one may be; then it is empty.
    """
    classes = [points for one, points in found.points.items() if one.name == "BucketSizeBytes"]
    days = []
    for day in sorted({end for points in classes for _, end, _ in points}):
        total = 0.0
        for points in classes:
            last = max((point for point in points if day - _LATE <= point[1] <= day), default=None)
            total += last[2] if last is not None else 0.0
        days.append((day, total))
    return days


async def _asked(api: Api, bucket: str, filters: Sequence[str], gaps: list[Gap]) -> list[Reading]:
    """Return requests by hour; only a bucket with a metrics configuration counts them.

    Of several configurations the one for the whole bucket counts, as AWS' console calls it; others overlap.
    """
    if not filters:
        why = f"`{bucket}` does not count requests: that is a metrics configuration of S3, which costs money"
        gaps.append(
            Gap(f"requests of {bucket}", why, ("requests", "class_a_operations", "egress", "error_rate"))
        )
        return []
    chosen = "EntireBucket" if "EntireBucket" in filters else filters[0]

    def one(name: str, stat: str = "Sum") -> Series:
        return Series("AWS/S3", name, (("BucketName", bucket), ("FilterId", chosen)), stat, 3600)

    latency = one("TotalRequestLatency", "p95")
    start = window(api.poll.since, api.poll.now, _HOURS_BACK, _HOURS_SETTLE, 3600)
    wanted = [*(one(name) for name in (*_REQUESTS, *_ERRORS)), latency]
    found = await series(api, wanted, start, open_too=True)
    gaps += found.gaps
    sums: dict[tuple[str, datetime, datetime], float] = {}
    for name, metric in _REQUESTS.items():
        for at, end, value in found.points.get(one(name), ()):
            sums[metric, at, end] = sums.get((metric, at, end), 0.0) + value
    # S3 calls these counts best effort: not every request is in them.
    readings = [
        Reading(metric, value, end, at, bucket, quality=Quality.ESTIMATED)
        for (metric, at, end), value in sums.items()
    ]
    failed: dict[tuple[datetime, datetime], float] = {}
    for name in _ERRORS:
        for at, end, value in found.points.get(one(name), ()):
            failed[at, end] = failed.get((at, end), 0.0) + value
    for at, end, value in found.points.get(one("AllRequests"), ()):
        if value > 0 and (at, end) in failed:
            part = min(failed[at, end], value)
            readings.append(Reading("error_rate", part, end, at, bucket, of=value, quality=Quality.ESTIMATED))
    for at, end, value in found.points.get(latency, ()):
        readings.append(Reading("response_time", value / 1000, end, at, bucket, "p95"))
    return readings
