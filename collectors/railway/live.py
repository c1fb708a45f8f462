"""What Railway measures now: levels of services and volumes, and answers by step. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from advisor.core.model import Gap, Limit, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["LOOK_BACK", "STEP", "answers", "first_step", "instances", "metrics"]

SOURCE = "provider API: Railway"
STEP = 300  #: Seconds of a step of answers.
LOOK_BACK = timedelta(minutes=15)  #: How far back the newest live value may lie.
_FIRST = timedelta(hours=6)
_LONGEST = timedelta(days=7)
_GB, _MB = 1e9, 1e6


def metrics(data: Body, wanted: str = "") -> Answer:
    """Give CPU over its limit and memory, the newest value of each service, all its replicas together.

    `wanted` is the one service that is watched, "" for all.
    """
    newest: dict[tuple[str, str], tuple[float, float]] = {}
    for series in data["metrics"].each():
        tag = series.get("tags", "serviceId")
        key = (tag.text() if tag is not None else "", series.text("measurement"))
        if wanted and key[0] not in {wanted, ""}:
            continue
        for sample in series["values"].each():
            at, value = sample.number("ts"), sample.number("value")
            if at is not None and value is not None and at >= newest.get(key, (0.0, 0.0))[0]:
                newest[key] = (at, value)
    readings: list[Reading] = []
    limits: list[tuple[float, float, datetime]] = []
    gaps: list[Gap] = []
    for service in sorted({service for service, _ in newest}):
        cpu, of = (newest.get((service, name)) for name in ("CPU_USAGE", "CPU_LIMIT"))
        if cpu is not None and of is not None and of[1] > 0:
            readings.append(Reading("cpu", cpu[1] / of[1], _moment(cpu[0]), part=service))
        elif cpu is not None:
            why = f"Railway gives no CPU limit of service {service}: use alone is no share of anything"
            gaps.append(Gap("cpu", why, ("cpu",)))
        used, most = (newest.get((service, name)) for name in ("MEMORY_USAGE_GB", "MEMORY_LIMIT_GB"))
        if used is not None:
            readings.append(Reading("memory", used[1] * _GB, _moment(used[0]), part=service))
            if most is not None and most[1] > 0:
                limits.append((used[1], most[1] * _GB, _moment(most[0])))
    if not newest:
        why = "Railway has no live values of the last quarter of an hour: nothing runs, or it sleeps"
        gaps.append(Gap("live metrics", why, ("cpu", "memory")))
    terms = []
    if limits:  # The fullest service is the one that is judged.
        _, available, seen = max(limits)
        terms = [Term("limit", available, SOURCE, seen, "memory", Limit.AVAILABLE)]
    return Answer(readings, terms, gaps)


def instances(services: Sequence[Body], volumes: Sequence[Body], service: str, now: datetime) -> Answer:
    """Count what runs, and give use and size of each volume; of one service where it is named."""
    readings: list[Reading] = []
    gaps: list[Gap] = []
    mine = [one for one in services if not service or one.text("serviceId") == service]
    for one in mine:
        running = sum(
            instance.text("status") == "RUNNING"
            for deployment in one["activeDeployments"].each()
            for instance in deployment["instances"].each()
        )
        readings.append(Reading("instances", float(running), now, part=one.text("serviceId")))
    if service and not mine:
        gaps.append(
            Gap(
                "instances",
                f"the environment has no service {service}; check its id",
                ("instances",),
            )
        )
    size = 0.0
    for volume in volumes:
        owner = volume.get("serviceId")
        if service and (owner is None or owner.text() != service):
            continue
        state = volume.get("state")
        if state is not None and state.text() in {"DELETED", "DELETING"}:
            continue
        used, most = volume.number("currentSizeMB"), volume.number("sizeMB")
        part = volume.text("id")
        if used is not None:
            readings.append(Reading("disk_used", used * _MB, now, part=part))
        if most is not None:
            size += most * _MB
            readings.append(Reading("disk_size", most * _MB, now, part=part))
    terms = [Term("limit", size, SOURCE, now, "disk_used", Limit.QUOTA)] if size else []
    return Answer(readings, terms, gaps)


def first_step(now: datetime, since: datetime | None) -> datetime:
    """Return where to read answers from: before the last poll, since the newest steps are corrected."""
    start = now - _FIRST if since is None else max(since - timedelta(seconds=2 * STEP), now - _LONGEST)
    return _moment(start.timestamp() // STEP * STEP)


def answers(data: Body, now: datetime) -> Answer:
    """Give durations, how many answers and how many of 5xx there were, by step that is over."""
    step = timedelta(seconds=STEP)
    readings: list[Reading] = []
    durations = data.get("httpDurationMetrics", "samples")
    for sample in durations.each() if durations is not None else ():
        start = sample.time("ts")
        if start + step > now:
            continue
        for stat in ("p50", "p90", "p95", "p99"):
            value = sample.number(stat)
            if value is not None and value > 0:  # 0 is what a step without answers says.
                readings.append(Reading("response_time", value / 1000, start + step, start, stat=stat))
    total: dict[datetime, float] = {}
    failed: dict[datetime, float] = {}
    grouped = data.get("httpMetricsGroupedByStatus")
    for group in grouped.each() if grouped is not None else ():
        status = group.number("statusCode")
        for sample in group["samples"].each():
            start, count = sample.time("ts"), sample.number("value")
            if count is None or start + step > now:
                continue
            total[start] = total.get(start, 0.0) + count
            if status is not None and status >= 500:
                failed[start] = failed.get(start, 0.0) + count
    for start, count in sorted(total.items()):
        readings.append(Reading("requests", count, start + step, start))
        if count > 0:
            readings.append(Reading("error_rate", failed.get(start, 0.0), start + step, start, of=count))
    return Answer(readings)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
