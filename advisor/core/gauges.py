"""Every current value beside its limit, judged as the rules would judge it.

The sentences below are never told to anybody: they ask the evaluator for the value that counts against
each limit, so that a page shows the sum of the account, or the billing month so far, as a rule sees it.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache

from advisor.core.columns import QUALITIES, Columns
from advisor.core.concerns import deciding
from advisor.core.fleet import Fleet
from advisor.core.judgement import NOT_APPLICABLE, Judged
from advisor.core.language import parse
from advisor.core.limits import Limits, used
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Action, Limit, Severity, Subject
from advisor.core.rule import Rule
from advisor.core.snapshot import MetricRow


def _gauge(name: str, sentence: str, service: str = "any") -> Rule:
    return Rule(f"gauge.{name}", parse(sentence), (Action.INVESTIGATE,), Severity.INFO, "", service=service)


@cache
def gauges() -> tuple[Rule, ...]:
    """Return the sentences that ask for each value beside its limit, parsed at the first call."""
    return (
        _gauge("quota", "any metric > 100% of quota"),
        _gauge("connections", "connections > 100% of max"),
        _gauge("memory", "memory > 100% of available"),
        _gauge("transaction-ids", "transaction_id_age > 100% of max"),
        _gauge("budget", "cost per month > 100% of budget", ""),
    )


Key = tuple[str, str, str]


def metric_rows(
    fleet: Fleet, columns: Columns, judged: Sequence[Judged], limits: Limits, now: datetime
) -> tuple[MetricRow, ...]:
    """Return a row for every value that is known, those with a limit judged against it."""
    rows = {(row.subject, row.metric, row.stat): row for row in _newest(fleet, columns, now)}
    found: dict[Key, MetricRow] = {key: row.shown for key, row in rows.items()}
    for one in judged:
        metric, limit = deciding(one.rule, one.copy)
        for place, index in enumerate(one.rows.tolist()):
            key = (fleet.subjects[index], metric, "")
            plain = found.get(key)
            if plain is None or int(one.verdict[place]) == NOT_APPLICABLE or plain.limit is not None:
                continue
            found[key] = _beside(plain, one, place, limit, limits, fleet.subjects[index], now)
    return tuple(found[key] for key in sorted(found))


def _beside(
    plain: MetricRow, judged: Judged, place: int, limit: Limit, limits: Limits, subject: str, now: datetime
) -> MetricRow:
    value, most = float(judged.value[place]), float(judged.limit[place])
    known = limits.find(subject, plain.metric, limit, now)
    if math.isnan(value) or (math.isnan(most) and known is None):
        return plain
    unlimited = known is not None and known.value is None
    bound = None if math.isnan(most) or math.isinf(most) else most
    term = next((t for t in judged.explain(place) if t.limit_source), None)
    return MetricRow(
        plain.stack,
        plain.service,
        plain.account,
        plain.provider,
        plain.metric,
        plain.unit,
        value,
        plain.at,
        plain.stat,
        bound,
        unlimited and bound is None,
        limit.value,
        term.limit_source if term else known.source if known else "",
        used(value, bound),
        plain.quality,
        plain.fresh,
    )


class _Newest:
    """A newest value, with the key it is found by."""

    def __init__(self, subject: str, metric: str, stat: str, shown: MetricRow) -> None:
        self.subject = subject
        self.metric = metric
        self.stat = stat
        self.shown = shown


def _newest(fleet: Fleet, columns: Columns, now: datetime) -> Iterator[_Newest]:
    at = now.timestamp()
    for (name, stat), series in columns.series.items():
        metric = VOCABULARY.get(name)
        if metric is None:
            continue
        for row in (~(series.time != series.time)).nonzero()[0].tolist():
            key = fleet.subjects[row]
            subject = Subject.parse(key)
            service = fleet.service.get(key)
            account = fleet.account.get(service.account if service else subject.account)
            value, seen = float(series.value[row]), float(series.time[row])
            whole = math.nan if series.of is None else float(series.of[row])
            if not math.isnan(whole):
                if whole <= 0:
                    continue
                value /= whole
            fact = math.isinf(seen)
            yield _Newest(
                key,
                name,
                stat,
                MetricRow(
                    subject.stack,
                    subject.service,
                    account.key if account else "",
                    service.provider if service else account.provider if account else "",
                    name,
                    metric.unit.value,
                    value,
                    now if fact else datetime.fromtimestamp(seen, UTC),
                    stat,
                    quality=QUALITIES[int(series.quality[row])].value,
                    fresh=fact or at - seen <= float(series.fresh[row]),
                ),
            )
