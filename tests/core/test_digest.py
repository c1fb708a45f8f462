from datetime import UTC, datetime, timedelta

from advisor.core.digest import build
from advisor.core.message import Digest, DigestConcern, Event, Recommendation
from advisor.core.model import Action, Severity
from advisor.core.snapshot import MetricRow, Snapshot, SourceRow

NOW = datetime(2026, 11, 9, 9, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


def a_concern(name: str, *, severity: Severity = Severity.WARNING, state: str = "firing", **advice: object):
    recommendation = None
    if "by" in advice or "difference" in advice:
        recommendation = Recommendation.model_validate(
            {"action": Action.UPGRADE, "headline": "Upgrade", **advice}
        )
    return DigestConcern(
        concern=name,
        stack="shop",
        service="database",
        title=name,
        severity=severity,
        state=state,
        since=NOW - timedelta(days=1),
        recommendation=recommendation,
    )


def a_row(metric: str = "storage", **changes: object) -> MetricRow:
    fields: dict[str, object] = {
        "stack": "shop",
        "service": "database",
        "account": "acme",
        "provider": "supabase",
        "metric": metric,
        "unit": "bytes",
        "value": 401e6,
        "at": NOW,
        "limit": 500e6,
        "limit_source": "app-virgin",
        "used": 0.802,
    }
    return MetricRow(**(fields | changes))  # type: ignore[arg-type]  # The fields above fit.


def digest_of(snapshot: Snapshot, flips: tuple[tuple[datetime, Event], ...] = ()) -> Digest:
    return build(snapshot, flips, NOW - WEEK, NOW, cadence="weekly", timezone="Europe/Lisbon")


def test_things_to_do_are_in_the_order_of_date_then_severity_then_money():
    soon, later = NOW + timedelta(days=3), NOW + timedelta(days=30)
    concerns = (
        a_concern("undated"),
        a_concern("later and dear", by=later, difference=100),
        a_concern("later and cheap", by=later, difference=5),
        a_concern("soon", by=soon, difference=1),
        a_concern("later but critical", by=later, severity=Severity.CRITICAL),
        a_concern("in force now", severity=Severity.CRITICAL),
    )
    digest = digest_of(Snapshot(NOW, concerns=concerns))
    assert [concern.title for concern in digest.concerns] == [
        "in force now",
        "soon",
        "later but critical",
        "later and dear",
        "later and cheap",
        "undated",
    ]


def test_what_somebody_acknowledged_comes_last_and_is_counted():
    seen = a_concern("seen", severity=Severity.CRITICAL).model_copy(update={"acknowledged": "by ana"})
    digest = digest_of(Snapshot(NOW, concerns=(seen, a_concern("new"))))
    assert [concern.title for concern in digest.concerns] == ["new", "seen"]
    assert digest.counts["acknowledged"] == 1


def test_pending_concerns_are_counted_but_nothing_to_do():
    snapshot = Snapshot(NOW, concerns=(a_concern("waits", state="pending"),), findings={"pending": 1})
    digest = digest_of(snapshot)
    assert digest.concerns == ()
    assert digest.counts["pending"] == 1


def test_firing_on_stale_data_is_still_to_do():
    digest = digest_of(Snapshot(NOW, concerns=(a_concern("old", state="firing (stale)"),)))
    assert [concern.state for concern in digest.concerns] == ["firing (stale)"]


def test_only_what_resolved_within_the_time_is_told():
    old = a_concern("old").model_copy(update={"since": NOW - timedelta(days=8)})
    digest = digest_of(Snapshot(NOW, resolved=(old, a_concern("fresh", state="resolved"))))
    assert [concern.title for concern in digest.resolved] == ["fresh"]


def test_next_limits_come_by_date_then_by_share():
    rows = (
        a_row("connections", unit="count", value=60, limit=100, used=0.6),
        a_row("egress", used=0.9),
        a_row("storage", used=0.3, full_at=NOW + timedelta(days=12)),
        a_row("logs", used=0.1),
        a_row("emails", used=None, limit=None),
    )
    digest = digest_of(Snapshot(NOW, metrics=rows))
    assert [limit.metric for limit in digest.limits] == ["storage", "egress", "connections"]
    assert digest.limits[0].when == "21 Nov 2026"
    assert (digest.limits[2].value, digest.limits[2].limit) == ("60", "100")


def test_a_stale_or_estimated_figure_keeps_its_mark():
    digest = digest_of(Snapshot(NOW, metrics=(a_row(fresh=False, quality="estimated"),)))
    (limit,) = digest.limits
    assert limit.stale
    assert limit.quality == "estimated"


def test_what_is_not_known_is_gathered_by_its_cause():
    unknown = (
        *((f"rule-{n}", "shop/search", "no reading of records") for n in range(3)),
        ("rule-9", "shop", "no reading of users"),
    )
    assert digest_of(Snapshot(NOW, unknown=unknown)).unknown == (
        "shop/search: no reading of records (3 rules)",
        "shop: no reading of users (1 rule)",
    )


def test_many_causes_are_cut_and_counted():
    unknown = tuple((f"rule-{n}", f"stack-{n}", "no reading") for n in range(30))
    lines = digest_of(Snapshot(NOW, unknown=unknown)).unknown
    assert len(lines) == 11
    assert lines[-1] == "and 20 more causes"


def test_silent_sources_are_named_with_time_and_reason_and_gaps_follow():
    sources = (
        SourceRow("shop/backend", "fly", 60, up=True, gaps=("cannot see memory",)),
        SourceRow("shop/database", "postgresql", 60, up=False, last_success=NOW, error="wrong password"),
        SourceRow("shop/email", "resend", 60, up=False),
        SourceRow("shop/errors", "sentry", 60),
    )
    digest = digest_of(Snapshot(NOW, sources=sources))
    assert digest.sources == (
        "shop/database (postgresql): silent since 9 Nov 2026 09:00 WET: wrong password",
        "shop/email (resend): has never answered",
        "shop/errors (sentry): not polled yet",
        "shop/backend (fly): cannot see memory",
    )
    assert (digest.counts["sources"], digest.counts["silent"]) == (4, 2)


def test_only_transitions_within_the_time_are_counted():
    flips = (
        (NOW - timedelta(days=9), Event.FIRED),
        (NOW - timedelta(days=2), Event.FIRED),
        (NOW - timedelta(days=1), Event.RESOLVED),
        (NOW - timedelta(hours=1), Event.NEW_PERIOD),
    )
    counts = digest_of(Snapshot(NOW), flips).counts
    assert (counts["fired"], counts["resolved"]) == (1, 2)


def test_a_stacks_own_cost_stands_for_its_services():
    rows = (
        a_row("cost", service="", unit="USD", value=40),
        a_row("cost", service="database", unit="USD", value=25),
        a_row("cost", stack="blog", service="database", unit="USD", value=5),
        a_row("cost", stack="old", unit="USD", value=99, fresh=False),
    )
    assert digest_of(Snapshot(NOW, metrics=rows)).monthly_cost == 45


def test_cost_that_nobody_measures_is_not_zero():
    assert digest_of(Snapshot(NOW)).monthly_cost is None
