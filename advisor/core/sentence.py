"""The rule sentence as a tree of values; `language.py` makes it, `evaluate.py` reads it.

The grammar and the meaning of every node are in docs/rule-language.md.
"""

from dataclasses import dataclass
from enum import StrEnum

from advisor.core.model import Limit
from advisor.core.units import Unit


class Compare(StrEnum):
    """How a quantity is held against a threshold."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="

    @property
    def upward(self) -> bool:
        """True where a larger value is the worse one."""
        return self in {Compare.ABOVE, Compare.AT_LEAST}


class Calendar(StrEnum):
    """A period of the stack's or the quota's calendar."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Span:
    """A duration above zero: `count` of `unit`, one of "s", "m", "h", "d", "w", "month".

    Days, weeks and months follow the stack's calendar; `seconds` is the nominal length (a month: 30 days)
    for horizons only.
    """

    count: float
    unit: str

    @property
    def seconds(self) -> float:
        """Nominal length in seconds."""
        return self.count * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "month": 2592000}[self.unit]


@dataclass(frozen=True, slots=True)
class Over:
    """`over 1h`: the window that ends now."""

    span: Span


@dataclass(frozen=True, slots=True)
class In:
    """`in 5m`: an amount's rolling sum."""

    span: Span


@dataclass(frozen=True, slots=True)
class Per:
    """`per day|week|month`: an amount's total in the calendar's period."""

    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Rate:
    """`per second|minute|hour [over 1h]`: an amount's mean rate; `clock` is the divisor in seconds."""

    clock: float
    over: Span | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """`[agg] name [window]`. `agg` is "" or one of avg min max p50 p75 p90 p95 p99 p99.9."""

    metric: str
    agg: str = ""
    window: Over | In | Per | Rate | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """`growth of [agg] name over span`."""

    metric: str
    span: Span
    agg: str = ""


@dataclass(frozen=True, slots=True)
class Forecast:
    """`forecast of name in span` or `forecast of name per calendar` (its running period's end)."""

    metric: str
    horizon: Span | Calendar


@dataclass(frozen=True, slots=True)
class TimeToLimit:
    """`time to limit of name`, seconds."""

    metric: str


@dataclass(frozen=True, slots=True)
class AnyMetric:
    """`any metric`: one copy a metric that has the limit."""


Quantity = Measure | Growth | Forecast | TimeToLimit | AnyMetric


@dataclass(frozen=True, slots=True)
class Value:
    """A plain threshold in the base unit."""

    number: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class ShareOf:
    """`80% of quota`, `50% of users`, `quota`: `ratio` of a limit or of another metric."""

    ratio: float
    of: Limit | str


Threshold = Value | ShareOf


@dataclass(frozen=True, slots=True)
class For:
    """`for 3 days`; `sustained` is `For(span=None)`: 15 minutes, or what the pack says."""

    span: Span | None


@dataclass(frozen=True, slots=True)
class OnDays:
    """`on 3 days in a row` (hits == days) or `on 3 of 7 days`, complete days, each as a whole."""

    hits: int
    days: int


Hold = For | OnDays


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison. `text` is its own words, for messages and `terms`."""

    quantity: Quantity
    compare: Compare
    threshold: Threshold
    hold: Hold | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class TargetMissed:
    """`any target missed [hold]`: one copy a rule of `targets:`."""

    hold: Hold | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """`needs control`: the answer in `needs:` of the stack."""

    name: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Not:
    """`not (...)`."""

    condition: "Condition"


@dataclass(frozen=True, slots=True)
class Group:
    """A parenthesis with a hold of its own."""

    condition: "Condition"
    hold: Hold


@dataclass(frozen=True, slots=True)
class And:
    """All of them; false wins."""

    terms: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them; true wins."""

    terms: tuple["Condition", ...]


Condition = Test | TargetMissed | Needs | Not | Group | And | Or


@dataclass(frozen=True, slots=True)
class Clears:
    """`, clears below X`: the threshold once firing."""

    below: bool
    threshold: Threshold


@dataclass(frozen=True, slots=True)
class Sentence:
    """A whole sentence, typed and checked."""

    condition: Condition
    clears: Clears | None
    text: str


class SentenceError(ValueError):
    """A sentence that cannot be right, with what is wrong and the way out.

    `start` and `end` are offsets into the sentence for the caret; str() is the one-line answer.
    """

    def __init__(self, message: str, start: int = 0, end: int = 0) -> None:
        super().__init__(message)
        self.start = start
        self.end = max(end, start + 1)
