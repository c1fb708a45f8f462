"""What is foreseen of a service before any rule fires: when its limits are met, what could go down. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from advisor.core.advise import down
from advisor.core.catalogue import Catalogue, Scope
from advisor.core.demand import Binding, Histories, usage
from advisor.core.fleet import Fleet, Service
from advisor.core.limits import Limits
from advisor.core.message import Could, Recommendation
from advisor.core.snapshot import MetricRow

#: What the concern of a service that could go down ends in, after the service's key.
DOWN = "#down"

Date = tuple[float, datetime]  #: A limit's value, and when it is met.


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was foreseen of a service `at` a time: dates by (subject, metric), and the plan to go down to."""

    at: datetime
    dates: Mapping[tuple[str, str], Sequence[Date]]
    down: Recommendation | None = None


def ahead(
    service: Service,
    *,
    fleet: Fleet,
    limits: Limits,
    catalogue: Catalogue,
    histories: Histories,
    now: datetime,
) -> Ahead:
    """Return what is foreseen of a service from its histories, and its account's."""
    used = usage(service, catalogue.offers.get(service.provider), fleet, limits, histories, now)
    dates: dict[tuple[str, str], list[Date]] = {}
    for binding in used.bindings:
        if binding.limit.value is not None and binding.forecast.when is not None:
            for subject in _subjects(service, binding):
                found = dates.setdefault((subject, binding.metric), [])
                found.append((binding.limit.value, binding.forecast.when))
    cheaper = down(service, fleet=fleet, limits=limits, catalogue=catalogue, histories=histories, now=now)
    return Ahead(now, dates, cheaper)


def _subjects(service: Service, binding: Binding) -> tuple[str, ...]:
    wide = binding.limit.scope == Scope.ACCOUNT
    return (service.subject.key, f"@{service.account}") if wide else (service.subject.key,)


def dated(rows: Iterable[MetricRow], foreseen: Iterable[Ahead]) -> tuple[MetricRow, ...]:
    """Return the rows with the date on which each limit is met, where it is foreseen."""
    dates: dict[tuple[str, str], list[Date]] = {}
    for one in foreseen:
        for key, found in one.dates.items():
            dates.setdefault(key, []).extend(found)
    return tuple(replace(row, full_at=full) if (full := _full(row, dates)) else row for row in rows)


def _full(row: MetricRow, dates: Mapping[tuple[str, str], Sequence[Date]]) -> datetime | None:
    if row.limit is None or row.stat:
        return None
    subject = f"{row.stack}/{row.service}" if row.service else row.stack or f"@{row.account}"
    same = [
        when for limit, when in dates.get((subject, row.metric), ()) if abs(limit - row.limit) <= 1e-6 * limit
    ]
    return min(same, default=None)


def could_go_down(
    foreseen: Mapping[str, Ahead],
    fleet: Fleet,
    quiet: Iterable[str] = (),
    answers: Mapping[str, str] | None = None,
) -> tuple[Could, ...]:
    """Return the services that could go down, the largest saving first.

    `foreseen` is by service's key; of the concerns in `quiet` a person wants to hear nothing now; `answers`
    are what people answered, in words, by concern.
    """
    silent = set(quiet)
    found = [
        Could(
            concern=f"{key}{DOWN}",
            stack=fleet.service[key].stack,
            service=fleet.service[key].key,
            recommendation=one.down,
            answer=(answers or {}).get(f"{key}{DOWN}", ""),
        )
        for key, one in foreseen.items()
        if one.down is not None and key in fleet.service and f"{key}{DOWN}" not in silent
    ]
    return tuple(sorted(found, key=lambda one: (one.recommendation.difference or 0.0, one.concern)))
