from datetime import UTC, datetime, timedelta

import pytest

from advisor.core.digest import build
from advisor.core.message import Digest, DigestConcern, Evidence, Recommendation
from advisor.core.model import Action, Quality, Severity
from advisor.core.snapshot import MetricRow, Snapshot, SourceRow

NOW = datetime(2026, 11, 9, 9, 0, tzinfo=UTC)


def a_row(service: str, provider: str, metric: str, unit: str, value: float, **more: object) -> MetricRow:
    fields: dict[str, object] = {
        "stack": "shop",
        "service": service,
        "account": f"acme-{provider}",
        "provider": provider,
        "metric": metric,
        "unit": unit,
        "value": value,
        "at": NOW,
    }
    limit = more.get("limit")
    if isinstance(limit, int | float):
        fields |= {
            "used": value / limit,
            "limit_kind": "quota",
            "limit_source": "catalogue, verified 2026-10-01",
        }
    return MetricRow(**(fields | more))  # type: ignore[arg-type]  # The fields above fit.


@pytest.fixture
def snapshot() -> Snapshot:
    evidence = Evidence(
        rule="app-virgin.supabase.storage-upgrade",
        says="The free database is four fifths full.",
        sentence="storage > 400MB",
        value="481 MB",
        threshold="400 MB",
        limit="500 MB",
        limit_source="app-virgin",
        document="app-virgin line 294",
    )
    storage = DigestConcern(
        concern="shop/database storage quota",
        stack="shop",
        service="database",
        title="Storage is at 96% of the free plan",
        severity=Severity.CRITICAL,
        state="firing",
        since=NOW - timedelta(hours=5),
        evidence=(evidence,),
        recommendation=Recommendation(
            action=Action.UPGRADE,
            headline="Upgrade the database to Supabase Pro",
            from_plan="free",
            to_plan="pro",
            monthly_now=0,
            monthly_then=25,
            difference=25,
            by=NOW + timedelta(days=12),
            by_low=NOW + timedelta(days=9),
            by_high=NOW + timedelta(days=18),
            otherwise="the database becomes read-only at 500 MB",
            forecast="a line through 30 days (simple)",
            steps=("Back up with pg_dump.", "Choose Pro."),
            evidence=("largest table: events, 212 MB",),
        ),
    )
    slow = DigestConcern(
        concern="shop/backend response_time",
        stack="shop",
        service="backend",
        title="p95 response time is above 500 ms",
        severity=Severity.WARNING,
        state="firing (stale)",
        since=NOW - timedelta(days=2),
        evidence=(evidence.model_copy(update={"quality": Quality.ESTIMATED}),),
        recommendation=Recommendation(
            action=Action.OPTIMISE, headline="Look at the slowest requests before adding a machine"
        ),
        acknowledged="by ana until it is above 900 ms",
    )
    over = slow.model_copy(update={"concern": "shop/email emails", "title": "E-mails were near 100 a day"})
    pending = slow.model_copy(
        update={"concern": "shop/backend cpu", "title": "CPU is busy", "state": "pending"}
    )
    return Snapshot(
        at=NOW,
        metrics=(
            a_row(
                "database", "supabase", "storage", "bytes", 481e6, limit=500e6, full_at=NOW + timedelta(12)
            ),
            a_row("database", "supabase", "connections", "count", 34, limit=60),
            a_row("database", "supabase", "query_time", "seconds", 0.043, stat="p95", quality="estimated"),
            a_row("backend", "fly", "memory", "bytes", 214e6, limit=256e6),
            a_row("backend", "fly", "response_time", "seconds", 0.512, stat="p95", fresh=False),
            a_row("email", "resend", "emails", "count", 41, limit=100, quality="manual"),
            a_row("", "", "users", "count", 812),
            a_row("", "", "cost", "USD", 31.5),
            a_row("errors", "sentry", "errors", "count", 120, unlimited=True),
        ),
        concerns=(slow, storage, pending),
        resolved=(over.model_copy(update={"state": "resolved"}),),
        sources=(
            SourceRow(
                "shop/database", "postgresql", 60, True, NOW, NOW, 0.021, gaps=("no pg_stat_statements",)
            ),
            SourceRow(
                "shop/backend",
                "prometheus",
                30,
                False,
                NOW - timedelta(hours=3),
                NOW,
                5.0,
                "refused at 127.0.0.1",
            ),
            SourceRow("shop/email", "resend", 300, True, NOW - timedelta(minutes=4), NOW, 0.3),
        ),
        findings={"firing": 2, "pending": 1, "resolved": 1},
        judgements={"judged": 31, "unknown": 4, "not applicable": 5, "question": 1},
        unknown=(
            ("r1", "shop/search", "no reading of records"),
            ("r2", "shop/search", "no reading of records"),
        ),
        outbox_depth=2,
        outbox_oldest=NOW - timedelta(seconds=40),
        evaluated_at=NOW - timedelta(seconds=12),
        evaluation_seconds=0.0021,
    )


@pytest.fixture
def digest(snapshot: Snapshot) -> Digest:
    return build(snapshot, (), NOW - timedelta(days=7), NOW, cadence="weekly", timezone="Europe/Lisbon")
