"""What is said to people, before a channel gives it a form.

A message is stored in the outbox as JSON and rendered when it is sent, so that every channel says the same.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from advisor.core.model import Action, Confidence, Quality, Severity


class _Frozen(BaseModel):
    # A command that sends nothing needs no schema.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Evidence(_Frozen):
    """One line of why: a sentence of a rule with its figures, already in people's units."""

    rule: str
    says: str
    sentence: str
    value: str
    threshold: str
    limit: str = ""
    limit_source: str = ""
    quality: Quality = Quality.MEASURED
    source: str = ""
    since: datetime | None = None
    document: str = ""


class Alternative(_Frozen):
    """Another way, with its price."""

    action: str
    target: str
    monthly: float | None = None
    note: str = ""


class Recommendation(_Frozen):
    """What to do about a concern: action, target, price difference, date, steps, alternatives.

    Money is USD a month; `rate` is what a dollar is in `currency`, in which people are shown it.
    `price_parts` are what `monthly_then` is made of, already in that currency. `by` is the date to act by
    with its 80 % interval where the forecast gives one; `old_figure`: that date rests on a document's old
    figure alone. `forecast` says in one sentence how it was made and that it is simple. `otherwise` is what
    happens when nobody acts, `switching` what a move to another provider takes. `price_as_of` is shown where
    the price is old; a state such as "learning: 3 of 7 days" stands in `states`. `stage` says which of a
    rule's stages this is: "stage 2 of 3: optimise".
    """

    action: Action
    headline: str
    service: str = ""
    from_plan: str = ""
    to_plan: str = ""
    monthly_now: float | None = None
    monthly_then: float | None = None
    difference: float | None = None
    by: datetime | None = None
    by_low: datetime | None = None
    by_high: datetime | None = None
    forecast: str = ""
    otherwise: str = ""
    binds_next: str = ""
    document_step: str = ""
    steps: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    price_as_of: str = ""
    price_confidence: Confidence = Confidence.UNKNOWN
    states: tuple[str, ...] = ()
    playbook: str = ""
    stage: str = ""
    currency: str = "USD"
    rate: float = 1.0
    price_parts: tuple[str, ...] = ()
    switching: str = ""
    old_figure: bool = False


class Event(StrEnum):
    """What happened to a concern; the word is the same in log, metric and message."""

    FIRED = "fired"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    STALE = "stale"
    NEW_PERIOD = "new period"
    VERIFIED = "verified"
    NOT_MOVED = "not moved"
    NEXT_STAGE = "next stage"


class Notice(_Frozen):
    """One concern's news: everything a reader needs to decide, in the documents' units."""

    event: Event
    concern: str
    stack: str
    environment: str
    service: str
    title: str
    severity: Severity
    at: datetime
    evidence: tuple[Evidence, ...] = ()
    recommendation: Recommendation | None = None
    note: str = ""
    simulated: bool = False


class DigestConcern(_Frozen):
    """A concern's line in the digest.

    `answered` is what a person answered to its recommendation ("accepted", "rejected", "done"), `answer` that
    in words.
    """

    concern: str
    stack: str
    service: str
    title: str
    severity: Severity
    state: str
    since: datetime
    recommendation: Recommendation | None = None
    evidence: tuple[Evidence, ...] = ()
    acknowledged: str = ""
    answered: str = ""
    answer: str = ""

    @property
    def waits(self) -> bool:
        """True where a person has said that nothing is to be done about it now."""
        return bool(self.acknowledged) or self.answered in {"rejected", "done"}

    @property
    def words(self) -> tuple[str, ...]:
        """What people said of it, a sentence each."""
        said = f"Acknowledged: {self.acknowledged}" if self.acknowledged else ""
        return tuple(filter(None, (said, self.answer[:1].upper() + self.answer[1:])))


class Could(_Frozen):
    """A service that could go down again; `concern` (`shop/database#down`) stays the same every week.

    `answer` is what a person answered, in words.
    """

    concern: str
    stack: str
    service: str
    recommendation: Recommendation
    answer: str = ""


class DigestLimit(_Frozen):
    """A metric that nears its limit: used share and, where known, the date."""

    stack: str
    service: str
    metric: str
    value: str
    limit: str
    used: float
    limit_source: str
    when: str = ""
    quality: Quality = Quality.MEASURED
    stale: bool = False


class SaidCost(_Frozen):
    """What a document says a stack costs a month at the present number of users.

    `place` is where the expected cost lies ("inside", "above", "below"), empty where that is not known.
    """

    document: str
    line: int
    item: str
    low: float | None
    high: float | None
    place: str = ""


class DigestCost(_Frozen):
    """What a stack costs, USD: so far this month and, at the pace of now, by its end.

    Where `unknown` names something, both are only the known part. `unmeasured` are metrics that cost above
    what the plan includes and that nothing measures. `revenue` and `budget` are USD a month.
    """

    stack: str
    so_far: float
    expected: float
    estimated: bool
    unknown: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()
    users: float | None = None
    said: tuple[SaidCost, ...] = ()
    revenue: float | None = None
    budget: float | None = None


class Digest(_Frozen):
    """The report: what to do first, what nears its limit, what is not known, what was quiet."""

    cadence: str
    since: datetime
    until: datetime
    timezone: str
    concerns: tuple[DigestConcern, ...] = ()
    resolved: tuple[DigestConcern, ...] = ()
    verified: tuple[str, ...] = ()
    checklists: tuple[str, ...] = ()
    limits: tuple[DigestLimit, ...] = ()
    down: tuple[Could, ...] = ()
    unknown: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    monthly_cost: float | None = None
    costs: tuple[DigestCost, ...] = ()
    simulated: bool = False


class Message(_Frozen):
    """One delivery to one channel. `id` is the idempotency key: a repeat carries the same."""

    version: int = 1
    id: str
    channel: str
    kind: str
    at: datetime
    notices: tuple[Notice, ...] = ()
    digest: Digest | None = None
    text: str = ""
