"""What a collector is given and returns, and the few ways in which it may fail.

    CollectError
    ├── TokenRefused    the credential is wrong, expired or lacks a right; trying again does not help
    ├── Throttled       asked too often; try again at `retry_at`
    ├── Unreachable     no answer in time, refused, TLS failed; try again
    └── Unexpected      an answer of another shape, at a place; trying again does not help

Every message is one sentence with place, cause and way out, and holds no secret: host and status, no URL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from advisor.core.fleet import Account, Service
from advisor.core.model import Gap, Metric, Reading, Term

if TYPE_CHECKING:
    import httpx

__all__ = [
    "Answer",
    "CollectError",
    "Collector",
    "Poll",
    "Throttled",
    "TokenRefused",
    "Unexpected",
    "Unreachable",
]


class CollectError(Exception):
    """A poll failed; `again` says whether trying again helps."""

    again = False


class TokenRefused(CollectError):
    """The credential is wrong, expired or lacks a right."""


class Throttled(CollectError):
    """Asked too often; `retry_at` is when the provider wants to be asked again."""

    again = True

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class Unreachable(CollectError):
    """No answer: connection refused, timed out, TLS or DNS failed."""

    again = True


class Unexpected(CollectError):
    """An answer of another shape than documented."""


@dataclass(frozen=True, slots=True)
class Poll:
    """What a collector may use: the client, whom it asks for, now, the last poll, and what it kept then.

    `windows` are the (metric, stat, seconds) that the loaded rules need of a distribution or share, so
    that a source that can aggregate is asked for exactly these.
    """

    http: "httpx.AsyncClient"
    service: Service
    account: Account
    now: datetime
    since: datetime | None = None
    previous: Mapping[str, Any] = field(default_factory=dict)
    windows: Sequence[tuple[str, str, float]] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a collector measured, learnt, could not see, and wants to remember (at most 1 MiB as JSON).

    `evidence` is for people, such as the largest tables or the slowest statements: a title to rows of
    short texts; it is kept with the source, newest only.
    """

    readings: Sequence[Reading] = ()
    terms: Sequence[Term] = ()
    gaps: Sequence[Gap] = ()
    keep: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)


class Collector(Protocol):
    """A module in `collectors/` (or an entry point `scaling_advisor.collectors`)."""

    PROVIDER: str
    METRICS: tuple[Metric, ...]
    SCOPES: tuple[str, ...]
    INTERVAL: float
    Settings: type[BaseModel]

    async def collect(self, poll: Poll, settings: Any) -> Answer:
        """Return what the provider reports now."""
        ...
