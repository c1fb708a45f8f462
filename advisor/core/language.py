"""The rule sentence: `parse` reads it, `write` says it again, `caret` shows the place of a fault.

The reference for users is docs/rule-language.md.
"""

import functools
import re
from collections.abc import Mapping
from typing import Any

from lark.exceptions import UnexpectedInput, UnexpectedToken

from advisor.core.answers import answer
from advisor.core.grammar import parser
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Metric
from advisor.core.sentence import (
    And,
    AnyMetric,
    Calendar,
    Condition,
    For,
    Forecast,
    Group,
    Growth,
    Hold,
    In,
    Measure,
    Needs,
    Not,
    OnDays,
    Or,
    Over,
    Per,
    Quantity,
    Rate,
    Sentence,
    SentenceError,
    ShareOf,
    Span,
    TargetMissed,
    Test,
    Threshold,
    TimeToLimit,
    Value,
)
from advisor.core.typed import Typing
from advisor.core.units import Unit, digits, spell

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "caret", "parse", "write"]

#: A sentence is something that a person reads; beyond these it is a mistake or an attack.
MAX_LENGTH = 2_000
MAX_DEPTH = 20


def parse(text: str, vocabulary: Mapping[str, Metric] = VOCABULARY) -> Sentence:
    """Return the sentence as a tree, typed by unit.

    Raises:
        SentenceError: It cannot be right; the message says what is wrong and the way out.
    """
    if vocabulary is VOCABULARY:
        return _known(text)
    return _parse(text, vocabulary)


@functools.lru_cache(maxsize=16_384)
def _known(text: str) -> Sentence:
    return _parse(text, VOCABULARY)


def _parse(text: str, vocabulary: Mapping[str, Metric]) -> Sentence:
    text = text.rstrip()
    if len(text) > MAX_LENGTH:
        raise SentenceError(
            f"the sentence has {len(text)} characters, at most {MAX_LENGTH} are read: make two rules of it",
            MAX_LENGTH,
        )
    depth = 0
    for match in re.finditer(r"[()]", text):
        depth += 1 if match.group() == "(" else -1
        if depth > MAX_DEPTH:
            raise SentenceError(
                f"parentheses are nested more than {MAX_DEPTH} deep: make two rules of it", match.start()
            )
    raw: Any  # Lark says "a tree"; our transformer makes a RawSentence of it.
    try:
        raw = parser().parse(text)
    except UnexpectedInput as error:
        raise answer(text, _place(text, error), vocabulary) from None
    return Typing(text, vocabulary).sentence(raw)


def _place(text: str, error: UnexpectedInput) -> int:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return len(text)
    place: int | None = error.pos_in_stream
    return len(text) if place is None else place


def caret(text: str, error: SentenceError) -> str:
    """Return the sentence and, below it, a line of carets under the place of the fault."""
    line = re.sub(r"\s", " ", text)
    start, end = min(error.start, len(line)), max(error.end, error.start + 1)
    before, after = max(0, start - 60), min(len(line), end + 40, start + 120)
    if len(line) <= 100:
        before, after = 0, len(line)
    lead = "... " if before else ""
    tail = " ..." if after < len(line) else ""
    width = max(1, min(end, after) - start)
    return f"{lead}{line[before:after]}{tail}\n{' ' * (len(lead) + start - before)}{'^' * width}"


def write(sentence: Sentence) -> str:
    """Return a text that `parse` turns into the same tree."""
    text = _condition(sentence.condition)
    if sentence.clears:
        side = "below" if sentence.clears.below else "above"
        text += f", clears {side} {_threshold(sentence.clears.threshold)}"
    return text


def _condition(condition: Condition) -> str:
    match condition:
        case Test():
            quantity, threshold = _quantity(condition.quantity), _threshold(condition.threshold)
            return f"{quantity} {condition.compare} {threshold}{_hold(condition.hold)}"
        case TargetMissed():
            return f"any target missed{_hold(condition.hold)}"
        case Needs():
            return f"needs {condition.name}"
        case Not():
            return f"not ({_condition(condition.condition)})"
        case Group():
            return f"({_condition(condition.condition)}){_hold(condition.hold)}"
        case And() | Or():
            terms = [_term(term) for term in condition.terms]
            last = condition.terms[-1]
            if isinstance(last, Test | TargetMissed) and last.hold:
                terms[-1] = f"({terms[-1]})"  # At the end of a row a hold could be the row's.
            return (" and " if isinstance(condition, And) else " or ").join(terms)


def _term(term: Condition) -> str:
    return f"({_condition(term)})" if isinstance(term, And | Or) else _condition(term)


def _quantity(quantity: Quantity) -> str:
    match quantity:
        case Measure():
            return f"{_agg(quantity.agg)}{quantity.metric}{_window(quantity.window)}"
        case Growth():
            return f"growth of {_agg(quantity.agg)}{quantity.metric} over {_span(quantity.span)}"
        case Forecast(metric, Calendar() as calendar):
            return f"forecast of {metric} per {calendar}"
        case Forecast(metric, Span() as span):
            return f"forecast of {metric} in {_span(span)}"
        case TimeToLimit():
            return f"time to limit of {quantity.metric}"
        case AnyMetric():
            return "any metric"
    raise AssertionError(quantity)


def _agg(agg: str) -> str:
    return f"{agg} " if agg else ""


def _window(window: Over | In | Per | Rate | None) -> str:
    match window:
        case None:
            return ""
        case Over():
            return f" over {_span(window.span)}"
        case In():
            return f" in {_span(window.span)}"
        case Per():
            return f" per {window.calendar}"
        case Rate():
            clock = {1.0: "second", 60.0: "minute", 3600.0: "hour"}[window.clock]
            return f" per {clock}" + (f" over {_span(window.over)}" if window.over else "")


def _span(span: Span) -> str:
    if span.unit == "month":
        return "1 month"
    if span.unit in {"d", "w"}:
        word = "day" if span.unit == "d" else "week"
        return f"{span.count:.0f} {word}{'' if span.count == 1 else 's'}"
    return f"{digits(span.count)}{span.unit}"


def _threshold(threshold: Threshold) -> str:
    match threshold:
        case Value():
            return spell(threshold.number, threshold.unit)
        case ShareOf():
            of = threshold.of
            return f"{spell(threshold.ratio, Unit.RATIO)} of {of}"


def _hold(hold: Hold | None) -> str:
    match hold:
        case None:
            return ""
        case For(None):
            return " sustained"
        case For(Span() as span):
            return f" for {_span(span)}"
        case OnDays():
            if hold.hits == hold.days:
                return f" on {hold.hits} days in a row"
            return f" on {hold.hits} of {hold.days} days"
    raise AssertionError(hold)
