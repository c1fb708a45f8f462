"""What Prometheus may scrape, made from a snapshot.

A value that is stale is left out rather than repeated or shown as zero; `advisor_metric_fresh` says so.
"""

import math
import platform
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from advisor import __version__
from advisor.core.judgement import STATES
from advisor.core.snapshot import MetricRow, Snapshot
from advisor.web.health import problems

#: What each exported metric means; the help text and docs/metrics.md say the same.
MEANINGS = {
    "advisor_metric_value": "Current value in the base unit; left out while it is stale.",
    "advisor_metric_limit": "Limit in force in the base unit; left out where it is unlimited or not known.",
    "advisor_metric_used_ratio": "Value over limit; left out while the value is stale.",
    "advisor_metric_fresh": "1 while the newest reading is fresh, 0 when it is stale.",
    "advisor_findings": "Findings by state.",
    "advisor_judgements": "Rules on services by how they could be judged.",
    "advisor_recommendation_info": "1 for each recommendation in force.",
    "advisor_recommendation_difference_usd": "Price difference a month of a recommendation in US dollars.",
    "advisor_recommendation_due_timestamp_seconds": "Date by which to act on a recommendation.",
    "advisor_source_up": "1 if the last poll answered, 0 if it failed; absent before the first poll.",
    "advisor_source_poll_duration_seconds": "Duration of the last poll.",
    "advisor_source_last_success_timestamp_seconds": "When the source last answered.",
    "advisor_outbox_messages": "Messages that wait to be delivered.",
    "advisor_outbox_oldest_age_seconds": "Age of the oldest message that waits, 0 where none does.",
    "advisor_evaluation_duration_seconds": "Duration of the last evaluation of all rules.",
    "advisor_evaluation_timestamp_seconds": "When the rules were last evaluated.",
    "advisor_ready": "1 when every source was polled once and the store works.",
    "advisor_simulated": "1 when the figures are simulated.",
    "advisor_build_info": "1; the labels are the version of the advisor and of Python.",
}

_KINDS = ("judged", "unknown", "not applicable", "question")
_METRIC = ("stack", "service", "account", "provider", "metric", "stat", "unit")

Sample = tuple[tuple[str, ...], float]


def exporter(
    state: Callable[[], Snapshot], now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Callable[[], bytes]:
    """Return a function that writes the text Prometheus scrapes. `state` is asked at each scrape."""
    # Imported where used: commands that never serve do not hold it.
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.registry import Collector

    class FromSnapshot(Collector):
        def describe(self) -> Iterable[GaugeMetricFamily]:
            return ()  # Registering must not ask for a snapshot.

        def collect(self) -> Iterator[GaugeMetricFamily]:
            for name, labels, samples in families(state(), now()):
                family = GaugeMetricFamily(name, MEANINGS[name], labels=labels)
                for values, value in samples:
                    family.add_metric(values, value)
                yield family

    registry = CollectorRegistry(auto_describe=False)
    registry.register(FromSnapshot())
    ProcessCollector(registry=registry)
    return lambda: generate_latest(registry)


def families(snapshot: Snapshot, now: datetime) -> Iterator[tuple[str, tuple[str, ...], list[Sample]]]:
    """Return every family as name, label names and samples. Pure."""
    rows = snapshot.metrics
    limited = (*_METRIC, "limit")
    yield "advisor_metric_value", _METRIC, _unique((_names(row), row.value) for row in rows if row.fresh)
    yield (
        "advisor_metric_limit",
        limited,
        _unique(((*_names(row), row.limit_kind), row.limit) for row in rows if row.limit is not None),
    )
    yield (
        "advisor_metric_used_ratio",
        limited,
        _unique(
            ((*_names(row), row.limit_kind), row.used) for row in rows if row.used is not None and row.fresh
        ),
    )
    yield "advisor_metric_fresh", _METRIC, _unique((_names(row), float(row.fresh)) for row in rows)
    yield from _rules(snapshot)
    yield from _recommendations(snapshot)
    yield from _sources(snapshot)
    yield "advisor_outbox_messages", (), [((), float(snapshot.outbox_depth))]
    oldest = snapshot.outbox_oldest
    age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
    yield "advisor_outbox_oldest_age_seconds", (), [((), age)]
    if snapshot.evaluation_seconds is not None:
        yield "advisor_evaluation_duration_seconds", (), [((), snapshot.evaluation_seconds)]
    if snapshot.evaluated_at is not None:
        yield "advisor_evaluation_timestamp_seconds", (), [((), snapshot.evaluated_at.timestamp())]
    yield "advisor_ready", (), [((), float(not problems(snapshot)))]
    yield "advisor_simulated", (), [((), float(snapshot.simulated))]
    yield "advisor_build_info", ("version", "python"), [((__version__, platform.python_version()), 1.0)]


def _rules(snapshot: Snapshot) -> Iterator[tuple[str, tuple[str, ...], list[Sample]]]:
    states: list[Sample] = [((state,), float(snapshot.findings.get(state, 0))) for state in STATES[1:]]
    yield "advisor_findings", ("state",), states
    kinds: list[Sample] = [((kind,), float(snapshot.judgements.get(kind, 0))) for kind in _KINDS]
    yield "advisor_judgements", ("kind",), kinds


def _recommendations(snapshot: Snapshot) -> Iterator[tuple[str, tuple[str, ...], list[Sample]]]:
    labels = ("stack", "service", "concern", "action", "from_plan", "to_plan", "severity")
    info: list[Sample] = []
    price: list[Sample] = []
    due: list[Sample] = []
    for one in snapshot.concerns:
        advice = one.recommendation
        if advice is None:
            continue
        about = (one.stack, one.service, one.concern)
        how = (advice.action.value, advice.from_plan, advice.to_plan, one.severity.value)
        info.append(((*about, *how), 1.0))
        if advice.difference is not None:
            price.append((about, advice.difference))
        if advice.by is not None:
            due.append((about, advice.by.timestamp()))
    yield "advisor_recommendation_info", labels, _unique(info)
    yield "advisor_recommendation_difference_usd", labels[:3], _unique(price)
    yield "advisor_recommendation_due_timestamp_seconds", labels[:3], _unique(due)


def _sources(snapshot: Snapshot) -> Iterator[tuple[str, tuple[str, ...], list[Sample]]]:
    labels = ("subject", "provider")
    sources = [((source.subject, source.provider), source) for source in snapshot.sources]
    up = ((names, float(source.up)) for names, source in sources if source.up is not None)
    yield "advisor_source_up", labels, _unique(up)
    took = ((names, source.duration) for names, source in sources if source.duration is not None)
    yield "advisor_source_poll_duration_seconds", labels, _unique(took)
    last = ((names, s.last_success.timestamp()) for names, s in sources if s.last_success is not None)
    yield "advisor_source_last_success_timestamp_seconds", labels, _unique(last)


def _names(row: MetricRow) -> tuple[str, ...]:
    return (row.stack, row.service, row.account, row.provider, row.metric, row.stat, row.unit)


def _unique(samples: Iterable[Sample]) -> list[Sample]:
    """Keep one sample a label set, because two make Prometheus refuse the whole scrape."""
    return list({names: (names, value) for names, value in samples if math.isfinite(value)}.values())
