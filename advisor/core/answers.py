"""What is answered to a sentence that the grammar does not take: the likely slip, and the way out."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from advisor.core.model import Metric
from advisor.core.sentence import SentenceError
from advisor.core.typed import KNOWN_AGGREGATES, SYNONYMS, no_metric
from advisor.core.units import read

__all__ = ["answer"]


class Word(NamedTuple):
    """A word of the sentence with its place."""

    text: str
    start: int
    end: int


_WORDS = re.compile(
    r"[()]|[<>=!≤≥≠]+|,(?![0-9])"
    r"|[$€£¥+-]*\.?[0-9](?:[^\s(),<>=!≤≥≠]|,(?=[0-9]))*(?:\s+(?:second|minute|hour|day|week|month|year)s?(?![\w.]))?"
    r"|[^\W0-9][\w.-]*|\S"
)
_COMPARES = {">", ">=", "<", "<="}
_INSTEAD = {"≥": ">=", "≤": "<=", "=>": ">=", "=<": "<=", ">>": ">", "<<": "<"}
_IN_WORDS = {
    "above": ">",
    "over": ">",
    "exceeds": ">",
    "below": "<",
    "under": "<",
    "is": ">",
    "gt": ">",
    "lt": "<",
}
_JOINS = {"and", "or", "not"}
_HOLDS = {"for", "sustained", "on"}
_PERIODS = "second minute hour day week month"
_LIMITS = {"quota", "max", "pool", "available", "budget"}
_KEYWORDS = (
    _JOINS
    | _HOLDS
    | _LIMITS
    | {"needs", "over", "in", "per", "of", "clears", "any", "growth", "forecast", "time"}
)
_AGGREGATE = re.compile(r"(?:avg|min|max|p[0-9.]+)$")
_OTHER_AGGREGATES = {
    "mean": "avg",
    "average": "avg",
    "median": "p50",
    "maximum": "max",
    "minimum": "min",
    "sum": "per day",
}
_VALUE = re.compile(r"[$€£¥+-]*\.?[0-9]")
_UNITLIKE = re.compile(r"(?:[KMGTP]?i?B|[kmgtp]i?[bB]|ms|s|m|min|h|d|w|K|M|k|%|USD)$")


def answer(text: str, place: int, vocabulary: Mapping[str, Metric]) -> SentenceError:  # noqa: C901, PLR0912
    """Return the error for a sentence that stops making sense at `place` (its length: at its end)."""
    words = [Word(match.group(), match.start(), match.end()) for match in _WORDS.finditer(text)]
    if not words:
        return SentenceError("the sentence is empty: write a comparison, such as `storage > 400MB`")
    index = next((i for i, word in enumerate(words) if word.end > place), len(words))
    before = words[:index]
    previous = before[-1] if before else None
    if index == len(words):
        return _at_end(text, words, vocabulary)
    word = words[index]
    after = words[index + 1] if index + 1 < len(words) else None

    def wrong(message: str, at: Word = word, to: Word | None = None) -> SentenceError:
        return SentenceError(message, at.start, (to or at).end)

    compared = _compared(before)
    if previous is not None:
        value = bool(_VALUE.match(previous.text))
        if value and len(before) > 1 and before[-2].text in _COMPARES | {"below", "above"}:
            if word.text == "%" or (_UNITLIKE.match(word.text) and " " not in previous.text):
                glued = f"{previous.text}{word.text}"
                return wrong(
                    _value_answer(glued)
                    or f"`{previous.text} {word.text}`: no space in a value: write `{glued}`",
                    previous,
                    word,
                )
            if word.text in _LIMITS or word.text in vocabulary:
                if previous.text.endswith("%"):
                    return wrong(f"a word is missing: `{previous.text} of {word.text}`", previous, word)
            if fault := _value_answer(previous.text):
                return wrong(fault, previous)
        if value and not compared and (word.text in _COMPARES or "=" in word.text):
            return wrong("the metric goes first, the number last: `storage > 400MB`", previous)
    if set(word.text) <= set("=!≠") or word.text in {"is", "equals"}:
        sign = "!=" if "!" in word.text or "≠" in word.text else "="
        return wrong(f"no `{sign}`: measured values are compared with > >= < <=")
    if word.text in _INSTEAD:
        return wrong(f"`{word.text}`: write `{_INSTEAD[word.text]}`")
    if word.text == ")":
        if text[: word.start].count("(") <= text[: word.start].count(")"):
            return wrong("`)` closes no parenthesis: take it away, or open one with `(`")
        if previous is not None and previous.text == "(":
            return wrong("nothing between the parentheses", previous, word)
        return wrong(_missing(before, vocabulary))
    if previous is None or previous.text in _JOINS | {"("}:
        return _at_start(word, after, previous, vocabulary)
    if previous.text in _COMPARES:
        return wrong(_after_compare(word, previous, vocabulary))
    if previous.text == "per":
        return wrong(f"after `per`: {_PERIODS}")
    if previous.text == "needs":
        return wrong("after `needs`: the name of a need, such as `needs control`")
    if previous.text in {"over", "in", "for"}:
        return wrong(f"after `{previous.text}`: a span of time, such as 15m, 1h, 3 days or 1 month")
    if previous.text == "on" or (len(before) > 1 and before[-2].text == "on") or word.text == "row":
        return wrong("days are counted so: `on 3 days in a row`, `on 3 of 7 days`")
    if previous.text == "of":
        return wrong("after `of`: quota, max, pool, available, budget or another metric")
    if previous.text == "clears":
        return wrong("clears below or above what? `clears below 75%`")
    if previous.text == ",":
        return wrong("after the comma: `clears below` or `clears above`, such as `, clears below 75%`")
    if word.text == ",":
        return wrong(
            "after a comma comes `clears below` or `clears above`; comparisons are joined by `and` or `or`"
        )
    if word.text == "clears":
        return wrong("a comma before `clears`: `memory > 80% of available, clears below 75% of available`")
    if word.text in {"and", "or"} and compared:
        return wrong("`and` and `or` in one row can be read two ways: add parentheses")
    if word.text in _HOLDS:
        if not compared and not _closes(before):
            return wrong(_missing(before, vocabulary))
        if _closes(before):
            return wrong(
                f"`not` turns what is inside; put `{word.text}` inside, or parentheses around: `(not (...)) for 1h`"
            )
        if len(before) > 1 and before[-2].text == "needs":
            return wrong(
                "an answer does not change by itself, so no hold after `needs`: put the hold on a comparison"
            )
        return wrong("one hold is enough: take this one away, or put parentheses around the first")
    if word.text in _COMPARES and compared:
        return wrong("one comparison at a time: join two with `and`, such as `users >= 1K and users < 9K`")
    if word.text in {"per", "over", "in"} and compared:
        return wrong(f"`{word.text} ...` belongs to the metric, before the sign: `emails per day > 80`")
    if not compared and not _closes(before):
        return _before_compare(word, previous, before, vocabulary)
    if word.text.lower() in {"and", "or", "not"}:
        return wrong(f"write `{word.text.lower()}` in small letters")
    if word.text in {"&&", "&", "||", "|"} or word.text in "&|":
        return wrong("comparisons are joined by the words `and` and `or`")
    if word.text == "(" or (after is not None and after.text in _COMPARES | {"over", "in", "per", "("}):
        return wrong(f"`and` or `or` before `{word.text}`?")
    return wrong(f"stray word `{word.text}`: the metric says what is counted")


def _value_answer(text: str) -> str:
    try:
        read(text)
    except ValueError as error:
        return str(error)
    return ""


def _compared(before: list[Word]) -> bool:
    """True where a comparison sign stands in the running term."""
    for word in reversed(before):
        if word.text in _COMPARES or word.text == "missed":
            return True
        if word.text == "needs":
            return True
        if word.text in {"and", "or", "("}:
            return False
    return False


def _closes(before: list[Word]) -> bool:
    return bool(before) and before[-1].text == ")"


def _missing(before: list[Word], vocabulary: Mapping[str, Metric]) -> str:
    last = before[-1].text if before else ""
    if last in _COMPARES:
        return f"nothing to compare with after `{last}`"
    if last in _JOINS:
        return f"nothing after `{last}`"
    if last == "per":
        return f"after `per`: {_PERIODS}"
    if last in {"over", "in", "for"}:
        return f"after `{last}`: a span of time, such as 15m, 1h, 3 days or 1 month"
    if last == "of":
        return "of what? quota, max, pool, available, budget or a metric"
    if last == "on" or (len(before) > 1 and before[-2].text == "on"):
        return "days are counted so: `on 3 days in a row`, `on 3 of 7 days`"
    if last == "needs":
        return "after `needs`: the name of a need, such as `needs control`"
    if last in {"clears", "below", "above", ","}:
        return "clears below or above what? `, clears below 75%`"
    name = next(
        (w.text for w in reversed(before) if re.match(r"[^\W0-9]", w.text) and w.text not in _KEYWORDS), last
    )
    if name not in vocabulary and not _VALUE.match(last) and not _AGGREGATE.match(name):
        return no_metric(name, vocabulary)
    return f"`{name}` is compared with nothing: say `> 80%`, `> 400MB` or the like"


def _at_end(text: str, words: list[Word], vocabulary: Mapping[str, Metric]) -> SentenceError:
    opened: list[int] = []
    for match in re.finditer(r"[()]", text):
        if match.group() == "(":
            opened.append(match.start())
        elif opened:
            opened.pop()
    last = words[-1]
    complete = _closes(words) or (
        _compared(words) and last.text not in _COMPARES | _JOINS | {"of", "for", "on", ","}
    )
    if opened and complete:
        return SentenceError("`(` is never closed: add `)`", opened[-1], opened[-1] + 1)
    if last.text == "not" or last.text == "(":
        return SentenceError(f"nothing after `{last.text}`", last.start, last.end)
    return SentenceError(_missing(words, vocabulary), last.start, last.end)


def _at_start(
    word: Word, after: Word | None, previous: Word | None, vocabulary: Mapping[str, Metric]
) -> SentenceError:
    """Where a comparison should begin."""

    def wrong(message: str) -> SentenceError:
        return SentenceError(message, word.start, word.end)

    if previous is not None and previous.text == "not":
        return wrong(f"`not` is followed by parentheses: `not ({word.text} ...)`")
    if _VALUE.match(word.text):
        return wrong("the metric goes first, the number last: `storage > 400MB`")
    if word.text in _COMPARES:
        return wrong(f"what is compared? The metric goes before `{word.text}`: `storage > 400MB`")
    if word.text == "any":
        return wrong("after `any`: `any metric > 80% of quota`, or `any target missed`")
    if word.text in {"and", "or"}:
        return wrong(f"nothing before `{word.text}`")
    if word.text in _LIMITS:
        return wrong(f"the metric goes first: `storage > 80% of {word.text}`")
    if re.match(r"[^\W0-9]", word.text) and word.text not in _KEYWORDS:
        return wrong(no_metric(word.text, vocabulary))
    return wrong(f"a comparison does not begin with `{word.text}`: `storage > 400MB`")


def _after_compare(word: Word, previous: Word, vocabulary: Mapping[str, Metric]) -> str:
    if word.text in _JOINS | _HOLDS | {")", ",", "clears", "in", "over", "per"}:
        return f"nothing to compare with after `{previous.text}`"
    if "=" in word.text or word.text in _COMPARES:
        return f"`{previous.text} {word.text}`: one sign: > >= < <="
    if _AGGREGATE.match(word.text):
        return "the aggregate goes with the first metric only: `p95 query_time > 50% of response_time`"
    if word.text in {"$", "-", "+", "."}:
        return f"no space after `{word.text}`: write such as $50"
    return f"`{word.text}` is no value; write such as 400MB, 50ms, 3 days, 80%, 4K or $50"


def _before_compare(
    word: Word, previous: Word, before: list[Word], vocabulary: Mapping[str, Metric]
) -> SentenceError:
    """Between a comparison's first word and its sign."""

    def wrong(message: str, at: Word = word) -> SentenceError:
        return SentenceError(message, at.start, at.end)

    name = previous.text
    if _AGGREGATE.match(name) and name not in vocabulary:
        if name.startswith("p") and name[1:] and name not in KNOWN_AGGREGATES.split():
            return wrong(f"no `{name}`; known: {KNOWN_AGGREGATES}", previous)
        return wrong(f"`{name}` of what? A metric, such as `{name} query_time`", previous)
    if name in _OTHER_AGGREGATES and word.text in vocabulary:
        return wrong(f"no `{name}`; write `{_OTHER_AGGREGATES[name]}`", previous)
    if name == "growth":
        return wrong("growth of what, over which span? `growth of cost over 1 month`", previous)
    if name == "forecast":
        return wrong("forecast of what, and when? `forecast of storage in 30 days`", previous)
    if before[-1].text in {"time", "to", "limit"} and any(w.text == "time" for w in before):
        return wrong(
            "`time to limit of` and a metric, such as `time to limit of storage < 14 days`", previous
        )
    if any(w.text == "growth" for w in before) and word.text != "over":
        return wrong("growth over which span? `growth of cost over 1 month`")
    if any(w.text == "forecast" for w in before):
        return wrong("forecast for when? `forecast of storage in 30 days`, `forecast of egress per month`")
    if _VALUE.match(word.text) or word.text in _LIMITS:
        return wrong(f"a sign is missing before `{word.text}`: > >= < <=")
    if word.text in _IN_WORDS:
        return wrong(f"`{word.text}`: write `{_IN_WORDS[word.text]}`")
    if (
        name not in vocabulary
        and re.match(r"[^\W0-9]", name)
        and name not in _KEYWORDS | set(_PERIODS.split())
    ):
        guess = f"{name}_{word.text}"
        if guess in vocabulary:
            return SentenceError(
                f"no metric `{name} {word.text}`; did you mean `{guess}`?", previous.start, word.end
            )
        return wrong(no_metric(name, vocabulary), previous)
    if word.text in vocabulary or word.text in SYNONYMS:
        return wrong(f"two metrics in a row: `and`, or a sign, between `{name}` and `{word.text}`?")
    return wrong(
        f"`{word.text}` does not fit here: after the metric comes over, in, per or a sign (> >= < <=)"
    )
