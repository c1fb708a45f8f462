"""The life of a finding: inactive, pending, firing, resolved."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where a finding stands."""

    INACTIVE = "inactive"  #: The condition does not hold.
    PENDING = "pending"  #: It holds, not yet for as long as the rule's `for`.
    FIRING = "firing"  #: It has held long enough; people are told.
    RESOLVED = "resolved"  #: It fired and has cleared since.


@dataclass(frozen=True, slots=True)
class Finding:
    """The life of one rule on one subject.

    Identity is (rule, subject, copy); `copy` names the metric or target where the rule says "any".
    `since` is when the state was entered, `fired_at` when it last began to fire. `episode` is the start
    of the billing period it fired in (ISO, empty: none). `value`, `threshold` and `limit` are in `unit`'s
    base. `concern` is the key of the concern it belongs to. `holds` are the running clocks of the
    sentence's holds: (since, lost) in epoch seconds and seconds, one a hold, None where not running.
    """

    rule: str
    subject: str
    copy: str
    state: State
    since: datetime
    concern: str = ""
    fired_at: datetime | None = None
    episode: str = ""
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    limit: float | None = None
    limit_source: str = ""
    stale: bool = False
    reason: str = ""
    holds: tuple[tuple[float, float] | None, ...] = ()

    @property
    def identity(self) -> tuple[str, str, str]:
        """What stays the same over its life."""
        return (self.rule, self.subject, self.copy)


@dataclass(frozen=True, slots=True)
class Attention:
    """What a person said about a concern: it stops messages, never evaluation.

    `kind` is "acknowledge" (until `until_value` is reached or, where that is None, until it resolves)
    or "snooze" (until `until`).
    """

    concern: str
    kind: str
    by: str
    at: datetime
    reason: str = ""
    until: datetime | None = None
    until_value: float | None = None
