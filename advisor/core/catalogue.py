"""Plans, quotas and prices as data: `rules/catalogue/<provider>.yaml` in types.

A quota says how it is metered, because 8 GB "live", "average over the cycle" and "a day" are three limits.
"""

from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from advisor.core.model import Confidence, Limit


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scope(StrEnum):
    """On whose sum a quota is judged."""

    SERVICE = "service"
    ACCOUNT = "account"


class Measured(StrEnum):
    """How the provider measures against the quota."""

    LIVE = "live"
    SUM = "sum"
    AVERAGE = "average"
    PEAK = "peak"


class Reset(StrEnum):
    """When a quota starts anew; empty for what never does."""

    NEVER = ""
    UTC_DAY = "utc day"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    UTC_MONTH = "utc month"
    BILLING = "billing"
    ROLLING_DAY = "rolling day"
    ROLLING_MONTH = "rolling month"


class AtEnd(StrEnum):
    """What happens when the quota is used up."""

    BLOCKED = "blocked"
    THROTTLED = "throttled"
    BILLED = "billed"
    PAUSED = "paused"
    READ_ONLY = "read-only"
    UNKNOWN = "unknown"


class Sourced(_Frozen):
    """Where a figure is from, when it was true, and how sure it is."""

    source: str
    as_of: date
    confidence: Confidence


class Quota(Sourced):
    """A limit of a plan on one metric. `included` is as written ("8GB"); `unlimited` is not unknown."""

    metric: str
    limit: Limit = Limit.QUOTA
    included: str | Literal["unlimited"]
    scope: Scope = Scope.SERVICE
    measured: Measured = Measured.LIVE
    reset: Reset = Reset.NEVER
    settles_after: str = "0s"
    at_end: AtEnd = AtEnd.UNKNOWN
    overage: float | None = None
    overage_per: str = ""
