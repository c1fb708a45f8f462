"""The account, its dollars, load balancers and managed databases. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from advisor.collectors._days import utc_month
from advisor.collectors.digitalocean.matrix import Series
from advisor.core.model import Gap, Limit, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["RESPONSE_TIMES", "account", "answers", "balance", "database", "durations", "quarters"]

SOURCE = "provider API: DigitalOcean"
_MIB = 2**20
_QUARTER = timedelta(minutes=15)
_HOLE = timedelta(minutes=30)
RESPONSE_TIMES: Mapping[str, str] = {
    "droplets_http_response_time_avg": "avg",
    "droplets_http_response_time_50p": "p50",
    "droplets_http_response_time_95p": "p95",
    "droplets_http_response_time_99p": "p99",
}


def account(found: Body, now: datetime, *, limits: bool) -> Answer:
    """Give whether the account is locked, and how many Droplets it may have."""
    readings = [Reading("restricted", float(found.text("status") == "locked"), now)]
    most = found.number("droplet_limit") if limits else None
    terms = [Term("limit", most, SOURCE, now, "instances", Limit.QUOTA)] if most is not None else []
    return Answer(readings, terms)


def balance(body: Body, last: Mapping[str, Any] | None) -> Answer:
    """Turn the UTC month's dollars so far into what was added since the balance before."""
    used, at = body.number("month_to_date_usage"), body.time("generated_at")
    if used is None:
        why = "DigitalOcean's balance has no usage of the month, which is not zero"
        return Answer(gaps=[Gap("balance", why, ("cost",))])
    begun = utc_month(at)
    since, before = begun, 0.0
    if last is not None and last["at"] >= begun.timestamp():
        since, before = datetime.fromtimestamp(last["at"], UTC), last["used"]
    if since >= at:
        return Answer(keep={"balance": last} if last is not None else {})
    return Answer(
        [Reading("cost", used - before, at, since)], keep={"balance": {"at": at.timestamp(), "used": used}}
    )


def durations(found: Sequence[Series], stat: str) -> Answer:
    """Give one number of response times, in seconds as they come."""
    readings = [
        Reading("response_time", value, at, stat=stat)
        for one in found
        for at, value in one.points
        if value >= 0
    ]
    if readings:
        return Answer(readings)
    return Answer(
        gaps=[Gap(stat, "DigitalOcean has no response times of the load balancer", ("response_time",))]
    )


def quarters(now: datetime, covered: float | None) -> tuple[datetime, datetime]:
    """Return from where to where answers are read: whole quarters of an hour, the newest known once more."""
    until = datetime.fromtimestamp(now.timestamp() // 900 * 900, UTC)
    since = until - timedelta(hours=6) if covered is None else datetime.fromtimestamp(covered, UTC) - _QUARTER
    return max(since, until - timedelta(days=7)), until


def answers(found: Sequence[Series], since: datetime, until: datetime) -> Answer:
    """Give answers and failures by quarter of an hour: rates a second, added up and therefore estimated."""
    total: dict[datetime, float] = {}
    failed: dict[datetime, float] = {}
    classes = [_class(one) for one in found]
    for one, digit in zip(found, classes, strict=True):
        for (earlier, _), (at, rate) in pairwise(one.points):
            start = datetime.fromtimestamp((at.timestamp() - 1e-3) // 900 * 900, UTC)
            if at - earlier > _HOLE or not since <= start < until:
                continue
            count = rate * (at - earlier).total_seconds()
            total[start] = total.get(start, 0.0) + count
            failed[start] = failed.get(start, 0.0) + (count if digit == "5" else 0.0)
    readings = [
        Reading("requests", count, start + _QUARTER, start, quality=Quality.ESTIMATED)
        for start, count in sorted(total.items())
    ]
    gaps: list[Gap] = []
    if not all(classes):
        why = "DigitalOcean's answer does not tell the classes of answers apart"
        gaps.append(Gap("error_rate", why, ("error_rate",)))
    else:
        readings += [
            Reading("error_rate", failed[start], start + _QUARTER, start, of=count, quality=Quality.ESTIMATED)
            for start, count in sorted(total.items())
            if count > 0
        ]
    if not found:
        why = "DigitalOcean has no answers of the load balancer; did any pass it?"
        gaps.append(Gap("answers", why, ("requests", "error_rate")))
    return Answer(readings, gaps=gaps)


def _class(one: Series) -> str:
    """Return the first digit of the status or class (`5xx`, `502`) that a label names."""
    for value in one.labels.values():
        if len(value) == 3 and value[0] in "12345" and (value[1:] == "xx" or value[1:].isdigit()):
            return value[0]
    return ""


def database(cluster: Body, used: Mapping[str, Sequence[Series]], now: datetime) -> Answer:
    """Give the disk's size, and of MySQL CPU, disk and connections. Passwords in the answer are not read."""
    readings: list[Reading] = []
    terms: list[Term] = []
    gaps: list[Gap] = []
    mib = cluster.number("storage_size_mib")
    size = mib * _MIB if mib is not None else None
    if size is not None:
        readings.append(Reading("disk_size", size, now))
        terms.append(Term("limit", size, SOURCE, now, "disk_used", Limit.QUOTA))
    engine = cluster.text("engine")
    if engine != "mysql":
        way = "a `postgresql` block with its connection string" if "pg" in engine else "a `prometheus` block"
        why = f"DigitalOcean's REST API measures MySQL alone, not `{engine}`: add {way}"
        gaps.append(Gap("database", why, ("cpu", "disk_used", "connections")))
        return Answer(readings, terms, gaps)
    newest = {name: max((one.points[-1] for one in found), default=None) for name, found in used.items()}
    if (cpu := newest.get("cpu_usage")) is not None:
        readings.append(Reading("cpu", cpu[1] / 100, cpu[0]))
    if (disk := newest.get("disk_usage")) is not None and size is not None:
        readings.append(Reading("disk_used", disk[1] / 100 * size, disk[0], quality=Quality.ESTIMATED))
    if (threads := newest.get("threads_connected")) is not None:
        readings.append(Reading("connections", threads[1], threads[0]))
    missing = [name for name, value in newest.items() if value is None]
    if missing:
        gaps.append(Gap("database", f"DigitalOcean has no {', '.join(missing)} of the cluster now"))
    return Answer(readings, terms, gaps)
