"""The words of the design as types: metrics, readings, terms, limits and whom they are about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from advisor.core.units import Unit

__all__ = [
    "Action",
    "Cadence",
    "Combine",
    "Confidence",
    "Gap",
    "Kind",
    "Limit",
    "LimitInForce",
    "Metric",
    "Observed",
    "Quality",
    "Reading",
    "Severity",
    "Subject",
    "Term",
    "Unit",
]


class Kind(StrEnum):
    """How the values of a metric relate to time."""

    LEVEL = "level"  #: A value at a moment.
    AMOUNT = "amount"  #: So much within a time bucket.
    DISTRIBUTION = "distribution"  #: Many values: quantiles or a histogram.
    SHARE = "share"  #: Part over whole; both are kept.


class Combine(StrEnum):
    """How the parts of a subject (machines, tables, buckets) make one value."""

    SUM = "sum"
    MAX = "max"
    MEAN = "mean"
    EACH = "each"  #: They do not; rules look at the reading without a part.


class Limit(StrEnum):
    """What a metric may be a share of, as rules write it after `of`."""

    QUOTA = "quota"  #: The plan's.
    MAX = "max"  #: What the service reports, else the quota.
    POOL = "pool"  #: The size of the connection pool, else unknown.
    AVAILABLE = "available"  #: What the machine has.
    BUDGET = "budget"  #: The stack's, a month.


class Quality(StrEnum):
    """How a value came to be; it travels with the value to the last message."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    MANUAL = "manual"


class Confidence(StrEnum):
    """How sure a figure of a plan or price is, best first."""

    VERIFIED = "verified"
    DOCUMENTED = "documented"
    DOCUMENT_ONLY = "document-only"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How bad it is if nobody acts. Orders from bad to mild."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Cadence(StrEnum):
    """When people are told: `notify:` of a rule."""

    IMMEDIATE = "immediate"
    DAILY = "daily"
    WEEKLY = "weekly"


class Action(StrEnum):
    """What a rule or a recommendation says to do."""

    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    OPTIMISE = "optimise"
    SCALE_OUT = "scale out"
    MIGRATE = "migrate"
    INVESTIGATE = "investigate"
    AUDIT_COSTS = "audit costs"


@dataclass(frozen=True, slots=True)
class Metric:
    """A named measure with one base unit.

    `limits` are the limits that can exist for it at all (language.md, rule 17); `combine` makes one
    value of several parts; `fresh` is the number of seconds a reading stays usable where neither the
    poll interval nor the default of two days should decide; `roles` are the services that have it
    (empty: any), `stack` among them where the stack itself has it.
    """

    name: str
    unit: Unit
    kind: Kind
    meaning: str
    limits: frozenset[Limit] = frozenset()
    combine: Combine = Combine.SUM
    fresh: float | None = None
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value as a collector returns it.

    A level or distribution has `at`; an amount and a share have a bucket from `since` to `at`
    (bucket's end). `of` is a share's whole. `stat` says which number of a distribution `value` is
    ("p95", "avg", "max"); with `buckets` ((upper edge, count), ..., not cumulative) it is empty and
    `value` is the mean. All times are aware UTC; all values are in the metric's base unit.
    """

    metric: str
    value: float
    at: datetime
    since: datetime | None = None
    part: str = ""
    stat: str = ""
    of: float | None = None
    low: float | None = None
    high: float | None = None
    buckets: tuple[tuple[float, float], ...] = ()
    quality: Quality = Quality.MEASURED


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a reading, rule or finding is about: a service, a stack or an account.

    `key` is its stable text form: `shop/database`, `shop`, `@acme-supabase`.
    """

    stack: str = ""
    service: str = ""
    account: str = ""

    @property
    def key(self) -> str:
        """Return the text form that the store, metrics and messages use."""
        if self.service:
            return f"{self.stack}/{self.service}"
        return self.stack or f"@{self.account}"

    @classmethod
    def parse(cls, key: str) -> "Subject":
        """Return the subject whose `key` this is."""
        if key.startswith("@"):
            return cls(account=key[1:])
        stack, _, service = key.partition("/")
        return cls(stack=stack, service=service)


@dataclass(frozen=True, slots=True)
class Observed:
    """A reading with what the poller adds: subject, source, when we saw it, how long it stays fresh (s)."""

    reading: Reading
    subject: str
    source: str
    seen_at: datetime
    fresh: float


@dataclass(frozen=True, slots=True)
class Term:
    """Something learnt of an account's or service's plan and limits; kept as a time series.

    `what` is "plan", "limit" or "price". A limit names its metric and which limit it is. `value` is a
    number in the metric's base unit, a text (a plan's name) or None for unlimited.
    """

    what: str
    value: float | str | None
    source: str
    valid_from: datetime
    metric: str = ""
    limit: Limit | None = None
    part: str = ""
    confidence: Confidence = Confidence.VERIFIED


@dataclass(frozen=True, slots=True)
class Gap:
    """What a collector could not see, and why, in one sentence with the way out."""

    what: str
    why: str
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitInForce:
    """The limit a value is judged against, and where it came from.

    `value` is in the metric's base unit; None means unlimited. A limit that is not known is no
    LimitInForce at all. `scope` "account" means that the sum over the account's services counts.
    `measured` and `reset` are the catalogue's words (see `core/catalogue.py`).
    """

    value: float | None
    source: str
    confidence: Confidence = Confidence.VERIFIED
    as_of: datetime | None = None
    scope: str = "service"
    measured: str = "live"
    reset: str = ""
    at_end: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
