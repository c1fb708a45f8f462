"""What is answered to a sentence that the grammar does not take: the likely slip, and the way out."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from advisor.core.grammar import SPAN_WORD
from advisor.core.model import Metric
from advisor.core.sentence import SentenceError
from advisor.core.typed import KNOWN_QUANTILES, SYNONYMS, no_metric
from advisor.core.units import read

__all__ = ["answer"]


class Word(NamedTuple):
    """A word of the sentence with its place."""

    text: str
    start: int
    end: int


_SIGNS = "<>=!≤≥≠"
_WORDS = re.compile(
    rf"[()]|[{_SIGNS}]+|,(?![0-9])|[$€£¥+-]*\.?[0-9](?:[^\s(),{_SIGNS}]|,(?=[0-9]))*{SPAN_WORD}|[^\W0-9][\w.-]*|\S"
)
_COMPARES = {">", ">=", "<", "<="}
_INSTEAD = {"≥": ">=", "≤": "<=", "=>": ">=", "=<": "<=", ">>": ">", "<<": "<"}
_IN_WORDS = {"above": ">", "exceeds": ">", "below": "<", "under": "<", "gt": ">", "lt": "<"}
_JOINS = {"and", "or", "not"}
_HOLDS = {"for", "sustained", "on"}
_LIMITS = {"quota", "max", "pool", "available", "budget"}
_KEYWORDS = (
    _JOINS
    | _HOLDS
    | _LIMITS
    | {"needs", "over", "in", "per", "of", "clears", "any", "growth", "forecast", "time"}
)
_AGGREGATE = re.compile(r"(?:avg|min|max|p[0-9.]+)$")
_OTHER_AGGREGATES = {
    "mean": "avg", "average": "avg", "median": "p50", "maximum": "max", "minimum": "min"
}  # fmt: skip
_VALUE = re.compile(r"[$€£¥+-]*\.?[0-9]")
_NAME = re.compile(r"[^\W0-9]")
_UNITLIKE = re.compile(r"(?:[KMGTPkmgtp]?i?[Bb]|ms|s|m|min|h|d|w|K|M|k|%|USD)$")

_SPAN = "a span of time, such as 15m, 1h, 3 days or 1 month"
_DAYS = "days are counted so: `on 3 days in a row`, `on 3 of 7 days`"
_CLEARS = "clears below or above what? `, clears below 75%`"
_FIRST = "the metric goes first, the number last: `storage > 400MB`"
#: What has to follow a word.
_AFTER = {
    "per": "after `per`: second minute hour day week month",
    "needs": "after `needs`: the name of a need, such as `needs control`",
    "over": f"after `over`: {_SPAN}",
    "in": f"after `in`: {_SPAN}",
    "for": f"after `for`: {_SPAN}",
    "on": _DAYS,
    "of": "of what? quota, max, pool, available, budget or another metric",
    "clears": _CLEARS,
    ",": "after a comma: `clears below` or `clears above`; comparisons are joined by `and` or `or`",
}
#: The forms that begin with a phrase of their own.
_PHRASES = {
    "growth": "growth of what, over which span? `growth of cost over 1 month`",
    "forecast": "forecast of what, for when? `forecast of storage in 30 days`, `forecast of cost per month`",
    "time": "`time to limit of` and a metric, such as `time to limit of storage < 14 days`",
    "any": "after `any`: `any metric > 80% of quota`, or `any target missed`",
}


def answer(text: str, place: int, vocabulary: Mapping[str, Metric]) -> SentenceError:
    """Return the error for a sentence that stops making sense at `place` (its length: at its end)."""
    words = [Word(match.group(), match.start(), match.end()) for match in _WORDS.finditer(text)]
    if not words:
        return SentenceError("the sentence is empty: write a comparison, such as `storage > 400MB`")
    index = next((i for i, word in enumerate(words) if word.end > place), len(words))
    slip = _Slip(text, words, index, vocabulary)
    if index == len(words):
        return slip.at_end()
    return (
        slip.after_value()
        or slip.sign()
        or slip.closing()
        or slip.first_word()
        or slip.after_word()
        or slip.after_comparison()
        or slip.before_comparison()
    )


class _Slip:
    """The place at which a sentence stops making sense, and what stands around it."""

    def __init__(self, text: str, words: list[Word], index: int, vocabulary: Mapping[str, Metric]) -> None:
        self.text = text
        self.words = words
        self.before = words[:index]
        self.word = words[index] if index < len(words) else words[-1]
        self.previous = words[index - 1] if index else Word("", 0, 0)
        self.after = words[index + 1].text if index + 1 < len(words) else ""
        self.vocabulary = vocabulary
        self.compared = self.has_sign()

    def wrong(self, message: str, at: Word | None = None, to: Word | None = None) -> SentenceError:
        at = at or self.word
        return SentenceError(message, at.start, (to or at).end)

    def has_sign(self) -> bool:
        """True where the running term has its sign, or needs none."""
        for word in reversed(self.before):
            if word.text in _COMPARES | {"missed", "needs"}:
                return True
            if word.text in {"and", "or", "("}:
                return False
        return False

    def closed(self) -> bool:
        return self.previous.text == ")"

    def after_value(self) -> SentenceError | None:
        """The value before the place may be the fault: `400 MB`, `80% quota`, `1K <= users`."""
        value, word = self.previous, self.word.text
        if not _VALUE.match(value.text):
            return None
        if not self.compared and set(word) <= set(_SIGNS):
            return self.wrong(_FIRST, value)
        if len(self.before) < 2 or self.before[-2].text not in _COMPARES | {"below", "above"}:
            return None
        if _UNITLIKE.match(word) and " " not in value.text:
            glued = f"{value.text}{word}"
            fault = _fault(glued) or f"`{value.text} {word}`: no space in a value: write `{glued}`"
            return self.wrong(fault, value, self.word)
        if value.text.endswith("%") and (
            word in _LIMITS or (word in self.vocabulary and self.after not in _COMPARES)
        ):
            return self.wrong(f"a word is missing: `{value.text} of {word}`", value, self.word)
        fault = _fault(value.text)
        return self.wrong(fault, value) if fault else None

    def sign(self) -> SentenceError | None:
        """A sign that is none of ours."""
        word = self.word.text
        if word in _INSTEAD:
            return self.wrong(f"`{word}`: write `{_INSTEAD[word]}`")
        if set(word) <= set("=!≠") or word in {"is", "equals"}:
            sign = "!=" if "!" in word or "≠" in word else "="
            return self.wrong(f"no `{sign}`: measured values are compared with > >= < <=")
        if word in _COMPARES and len(self.before) > 1 and self.before[-2].text == "needs":
            return self.wrong("a need is answered yes or no, so no sign after it: `needs control`")
        if word in _COMPARES and self.compared and self.previous.text not in _COMPARES:
            example = "users >= 1K and users < 9K"
            return self.wrong(f"one comparison at a time: join two with `and`, such as `{example}`")
        return None

    def closing(self) -> SentenceError | None:
        """A `)` too many or too early."""
        if self.word.text != ")":
            return None
        before = self.text[: self.word.start]
        if before.count("(") <= before.count(")"):
            return self.wrong("`)` closes no parenthesis: take it away, or open one with `(`")
        if self.previous.text == "(":
            return self.wrong("nothing between the parentheses", self.previous, self.word)
        return self.wrong(self.missing())

    def first_word(self) -> SentenceError | None:
        """Where a comparison should begin."""
        word = self.word.text
        if self.previous.text not in _JOINS | {"(", ""}:
            return None
        if self.previous.text == "not":
            return self.wrong(f"`not` is followed by parentheses: `not ({word} ...)`")
        if _VALUE.match(word):
            return self.wrong(_FIRST)
        if word in _COMPARES:
            return self.wrong(f"what is compared? The metric goes before `{word}`: `storage > 400MB`")
        if word in {"and", "or"}:
            return self.wrong(f"nothing before `{word}`")
        if word in _PHRASES:
            return self.wrong(_PHRASES[word])
        if word in {"'", '"', "`"}:
            return self.wrong(f"no quotes inside a sentence: take `{word}` away")
        if word in _LIMITS:
            return self.wrong(f"the metric goes first: `storage > 80% of {word}`")
        if _NAME.match(word) and word not in _KEYWORDS:
            return self.wrong(no_metric(word, self.vocabulary))
        return self.wrong(f"a comparison does not begin with `{word}`: `storage > 400MB`")

    def after_word(self) -> SentenceError | None:
        """After a word of the language that something has to follow."""
        previous, word = self.previous.text, self.word.text
        if previous in _COMPARES:
            return self.wrong(self.no_threshold())
        if previous in _AFTER:
            return self.wrong(_AFTER[previous])
        if self.before[-2:-1] and self.before[-2].text == "on":
            return self.wrong(_DAYS)
        if word == ",":
            return self.wrong(_AFTER[","])
        if word == "clears":
            return self.wrong(
                "a comma before `clears`: `memory > 80% of available, clears below 75% of available`"
            )
        return None

    def no_threshold(self) -> str:
        word, sign = self.word.text, self.previous.text
        if word in _JOINS | _HOLDS | {"clears", "in", "over", "per", ","}:
            return f"nothing to compare with after `{sign}`"
        if set(word) <= set(_SIGNS):
            return f"`{sign} {word}`: one sign: > >= < <="
        if _AGGREGATE.match(word):
            return "the aggregate goes with the first metric only: `p95 auth_time > 50% of response_time`"
        if word in {"'", '"', "`"}:
            return f"no quotes inside a sentence: take `{word}` away"
        if word in {"$", "-", "+", "."}:
            return f"no space after `{word}`: write such as $50"
        return f"`{word}` is no value; write such as 400MB, 50ms, 3 days, 80%, 4K or $50"

    def after_comparison(self) -> SentenceError | None:
        """After a whole comparison or a closed parenthesis."""
        word = self.word.text
        if not self.compared and not self.closed():
            return None
        if word in {"and", "or"}:
            return self.wrong("`and` and `or` in one row can be read two ways: add parentheses")
        if word in _HOLDS:
            return self.wrong(self.second_hold())
        if word in {"per", "over", "in"}:
            return self.wrong(f"`{word} ...` belongs to the metric, before the sign: `emails per day > 80`")
        if word.lower() in _JOINS:
            return self.wrong(f"write `{word.lower()}` in small letters")
        if set(word) <= set("&|"):
            return self.wrong("comparisons are joined by the words `and` and `or`")
        if word == "(" or self.after in _COMPARES | {"over", "in", "per", "("}:
            return self.wrong(f"`and` or `or` before `{word}`?")
        return self.wrong(f"stray word `{word}`: the metric says what is counted")

    def second_hold(self) -> str:
        if self.closed():
            return f"`not` turns what is inside: put `{self.word.text}` inside, or write `(not (...)) for 1h`"
        if len(self.before) > 1 and self.before[-2].text == "needs":
            return "an answer does not change by itself, so no hold after `needs`: hold a comparison"
        return "one hold is enough: take this one away, or put parentheses around the first"

    def before_comparison(self) -> SentenceError:
        """Between the first word of a comparison and its sign."""
        name, word = self.previous.text, self.word.text
        if _AGGREGATE.match(name) and name not in self.vocabulary:
            if name.startswith("p") and name not in KNOWN_QUANTILES.split():
                return self.wrong(f"no `{name}`; known: {KNOWN_QUANTILES}", self.previous)
            return self.wrong(f"`{name}` of what? A metric, such as `{name} query_time`", self.previous)
        if name in _OTHER_AGGREGATES and word in self.vocabulary:
            return self.wrong(f"no `{name}`; write `{_OTHER_AGGREGATES[name]}`", self.previous)
        if special := self.special():
            return self.wrong(special)
        if _VALUE.match(word) or word in _LIMITS:
            return self.wrong(f"a sign is missing before `{word}`: > >= < <=")
        if word in _IN_WORDS:
            return self.wrong(f"`{word}`: write `{_IN_WORDS[word]}`")
        if _NAME.match(name) and name not in self.vocabulary and self.starts_term():
            if (glued := f"{name}_{word}") in self.vocabulary:
                return self.wrong(
                    f"no metric `{name} {word}`; did you mean `{glued}`?", self.previous, self.word
                )
            return self.wrong(no_metric(name, self.vocabulary), self.previous)
        if word in _HOLDS | {"and", "or"}:
            return self.wrong(self.missing())
        if word == "of":
            return self.wrong(f"the share goes last: `{name} > 80% of quota`")
        if word == "over" and name in {"day", "week", "month"}:
            return self.wrong(
                f"`per {name}` is the calendar's, so no `over`; a rate has it: `per hour over 3 days`"
            )
        if word in self.vocabulary or word in SYNONYMS:
            return self.wrong(f"two metrics in a row: `and`, or a sign, between `{name}` and `{word}`?")
        return self.wrong(
            f"`{word}` does not fit here: after the metric comes over, in, per or a sign (> >= < <=)"
        )

    def starts_term(self) -> bool:
        """True where the word before the place is the first of its term, or only an aggregate precedes it."""
        rest = self.before[:-1]
        if rest and _AGGREGATE.match(rest[-1].text):
            rest = rest[:-1]
        return not rest or rest[-1].text in _JOINS | {"(", "of"}

    def special(self) -> str:
        """The forms that begin with a phrase of their own."""
        term: list[str] = []
        for word in self.before:
            term = [] if word.text in {"and", "or", "("} else [*term, word.text]
        return _PHRASES.get(term[0], "") if term else ""

    def missing(self) -> str:
        """What is missing where the sentence or a parenthesis ends."""
        last = self.previous.text
        if last in _COMPARES:
            return f"nothing to compare with after `{last}`"
        if last in _JOINS | {"("}:
            return f"nothing after `{last}`"
        if last in _AFTER:
            return _AFTER[last]
        if len(self.before) > 1 and self.before[-2].text == "on":
            return _DAYS
        if last in {"below", "above"}:
            return _CLEARS
        if special := self.special():
            return special
        if _AGGREGATE.match(last):
            return f"`{last}` of what? A metric, such as `{last} query_time`"
        names = [word.text for word in self.before if _NAME.match(word.text) and word.text not in _KEYWORDS]
        name = names[-1] if names else last
        if self.starts_term() and name not in self.vocabulary:
            return no_metric(name, self.vocabulary)
        return f"`{name}` is compared with nothing: say `> 80%`, `> 400MB` or the like"

    def at_end(self) -> SentenceError:
        """The sentence ends too early."""
        opened: list[int] = []
        for match in re.finditer(r"[()]", self.text):
            if match.group() == "(":
                opened.append(match.start())
            elif opened:
                opened.pop()
        last = self.previous.text
        if opened and (self.closed() or (self.compared and last not in _COMPARES | _JOINS | set(_AFTER))):
            return SentenceError("`(` is never closed: add `)`", opened[-1], opened[-1] + 1)
        return self.wrong(self.missing(), self.previous)


def _fault(text: str) -> str:
    try:
        read(text)
    except ValueError as error:
        return str(error)
    return ""
