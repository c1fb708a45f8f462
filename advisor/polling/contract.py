"""What a collector is given and returns, and the few ways in which it may fail.

    CollectError
    ├── TokenRefused    the credential is wrong or expired; trying again does not help
    │   └── Forbidden   it is good, and lacks a right that is named where it is known
    ├── Throttled       asked too often; try again at `retry_at`
    ├── Unreachable     no answer in time, refused, TLS failed; try again
    └── Unexpected      an answer of another shape, at a place; trying again does not help

Every message is one sentence with place, cause and way out, and holds no secret: host and status, no URL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from advisor.core.fleet import Account, Service
from advisor.core.model import Confidence, Gap, Metric, Reading, Term

if TYPE_CHECKING:
    import httpx

__all__ = [
    "About",
    "Access",
    "Answer",
    "Budget",
    "CollectError",
    "Collector",
    "Forbidden",
    "Poll",
    "Throttled",
    "Tier",
    "TokenRefused",
    "Unexpected",
    "Unreachable",
    "Verified",
]


class CollectError(Exception):
    """A poll failed; `again` says whether trying again helps."""

    again = False


class TokenRefused(CollectError):
    """The credential is wrong, expired or lacks a right."""


class Forbidden(TokenRefused):
    """The credential is good and lacks a right; `right` names it, "" where that is not known."""

    def __init__(self, message: str, right: str = "") -> None:
        super().__init__(message)
        self.right = right


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


class Tier(StrEnum):
    """How much a credential may do."""

    NOTHING = "nothing"  #: No credential: figures are stated by hand, or counted elsewhere.
    READ = "read"  #: Reading usage only.
    PRIVILEGED = "privileged"  #: More than reading, because the provider sells no smaller right. Opt-in.


@dataclass(frozen=True, slots=True)
class Access:
    """One way in: the right, what it adds to the tier below, and what a leaked credential could do."""

    tier: Tier
    right: str
    adds: str
    leaked: str = "nothing"


@dataclass(frozen=True, slots=True)
class Budget:
    """The provider's own rate limit: so many requests in so many seconds, counted for each `scope`.

    `scope` is the provider's word for who shares it ("token", "team", "account"). We take a tenth at most,
    because the user's production shares it.
    """

    requests: int
    seconds: float
    scope: str = "account"
    source: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """What people must know of a collector before they give it a credential.

    `spec` names the official machine-readable description that requests and samples are held to ("" where
    there is none; the docstring says so). `confidence` is how sure its facts are as a whole, `open` what
    nobody confirmed. `dashboard` is the provider's own page with the same figures and `delay` how late they
    are. `connect` are the steps to a credential, `example` the keys of a service in advisor.yaml as the
    samples have them; `products` are those of the catalogue that it covers, where that is not the one of its
    own name.
    """

    title: str
    access: tuple[Access, ...]
    products: tuple[str, ...] = ()
    spec: str = ""
    confidence: Confidence = Confidence.DOCUMENTED
    open: tuple[str, ...] = ()
    dashboard: str = ""
    delay: str = ""
    connect: tuple[str, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What the cheapest call says of a credential: whose it is, what it may, when it ends.

    `broad` names rights that it has and the collector does not need.
    """

    whose: str = ""
    rights: tuple[str, ...] = ()
    broad: tuple[str, ...] = ()
    expires: datetime | None = None


class Collector(Protocol):
    """A module in `collectors/` (or an entry point `scaling_advisor.collectors`).

    It may also have `async def verify(poll, settings) -> Verified`, the cheapest call that tells whether the
    credential is good.
    """

    ABOUT: About
    PROVIDER: str
    METRICS: tuple[Metric, ...]
    SCOPES: tuple[str, ...]
    INTERVAL: float
    Settings: type[BaseModel]

    async def collect(self, poll: Poll, settings: Any) -> Answer:
        """Return what the provider reports now."""
        ...
