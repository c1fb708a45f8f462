"""The digest: what to do first, what nears its limit, what is not known, what was quiet. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from advisor.core.message import Digest, DigestConcern, DigestCost, DigestLimit, Event
from advisor.core.model import Quality, Severity
from advisor.core.snapshot import MetricRow, Snapshot, SourceRow
from advisor.core.units import show
from advisor.core.wording import counted, day, metric_name, moment

#: A metric is named among the next limits from this used share on, or with any forecast date.
NEAR = 0.5

#: How many lines the parts that only inform may have.
LINES = 10

_ORDER: Mapping[Severity, int] = {severity: rank for rank, severity in enumerate(Severity)}


def build(
    snapshot: Snapshot,
    flips: Sequence[tuple[datetime, Event]],
    since: datetime,
    until: datetime,
    *,
    cadence: str,
    timezone: str,
) -> Digest:
    """Return the report of the time from `since` to `until`.

    `flips` are the transitions of findings with their time; only those within the time count. `cadence`
    is "daily" or "weekly"; `timezone` the IANA zone in which dates are written.
    """
    firing = [concern for concern in snapshot.concerns if concern.state.startswith("firing")]
    resolved = [concern for concern in snapshot.resolved if since <= concern.since <= until]
    return Digest(
        cadence=cadence,
        since=since,
        until=until,
        timezone=timezone,
        concerns=tuple(sorted(firing, key=lambda concern: urgency(concern, until))),
        resolved=tuple(sorted(resolved, key=lambda concern: concern.since)),
        limits=next_limits(snapshot.metrics, timezone),
        down=snapshot.down[:LINES] if cadence == "weekly" else (),
        unknown=tuple(_unknown(snapshot)),
        sources=tuple(_sources(snapshot.sources, timezone)),
        counts=_counts(snapshot, flips, since, until),
        monthly_cost=_cost(snapshot),
        costs=_dearest(snapshot.costs),
        simulated=snapshot.simulated,
    )


def urgency(concern: DigestConcern, now: datetime) -> tuple[bool, bool, datetime, int, float, str, str]:
    """Return the order of things to do: what nobody looks after, by date, severity and money.

    What is critical and has no date is due now.
    """
    advice = concern.recommendation
    by = advice.by if advice else None
    dated = by is not None or concern.severity is Severity.CRITICAL
    cost = abs(advice.difference or 0.0) if advice else 0.0
    return (
        concern.waits,
        not dated,
        by or now,
        _ORDER[concern.severity],
        -cost,
        concern.stack,
        concern.service,
    )


def next_limits(rows: Iterable[MetricRow], timezone: str = "UTC") -> tuple[DigestLimit, ...]:
    """Return the metrics that near their limits: those with a date first, then by used share."""
    near = [
        row
        for row in rows
        if row.used is not None and row.limit is not None and (row.used >= NEAR or row.full_at)
    ]
    near.sort(key=lambda row: (row.full_at is None, row.full_at or row.at, -(row.used or 0.0), row.stack))
    return tuple(
        DigestLimit(
            stack=row.stack or f"@{row.account}",
            service=row.service,
            metric=metric_name(row.metric, row.stat),
            value=show(row.value, row.unit),
            limit=show(row.limit or 0.0, row.unit),
            used=row.used or 0.0,
            limit_source=row.limit_source,
            when=day(row.full_at, timezone) if row.full_at else "",
            quality=Quality(row.quality),
            stale=not row.fresh,
        )
        for row in near[:LINES]
    )


def _unknown(snapshot: Snapshot) -> Iterable[str]:
    """Gather what is not known by its cause: ten rules without one reading are one line."""
    causes: dict[tuple[str, str], int] = {}
    for _, subject, why in snapshot.unknown:
        causes[subject, why] = causes.get((subject, why), 0) + 1
    most = sorted(causes.items(), key=lambda cause: -cause[1])
    for (subject, why), rules in most[:LINES]:
        yield f"{subject}: {why} ({counted(rules, 'rule')})"
    if len(most) > LINES:
        yield f"and {counted(len(most) - LINES, 'more cause')}"


def _sources(sources: Sequence[SourceRow], timezone: str) -> Iterable[str]:
    """Name the sources that are silent, then what the others cannot see."""
    for source in sources:
        name = f"{source.subject} ({source.provider})"
        if source.up is None:
            yield f"{name}: not polled yet"
        elif not source.up:
            last = moment(source.last_success, timezone) if source.last_success else ""
            said = f"silent since {last}" if last else "has never answered"
            yield f"{name}: {said}{f': {source.error}' if source.error else ''}"
    for source in sources:
        for gap in source.gaps:
            yield f"{source.subject} ({source.provider}): {gap}"


def _counts(
    snapshot: Snapshot, flips: Sequence[tuple[datetime, Event]], since: datetime, until: datetime
) -> dict[str, int]:
    within = [event for at, event in flips if since <= at <= until]
    return {
        **snapshot.judgements,
        **{state: snapshot.findings.get(state, 0) for state in ("firing", "pending")},
        "fired": within.count(Event.FIRED),
        "resolved": within.count(Event.RESOLVED) + within.count(Event.NEW_PERIOD),
        "acknowledged": sum(bool(concern.acknowledged) for concern in snapshot.concerns),
        "sources": len(snapshot.sources),
        "silent": sum(source.up is False for source in snapshot.sources),
    }


def _dearest(costs: Sequence[DigestCost]) -> tuple[DigestCost, ...]:
    return tuple(sorted(costs, key=lambda one: (-one.expected, one.stack))[:LINES])


def _cost(snapshot: Snapshot) -> float | None:
    """Return what the stacks cost a month by its end; a stack's own figure stands for its services' sum."""
    if snapshot.costs:
        return round(sum(cost.expected for cost in snapshot.costs), 2)
    whole: dict[str, float] = {}
    parts: dict[str, float] = {}
    for row in snapshot.metrics:
        if row.metric != "cost" or not row.fresh:
            continue
        if row.service:
            parts[row.stack] = parts.get(row.stack, 0.0) + row.value
        else:
            whole[row.stack] = row.value
    costs = {**parts, **whole}
    return sum(costs.values()) if costs else None
