"""The grammar of the rule sentence, and what the parser makes of a text: raw pieces with their places.

LALR(1) without conflicts. The words of the language are terminals with a boundary of their own, so that
`android` is no `and`; a value such as `3 days` is one token whose inside `units.read` judges.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, v_args

__all__ = [
    "AGGREGATES",
    "GRAMMAR",
    "SPAN_WORD",
    "WORDS",
    "RawAny",
    "RawCondition",
    "RawForecast",
    "RawGroup",
    "RawGrowth",
    "RawHold",
    "RawMeasure",
    "RawNeeds",
    "RawNot",
    "RawQuantity",
    "RawRow",
    "RawSentence",
    "RawTarget",
    "RawTest",
    "RawThreshold",
    "RawTimeToLimit",
    "RawWindow",
    "parser",
]

#: Which of many values.
AGGREGATES = ("avg", "min", "max", "p50", "p75", "p90", "p95", "p99", "p99.9")

#: Words of the language that are no metric and no need.
WORDS = (
    *(
        "and",
        "or",
        "not",
        "needs",
        "over",
        "in",
        "per",
        "of",
        "for",
        "on",
        "sustained",
        "clears",
        "any",
        "growth",
    ),
    *("forecast", "time", "quota", "max", "pool", "available", "budget", *AGGREGATES),
)
#: The word after a space that belongs to a value: `3 days`.
SPAN_WORD = r"(?:\s+(?:second|minute|hour|day|week|month|year)s?(?![\w.]))?"

GRAMMAR = (
    r"""
start: condition [clears]
clears: "," CLEARS threshold

?condition: term
          | term (AND term)+                           -> all_of
          | term (OR term)+                            -> any_of
?term: test
     | NOT "(" condition ")"                           -> negation
     | "(" condition ")"                               -> parenthesis
     | "(" condition ")" hold                          -> group

?test: quantity COMPARE threshold [hold]               -> comparison
     | ANY_TARGET_MISSED [hold]                        -> target_missed
     | NEEDS NAME                                      -> needs

?quantity: [agg] NAME [window]                         -> measure
         | ANY_METRIC                                  -> any_metric
         | GROWTH_OF [agg] NAME OVER VALUE             -> growth
         | FORECAST_OF NAME IN VALUE                   -> forecast
         | FORECAST_OF NAME PER CALENDAR               -> forecast
         | TIME_TO_LIMIT_OF NAME                       -> time_to_limit

?agg: AGG | MAX
window: OVER VALUE | IN VALUE | PER CALENDAR | PER CLOCK [OVER VALUE]

threshold: VALUE
         | VALUE OF reference
         | reference
?reference: LIMIT | MAX | NAME

hold: SUSTAINED
    | FOR VALUE
    | ON INT DAYS_IN_A_ROW
    | ON INT OF INT DAYS

AND.1: /and(?![\w.])/
OR.1: /or(?![\w.])/
NOT.1: /not(?![\w.])/
NEEDS.1: /needs(?![\w.])/
OVER.1: /over(?![\w.])/
IN.1: /in(?![\w.])/
PER.1: /per(?![\w.])/
OF.1: /of(?![\w.])/
FOR.1: /for(?![\w.])/
ON.1: /on(?![\w.])/
SUSTAINED.1: /sustained(?![\w.])/
DAYS_IN_A_ROW.2: /days\s+in\s+a\s+row(?![\w.])/
DAYS.1: /days(?![\w.])/
CLEARS.1: /clears\s+(?:below|above)(?![\w.])/
ANY_METRIC.1: /any\s+metric(?![\w.])/
ANY_TARGET_MISSED.1: /any\s+target\s+missed(?![\w.])/
GROWTH_OF.1: /growth\s+of(?![\w.])/
FORECAST_OF.1: /forecast\s+of(?![\w.])/
TIME_TO_LIMIT_OF.1: /time\s+to\s+limit\s+of(?![\w.])/
CALENDAR.1: /(?:day|week|month)(?![\w.])/
CLOCK.1: /(?:second|minute|hour)(?![\w.])/
MAX.1: /max(?![\w.])/
AGG.1: /(?:avg|min|p50|p75|p90|p95|p99\.9|p99)(?![\w.])/
LIMIT.1: /(?:quota|pool|available|budget)(?![\w.])/
COMPARE: />=|<=|>|</
INT: /[0-9]+(?![\w.%,])/
VALUE: /[$€£¥+-]*\.?[0-9](?:[^\s(),<>=!]|,(?=[0-9]))*"""
    + SPAN_WORD
    + r"""/
NAME: /(?!(?:"""
    + "|".join(WORDS)
    + r""")(?![\w.-]))[^\W0-9][\w.-]*/
%ignore /\s+/
"""
)


@dataclass(slots=True)
class RawThreshold:
    """`80% of quota`: a value token, a reference token, or both."""

    value: Token | None
    of: Token | None

    @property
    def start(self) -> int:
        """Where it begins in the sentence."""
        return _start(self.value if self.value is not None else self.of)

    @property
    def end(self) -> int:
        """Where it ends in the sentence."""
        return _end(self.of if self.of is not None else self.value)


@dataclass(slots=True)
class RawHold:
    """`sustained`, `for span`, `on hits [of days]`; `row` where the days are in a row."""

    word: Token
    first: Token | None
    second: Token | None
    end: int


@dataclass(slots=True)
class RawWindow:
    """`over span`, `in span`, `per period [over span]`."""

    word: Token
    what: Token
    over: Token | None

    @property
    def end(self) -> int:
        """Where it ends in the sentence."""
        return _end(self.over if self.over is not None else self.what)


@dataclass(slots=True)
class RawMeasure:
    """`[agg] name [window]`."""

    agg: Token | None
    name: Token
    window: RawWindow | None


@dataclass(slots=True)
class RawAny:
    """`any metric`."""

    word: Token


@dataclass(slots=True)
class RawGrowth:
    """`growth of [agg] name over span`."""

    word: Token
    agg: Token | None
    name: Token
    span: Token


@dataclass(slots=True)
class RawForecast:
    """`forecast of name in span` or `per calendar`."""

    word: Token
    name: Token
    how: Token
    horizon: Token


@dataclass(slots=True)
class RawTimeToLimit:
    """`time to limit of name`."""

    word: Token
    name: Token


RawQuantity = RawMeasure | RawAny | RawGrowth | RawForecast | RawTimeToLimit


@dataclass(slots=True)
class RawTest:
    """`quantity compare threshold [hold]`."""

    quantity: RawQuantity
    compare: Token
    threshold: RawThreshold
    hold: RawHold | None


@dataclass(slots=True)
class RawTarget:
    """`any target missed [hold]`."""

    word: Token
    hold: RawHold | None


@dataclass(slots=True)
class RawNeeds:
    """`needs name`."""

    word: Token
    name: Token


@dataclass(slots=True)
class RawNot:
    """`not (...)`."""

    word: Token
    condition: "RawCondition"


@dataclass(slots=True)
class RawGroup:
    """A parenthesis, with or without a hold."""

    condition: "RawCondition"
    hold: RawHold | None


@dataclass(slots=True)
class RawRow:
    """Terms joined by `and` or by `or`."""

    word: str
    terms: list["RawCondition"]


RawCondition = RawTest | RawTarget | RawNeeds | RawNot | RawGroup | RawRow


@dataclass(slots=True)
class RawSentence:
    """A whole sentence before its types are checked."""

    condition: RawCondition
    clears: tuple[Token, RawThreshold] | None


def _start(token: Token | None) -> int:
    return token.start_pos or 0 if token is not None else 0


def _end(token: Token | None) -> int:
    return token.end_pos or 0 if token is not None else 0


def _kept(children: tuple[Any, ...], *words: str) -> Iterator[Any]:
    return (child for child in children if not (isinstance(child, Token) and child.type in words))


@v_args(inline=True)
class _Pieces(Transformer[Token, RawSentence]):
    """What each rule of the grammar becomes; called while the parser reduces, so no tree is kept."""

    def start(self, condition: RawCondition, clears: tuple[Token, RawThreshold] | None) -> RawSentence:
        return RawSentence(condition, clears)

    def clears(self, word: Token, threshold: RawThreshold) -> tuple[Token, RawThreshold]:
        return word, threshold

    def all_of(self, *terms: Any) -> RawRow:
        return RawRow("and", list(_kept(terms, "AND")))

    def any_of(self, *terms: Any) -> RawRow:
        return RawRow("or", list(_kept(terms, "OR")))

    def negation(self, word: Token, condition: RawCondition) -> RawNot:
        return RawNot(word, condition)

    def parenthesis(self, condition: RawCondition) -> RawGroup:
        return RawGroup(condition, None)

    def group(self, condition: RawCondition, hold: RawHold) -> RawGroup:
        return RawGroup(condition, hold)

    def comparison(
        self, quantity: RawQuantity, compare: Token, threshold: RawThreshold, hold: RawHold | None
    ) -> RawTest:
        return RawTest(quantity, compare, threshold, hold)

    def target_missed(self, word: Token, hold: RawHold | None) -> RawTarget:
        return RawTarget(word, hold)

    def needs(self, word: Token, name: Token) -> RawNeeds:
        return RawNeeds(word, name)

    def measure(self, agg: Token | None, name: Token, window: RawWindow | None) -> RawMeasure:
        return RawMeasure(agg, name, window)

    def any_metric(self, word: Token) -> RawAny:
        return RawAny(word)

    def growth(self, word: Token, agg: Token | None, name: Token, _over: Token, span: Token) -> RawGrowth:
        return RawGrowth(word, agg, name, span)

    def forecast(self, word: Token, name: Token, how: Token, horizon: Token) -> RawForecast:
        return RawForecast(word, name, how, horizon)

    def time_to_limit(self, word: Token, name: Token) -> RawTimeToLimit:
        return RawTimeToLimit(word, name)

    def window(
        self, word: Token, what: Token, _over: Token | None = None, span: Token | None = None
    ) -> RawWindow:
        return RawWindow(word, what, span)

    def threshold(self, *parts: Token) -> RawThreshold:
        value = parts[0] if parts[0].type == "VALUE" else None
        of = parts[-1] if parts[-1].type != "VALUE" else None
        return RawThreshold(value, of)

    def hold(self, *parts: Token) -> RawHold:
        numbers = list(_kept(parts[1:], "OF", "DAYS", "DAYS_IN_A_ROW"))
        return RawHold(
            parts[0],
            numbers[0] if numbers else None,
            numbers[1] if len(numbers) > 1 else None,
            _end(parts[-1]),
        )


@cache
def parser() -> Lark:
    """Return the parser, built at the first sentence and kept."""
    return Lark(GRAMMAR, parser="lalr", lexer="contextual", transformer=_Pieces(), maybe_placeholders=True)
