from datetime import UTC, datetime

import pytest

from advisor.core.message import (
    Alternative,
    Digest,
    DigestConcern,
    DigestLimit,
    Event,
    Evidence,
    Message,
    Notice,
    Recommendation,
)
from advisor.core.model import Action, Confidence, Quality, Severity
from advisor.core.notices import group

NOW = datetime(2026, 11, 9, 9, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def advice() -> Recommendation:
    return Recommendation(
        action=Action.UPGRADE,
        headline="Upgrade the database to Supabase Pro",
        service="database",
        from_plan="free",
        to_plan="pro",
        monthly_now=0,
        monthly_then=25,
        difference=25,
        by=datetime(2026, 11, 21, tzinfo=UTC),
        by_low=datetime(2026, 11, 18, tzinfo=UTC),
        by_high=datetime(2026, 11, 27, tzinfo=UTC),
        forecast="a line through 30 days of storage (simple)",
        otherwise="the database becomes read-only at 500 MB",
        binds_next="egress on 2 Feb 2027",
        document_step="free → pro at 400 MB",
        steps=("Back up with pg_dump.", "Choose Pro in the organisation's billing page.", "Check the limit."),
        evidence=("largest table: events, 212 MB", "largest table: sessions, 91 MB"),
        alternatives=(Alternative(action="optimise", target="drop unused indexes", note="frees some 40 MB"),),
        price_as_of="2026-10-01",
        price_confidence=Confidence.VERIFIED,
        states=("learning: 3 of 7 days",),
        playbook="supabase/free-to-pro",
    )


@pytest.fixture
def evidence() -> Evidence:
    return Evidence(
        rule="app-virgin.supabase.storage-upgrade",
        says="The free database is four fifths full.",
        sentence="storage > 400MB",
        value="401 MB",
        threshold="400 MB",
        limit="500 MB",
        limit_source="app-virgin",
        since=NOW,
    )


@pytest.fixture
def notice(advice: Recommendation, evidence: Evidence) -> Notice:
    return Notice(
        event=Event.FIRED,
        concern="shop/database storage quota",
        stack="shop",
        environment="production",
        service="database",
        title="Storage is at 80 % of the free plan",
        severity=Severity.WARNING,
        at=NOW,
        evidence=(evidence,),
        recommendation=advice,
    )


@pytest.fixture
def message(notice: Notice) -> Message:
    return group([notice], ["slack"], NOW, lambda one: f"{one.concern}|{one.event}|{one.at}")[0]


@pytest.fixture
def digest(advice: Recommendation, evidence: Evidence) -> Digest:
    cpu = evidence.model_copy(
        update={
            "says": "The machine is busy.",
            "value": "91 %",
            "threshold": "80 %",
            "limit": "",
            "quality": Quality.ESTIMATED,
        }
    )
    return Digest(
        cadence="weekly",
        since=datetime(2026, 11, 2, 9, tzinfo=UTC),
        until=NOW,
        timezone="Europe/Lisbon",
        concerns=(
            DigestConcern(
                concern="shop/database storage",
                stack="shop",
                service="database",
                title="Storage is at 80 % of the free plan",
                severity=Severity.CRITICAL,
                state="firing",
                since=NOW,
                recommendation=advice,
                evidence=(evidence,),
            ),
            DigestConcern(
                concern="shop/backend cpu",
                stack="shop",
                service="backend",
                title="CPU is above 80 % for an hour",
                severity=Severity.WARNING,
                state="firing (stale)",
                since=NOW,
                recommendation=Recommendation(
                    action=Action.OPTIMISE, headline="Look at the slowest requests before adding a machine"
                ),
                evidence=(cpu,),
                acknowledged="by ana until it is above 95 %",
            ),
        ),
        resolved=(
            DigestConcern(
                concern="shop/email emails",
                stack="shop",
                service="email",
                title="E-mails per day were near 100",
                severity=Severity.WARNING,
                state="resolved",
                since=datetime(2026, 11, 5, tzinfo=UTC),
            ),
        ),
        limits=(
            DigestLimit(
                stack="shop",
                service="database",
                metric="storage",
                value="401 MB",
                limit="500 MB",
                used=0.802,
                limit_source="app-virgin",
                when="21 Nov 2026",
            ),
            DigestLimit(
                stack="shop",
                service="email",
                metric="emails",
                value="58",
                limit="100",
                used=0.58,
                limit_source="resend, verified 2026-10-01",
                quality=Quality.MANUAL,
                stale=True,
            ),
        ),
        unknown=("shop/search: no reading of records (2 rules)",),
        sources=("shop/errors (sentry): silent since 7 Nov 2026 04:10 WET: the token was refused (401)",),
        counts={
            "judged": 38,
            "unknown": 4,
            "not applicable": 6,
            "firing": 2,
            "pending": 1,
            "fired": 2,
            "resolved": 1,
            "acknowledged": 1,
            "sources": 5,
            "silent": 1,
        },
        monthly_cost=31.5,
    )
