"""All that a page, a metric or a table shows of one moment. Made by the engine, read by web and commands."""

from dataclasses import dataclass, field
from datetime import datetime

from advisor.core.message import Could, DigestConcern, DigestCost


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A current value beside its limit. `used` is value over limit, None where there is no limit.

    `limit` None with `unlimited` False means that no limit is known. `fresh` False means stale.
    `full_at` is when a forecast sees the limit reached, None where there is none.
    """

    stack: str
    service: str
    account: str
    provider: str
    metric: str
    unit: str
    value: float
    at: datetime
    stat: str = ""
    limit: float | None = None
    unlimited: bool = False
    limit_kind: str = ""
    limit_source: str = ""
    used: float | None = None
    quality: str = "measured"
    fresh: bool = True
    full_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """How a source answers: `up` is None before its first poll."""

    subject: str
    provider: str
    interval: float
    up: bool | None = None
    last_success: datetime | None = None
    last_poll: datetime | None = None
    duration: float | None = None
    error: str = ""
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The advisor's view at `at`.

    `judgements` counts (rule, subject) pairs by "judged", "unknown", "not applicable", "question";
    `findings` counts by state; `unknown` holds (rule, subject, why).
    `timezone` is the IANA zone in which the page writes times.
    """

    at: datetime
    metrics: tuple[MetricRow, ...] = ()
    concerns: tuple[DigestConcern, ...] = ()
    resolved: tuple[DigestConcern, ...] = ()
    down: tuple[Could, ...] = ()
    costs: tuple[DigestCost, ...] = ()
    sources: tuple[SourceRow, ...] = ()
    findings: dict[str, int] = field(default_factory=dict)
    judgements: dict[str, int] = field(default_factory=dict)
    unknown: tuple[tuple[str, str, str], ...] = ()
    outbox_depth: int = 0
    outbox_oldest: datetime | None = None
    evaluated_at: datetime | None = None
    evaluation_seconds: float | None = None
    simulated: bool = False
    ready: bool = True
    problems: tuple[str, ...] = ()
    timezone: str = "UTC"
