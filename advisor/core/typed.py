"""From raw pieces to the typed tree: every word of a sentence is held against the metric's kind and unit."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lark import Token

from advisor.core.grammar import (
    AGGREGATES,
    RawAny,
    RawCondition,
    RawForecast,
    RawGroup,
    RawGrowth,
    RawHold,
    RawMeasure,
    RawNeeds,
    RawNot,
    RawQuantity,
    RawRow,
    RawSentence,
    RawTarget,
    RawTest,
    RawThreshold,
    RawTimeToLimit,
    RawWindow,
)
from advisor.core.model import Kind, Limit, Metric
from advisor.core.sentence import (
    And,
    AnyMetric,
    Calendar,
    Clears,
    Compare,
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
from advisor.core.units import Unit, example, read

__all__ = ["KNOWN_QUANTILES", "SYNONYMS", "Typing", "no_metric", "read_span"]

#: What people call things that have another name here.
SYNONYMS: Mapping[str, str] = {
    "bandwidth": "egress",
    "traffic": "egress",
    "transfer": "egress",
    "disk": "storage",
    "size": "storage",
    "database_size": "storage",
    "db_size": "storage",
    "ram": "memory",
    "load": "cpu",
    "cpu_usage": "cpu",
    "mau": "active_users",
    "bill": "cost",
    "costs": "cost",
    "price": "cost",
    "spend": "cost",
    "income": "revenue",
    "mrr": "revenue",
    "availability": "uptime",
    "hit_rate": "cache_hit_rate",
    "uploads": "class_a_operations",
    "downloads": "class_b_operations",
    "queries": "reads",
    "vms": "instances",
    "machines": "instances",
    "mails": "emails",
    "response": "response_time",
    "ping": "latency",
}
#: The limits in the order in which an answer offers them.
_OFFERED = (Limit.AVAILABLE, Limit.MAX, Limit.QUOTA, Limit.POOL, Limit.BUDGET)
_CLOCKS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_SPAN_LETTERS = {"second": "s", "minute": "m", "hour": "h", "day": "d", "week": "w"}
_LIMITS = {limit.value: limit for limit in Limit}


def no_metric(name: str, vocabulary: Mapping[str, Metric]) -> str:
    """Return the answer to a name that the vocabulary does not have."""
    import difflib  # A tenth of the time that the language takes to load, for slips only.

    guess = SYNONYMS.get(name.lower())
    if guess not in vocabulary:
        folded = name.lower().replace("-", "_")
        near = [folded] if folded in vocabulary else difflib.get_close_matches(folded, vocabulary, 1, 0.6)
        guess = near[0] if near else None
    hint = f"; did you mean `{guess}`?" if guess else "; `advisor metrics list` shows all"
    return f"no metric `{name}`{hint}"


def read_span(text: str) -> Span:
    """Return the span that a token such as `15m`, `3 days` or `1 month` says.

    Raises:
        ValueError: It is no span; the message says what to write instead.
    """
    words = text.split()
    if len(words) == 2 and words[1] in {"month", "months"}:
        if words != ["1", "month"]:
            raise ValueError(f"`{text}`: a span is at most `1 month`, or days, such as `90 days`")
        return Span(1.0, "month")
    seconds, unit = read(text)
    if unit is not Unit.SECONDS:
        raise ValueError(f"`{text}` is no span of time; write such as 15m, 1h, 3 days or 1 month")
    if seconds <= 0:
        raise ValueError(f"`{text}`: a span of time is above 0")
    if len(words) == 2:
        count, letter = float(words[0]), _SPAN_LETTERS[words[1].removesuffix("s")]
    elif text.endswith("ms"):
        count, letter = seconds, "s"
    else:
        count, letter = float(text[:-1]), text[-1]
    if letter in {"d", "w"} and count != int(count):
        raise ValueError(f"`{text}`: days are whole in a span: write `{seconds / 3600:g}h`")
    return Span(count, letter)


def _listed(words: Iterable[str]) -> str:
    texts = list(words)
    return "".join(texts) if len(texts) < 2 else f"{', '.join(texts[:-1])} and {texts[-1]}"


class Typing:
    """Types one sentence. A fault is raised as SentenceError with its place."""

    def __init__(self, text: str, vocabulary: Mapping[str, Metric]) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.tests: list[tuple[Test, bool, RawTest]] = []
        self.targets = False

    def sentence(self, raw: RawSentence) -> Sentence:
        """Return the typed sentence."""
        condition = self.condition(raw.condition, turned=False)
        clears = self.clears(*raw.clears) if raw.clears else None
        return Sentence(condition, clears, self.slice(0, len(self.text)))

    # Conditions

    def condition(self, raw: RawCondition, *, turned: bool) -> Condition:
        """Return a typed condition; `turned` says that an odd number of `not` stands before it."""
        match raw:
            case RawTest():
                test = self.test(raw)
                self.tests.append((test, turned, raw))
                return test
            case RawTarget():
                self.targets = True
                hold = self.hold(raw.hold) if raw.hold else None
                return TargetMissed(
                    hold, self.slice(_start(raw.word), raw.hold.end if raw.hold else _end(raw.word))
                )
            case RawNeeds():
                return Needs(str(raw.name), self.slice(_start(raw.word), _end(raw.name)))
            case RawNot():
                return Not(self.condition(raw.condition, turned=not turned))
            case RawGroup():
                return self.group(raw, turned=turned)
            case RawRow():
                self.refuse_trailing_hold(raw)
                terms = tuple(self.condition(term, turned=turned) for term in raw.terms)
                return And(terms) if raw.word == "and" else Or(terms)

    def group(self, raw: RawGroup, *, turned: bool) -> Condition:
        """Return what stands in a parenthesis, with its hold if it has one."""
        first = len(self.tests)
        inner = self.condition(raw.condition, turned=turned)
        if raw.hold is None:
            return inner
        hold = self.hold(raw.hold)
        for _, _, test in self.tests[first:]:
            self.refuse_hold(test.quantity, raw.hold, hold)
        return Group(inner, hold)

    def refuse_trailing_hold(self, raw: RawRow) -> None:
        """Refuse `a and b for 1h`, which can be read two ways."""
        last = raw.terms[-1]
        others = raw.terms[:-1]
        if (
            isinstance(last, RawTest | RawTarget)
            and last.hold
            and not all(isinstance(term, RawTest | RawTarget | RawGroup) and term.hold for term in others)
        ):
            raise SentenceError(
                "one comparison or the whole row? Put it first, or parentheses around the row",
                _start(last.hold.word),
                last.hold.end,
            )

    # Comparisons

    def test(self, raw: RawTest) -> Test:
        """Return a typed comparison."""
        quantity = self.quantity(raw.quantity, raw.threshold)
        threshold = self.threshold(raw.quantity, quantity, raw.threshold)
        if isinstance(threshold, ShareOf) and threshold.of is Limit.BUDGET:
            self.refuse_other_than_month(raw, quantity)
        if isinstance(quantity, Measure):
            self.refuse_bare_amount(raw, quantity, threshold)
        hold = None
        if raw.hold:
            hold = self.hold(raw.hold)
            self.refuse_hold(raw.quantity, raw.hold, hold)
        end = raw.hold.end if raw.hold else raw.threshold.end
        start = _quantity_place(raw.quantity)[0]
        return Test(quantity, Compare(str(raw.compare)), threshold, hold, self.slice(start, end))

    def metric(self, name: Token) -> Metric:
        """Return the metric of that name."""
        metric = self.vocabulary.get(str(name))
        if metric is None:
            raise _at(name, no_metric(str(name), self.vocabulary))
        return metric

    def quantity(self, raw: RawQuantity, threshold: RawThreshold) -> Quantity:
        """Return a typed quantity."""
        match raw:
            case RawAny():
                if threshold.value is not None and threshold.of is None:
                    _, unit = self.value(threshold.value)
                    if unit is Unit.RATIO:
                        raise _at(threshold.value, f"{threshold.value} of what? `{threshold.value} of quota`")
                if threshold.of is None or str(threshold.of) not in _LIMITS:
                    raise SentenceError(
                        "metrics differ in unit, so `any metric` is held against a limit: "
                        "`any metric > 80% of quota`",
                        threshold.start,
                        threshold.end,
                    )
                return AnyMetric()
            case RawGrowth():
                return self.growth(raw)
            case RawForecast():
                return self.forecast(raw)
            case RawTimeToLimit():
                metric = self.metric(raw.name)
                if metric.kind not in {Kind.LEVEL, Kind.AMOUNT}:
                    raise _at(
                        raw.name, f"`{metric.name}` does not fill up: only levels and amounts reach a limit"
                    )
                if not metric.limits:
                    raise _at(raw.name, f"`{metric.name}` has no limit that it could reach")
                return TimeToLimit(metric.name)
            case RawMeasure():
                return self.measure(raw)

    def measure(self, raw: RawMeasure) -> Measure:
        """Return `[agg] name [window]`, checked against the metric's kind."""
        metric = self.metric(raw.name)
        fault = {
            Kind.LEVEL: self.level_fault,
            Kind.DISTRIBUTION: self.distribution_fault,
            Kind.SHARE: self.share_fault,
            Kind.AMOUNT: self.amount_fault,
        }[metric.kind](raw, metric.name)
        if fault is not None:
            raise fault
        agg = str(raw.agg) if raw.agg is not None else ""
        return Measure(metric.name, agg, self.window(raw.window) if raw.window else None)

    def level_fault(self, raw: RawMeasure, name: str) -> SentenceError | None:
        """A level stands bare, or with an aggregate and `over`."""
        window = raw.window
        if window and window.word.type != "OVER":
            return _over(window, f"`{name}` is a level, it has no `{_words(window)}`")
        if raw.agg is not None and not window:
            message = f"`{raw.agg} {name}` over which window? `{raw.agg} {name} over 1h`"
            return SentenceError(message, _start(raw.agg), _end(raw.name))
        if window and raw.agg is None:
            said = _words(window)
            message = f"`{name} {said}` is many values: say which: `avg {name} {said}`, `max {name} {said}`"
            return SentenceError(message, _start(raw.name), window.end)
        return None

    def distribution_fault(self, raw: RawMeasure, name: str) -> SentenceError | None:
        """A distribution says which of its values; its window is `over`."""
        if raw.window and raw.window.word.type != "OVER":
            better = f"`{raw.agg or 'p95'} {name} over 1d`"
            return _over(raw.window, f"`{name}` is many values, it has no `{_words(raw.window)}`: {better}")
        return _at(raw.name, _say_which(name)) if raw.agg is None else None

    def share_fault(self, raw: RawMeasure, name: str) -> SentenceError | None:
        """A share has no aggregate; its window is `over`."""
        if raw.agg is not None:
            message = f"`{name}` is a share, part over whole, so it has no `{raw.agg}`: `{name} over 1d`"
            return SentenceError(message, _start(raw.agg), _end(raw.name))
        if raw.window and raw.window.word.type != "OVER":
            return _over(
                raw.window, f"`{name}` is a share, it has no `{_words(raw.window)}`: `{name} over 1d`"
            )
        return None

    def amount_fault(self, raw: RawMeasure, name: str) -> SentenceError | None:
        """An amount has no aggregate; its window is `in` or `per`."""
        if raw.agg is not None:
            better = f"its mean is a rate, `{name} per hour over 1d`"
            message = f"`{name}` is an amount, so it has no `{raw.agg}`: {better}"
            return SentenceError(message, _start(raw.agg), _end(raw.name))
        if raw.window and raw.window.word.type == "OVER":
            better = f"`{name} in {raw.window.what}`, not `{_words(raw.window)}`"
            return _over(raw.window, f"`{name}` is an amount, it is summed: {better}")
        return None

    def growth(self, raw: RawGrowth) -> Growth:
        """Return `growth of [agg] name over span`."""
        metric = self.metric(raw.name)
        agg = str(raw.agg) if raw.agg is not None else ""
        if metric.kind is Kind.DISTRIBUTION and not agg:
            raise _at(raw.name, _say_which(metric.name))
        if raw.agg is not None and metric.kind in {Kind.AMOUNT, Kind.SHARE}:
            kind = "an amount" if metric.kind is Kind.AMOUNT else "a share"
            raise _at(
                raw.agg,
                f"`{metric.name}` is {kind}, so it has no `{agg}`: `growth of {metric.name} over {raw.span}`",
            )
        return Growth(metric.name, self.span(raw.span), agg)

    def forecast(self, raw: RawForecast) -> Forecast:
        """Return `forecast of name in span` for a level, `per calendar` for an amount."""
        metric = self.metric(raw.name)
        name = metric.name
        if metric.kind is Kind.LEVEL and raw.how.type == "PER":
            raise SentenceError(
                f"`{name}` is a level, it has no `per {raw.horizon}`: `forecast of {name} in 30 days`",
                _start(raw.how),
                _end(raw.horizon),
            )
        if metric.kind is Kind.AMOUNT and raw.how.type == "IN":
            raise SentenceError(
                f"`{name}` is an amount: forecast per what? `forecast of {name} per month`",
                _start(raw.how),
                _end(raw.horizon),
            )
        if metric.kind not in {Kind.LEVEL, Kind.AMOUNT}:
            kind = "many values" if metric.kind is Kind.DISTRIBUTION else "a share"
            raise _at(
                raw.name, f"`{name}` is {kind}: only levels and amounts have a forecast, such as `storage`"
            )
        if raw.how.type == "PER":
            return Forecast(name, Calendar(str(raw.horizon)))
        return Forecast(name, self.span(raw.horizon))

    def refuse_other_than_month(self, raw: RawTest, quantity: Quantity) -> None:
        """Refuse `cost per day > 80% of budget`; a bare `cost` has an answer of its own."""
        match quantity:
            case (
                Measure(window=None) | Measure(window=Per(Calendar.MONTH)) | Forecast(horizon=Calendar.MONTH)
            ):
                return
            case Measure(metric=name) | Forecast(metric=name):
                said = f"`{name} per month`"
            case _:
                said = "`cost per month > 80% of budget`"
        raise SentenceError(f"a budget is a month's: {said}", *_quantity_place(raw.quantity))

    def refuse_bare_amount(self, raw: RawTest, quantity: Measure, threshold: Threshold) -> None:
        """Refuse an amount without a period, unless its quota says which; and a limit of another period."""
        metric = self.vocabulary[quantity.metric]
        if metric.kind is not Kind.AMOUNT:
            return
        start, end = _quantity_place(raw.quantity)
        name = metric.name
        of = threshold.of if isinstance(threshold, ShareOf) else None
        if quantity.window is None and of is not Limit.QUOTA:
            raise SentenceError(
                f"`{name}` is an amount: per what? `{name} per day`, `{name} per month`, `{name} in 1h`",
                start,
                end,
            )
        if of is Limit.QUOTA and isinstance(quantity.window, In | Rate):
            words = self.slice(_end(raw.quantity.name), end) if isinstance(raw.quantity, RawMeasure) else ""
            raise SentenceError(
                f"a quota has its own period: `{name} > 80% of quota`, without `{words}`",
                start,
                end,
            )

    # Thresholds

    def value(self, token: Token) -> tuple[float, Unit]:
        """Return a value token's number and unit."""
        try:
            return read(str(token))
        except ValueError as error:
            raise _at(token, str(error)) from None

    def threshold(self, raw: RawQuantity, quantity: Quantity, threshold: RawThreshold) -> Threshold:
        """Return what the quantity is held against, checked against the quantity's unit."""
        metric = self.vocabulary[quantity.metric] if not isinstance(quantity, AnyMetric) else None
        subject, unit = _subject_of(raw, quantity, metric)
        if threshold.of is not None:
            ratio = 1.0 if threshold.value is None else self.share(threshold.value)
            return ShareOf(ratio, self.reference(threshold, threshold.of, quantity, metric, subject, ratio))
        if threshold.value is None:
            raise AssertionError(threshold)
        token = str(threshold.value)
        self.refuse_period(raw, threshold.value)
        if metric is not None and len(words := token.split()) == 2 and words[1] in {"month", "months"}:
            raise _at(threshold.value, f"`{token}`: months differ in length: write days, such as `30 days`")
        number, written = self.value(threshold.value)
        if written is unit:
            self.refuse_negative(quantity, number, threshold.value)
            return Value(number, written)
        if written is Unit.RATIO and metric is not None and isinstance(quantity, Measure | Forecast):
            raise _at(threshold.value, f"{token} of what? {self.shares(token, metric)}")
        if unit is Unit.RATIO and written is Unit.COUNT:
            raise _at(threshold.value, f"{subject} is a ratio: write {_as_percent(number)}")
        hint = ""
        if unit is Unit.COUNT and token.endswith("m") and token[:-1].isdigit():
            hint = f" (`{token}` is minutes; `{token[:-1]}M` is millions)"
        raise _at(threshold.value, f"{token} does not fit: {subject} needs {example(unit)}{hint}")

    def share(self, token: Token) -> float:
        """Return the ratio before `of`."""
        number, unit = self.value(token)
        if unit is not Unit.RATIO:
            raise _at(token, f"`{token} of`: a share is written in percent, such as 80%")
        if number < 0:
            raise _at(token, f"`{token}`: a share is not below zero: write {str(token).lstrip('-')}")
        return number

    def reference(
        self,
        threshold: RawThreshold,
        of: Token,
        quantity: Quantity,
        metric: Metric | None,
        subject: str,
        ratio: float,
    ) -> Limit | str:
        """Return the limit or the other metric after `of`."""
        word = str(of)
        limit = _LIMITS.get(word)
        if metric is None:
            return Limit(word)
        if isinstance(quantity, Growth):
            raise SentenceError(
                f"growth is a ratio already, it has no {word}: `> {_as_percent(ratio)}`",
                threshold.start,
                threshold.end,
            )
        if isinstance(quantity, TimeToLimit):
            raise SentenceError(
                "time to limit is a time: hold it against one, such as `< 14 days`",
                threshold.start,
                threshold.end,
            )
        if limit is None:
            other = self.metric(of)
            if other.unit is not metric.unit or other.kind is not metric.kind:
                raise _at(
                    of,
                    f"`{other.name}` is {_called(other)}, {subject} is {_called(metric)}: "
                    "they must be of the same unit and kind",
                )
            if other.name == metric.name:
                raise _at(of, f"{subject} of itself says nothing; name another metric")
            return other.name
        if limit in metric.limits:
            return limit
        if metric.unit is Unit.RATIO:
            raise _at(
                of,
                f"{subject} is a ratio already and has no {word}: `{metric.name} > {_as_percent(ratio)}`",
            )
        raise _at(of, f"{subject} has no {word}; it has {self.limits_of(metric)}")

    def limits_of(self, metric: Metric) -> str:
        """Return `quota and max`, or that there is none."""
        return _listed(limit.value for limit in Limit if limit in metric.limits) or "no limit at all"

    def shares(self, token: str, metric: Metric) -> str:
        """Return the ways to complete a bare percentage."""
        offered = [f"`{token} of {limit.value}`" for limit in _OFFERED if limit in metric.limits]
        if offered:
            return ", ".join(offered)
        return (
            f"`{metric.name}` has no limit: write {example(metric.unit)}, or name another metric after `of`"
        )

    def refuse_period(self, raw: RawQuantity, token: Token) -> None:
        """Refuse `$50/mo` with the sentence that says the same."""
        value, slash, _ = str(token).partition("/")
        if not slash:
            return
        try:
            read(str(token))
        except ValueError as error:
            message = str(error)
            if message.startswith("the period belongs to the metric"):
                name = "cost" if isinstance(raw, RawAny) else str(raw.name)
                message = f"the period belongs to the metric: `{name} {message.split('`')[1]} > {value}`"
                if name in self.vocabulary and self.vocabulary[name].kind is not Kind.AMOUNT:
                    message = f"`{name}` is no amount, so it has no period: write {value}"
            raise _at(token, message) from None

    def refuse_negative(self, quantity: Quantity, number: float, token: Token) -> None:
        """Refuse a value below zero, which only growth can have."""
        if number < 0 and not isinstance(quantity, Growth):
            raise _at(
                token, f"`{token}`: nothing that is measured here is below zero; only `growth of` can be"
            )

    # Holds, windows, clears

    def hold(self, raw: RawHold) -> Hold:
        """Return a typed hold."""
        if raw.first is None:
            return For(None)
        if raw.word.type == "FOR":
            return For(self.span(raw.first))
        hits = int(raw.first)
        days = int(raw.second) if raw.second is not None else hits
        if not 1 <= hits <= days <= 366:
            raise SentenceError(
                f"`{self.slice(_start(raw.word), raw.end)}`: at least 1 day, at most all of them and 366: "
                "`on 3 of 7 days`",
                _start(raw.word),
                raw.end,
            )
        return OnDays(hits, days)

    def refuse_hold(self, raw: RawQuantity, at: RawHold, hold: Hold) -> None:
        """Refuse a hold that the quantity cannot have."""
        start, end = _start(at.word), at.end
        if isinstance(hold, For):
            days = "3"
            if hold.span and hold.span.unit == "d" and hold.span.count > 1:
                days = f"{hold.span.count:g}"
            word = "for" if hold.span else "sustained"
            if isinstance(raw, RawMeasure) and raw.window and raw.window.what.type == "CALENDAR":
                raise SentenceError(
                    f"`{_words(raw.window)}` starts anew at every reset, so no `{word}`; "
                    f"say `on {days} days in a row`",
                    start,
                    end,
                )
            if isinstance(raw, RawMeasure) and not raw.window and self.metric(raw.name).kind is Kind.AMOUNT:
                raise SentenceError(
                    f"the quota's period starts anew at every reset, so no `{word}`; leave it away",
                    start,
                    end,
                )
            return
        if isinstance(raw, RawForecast | RawGrowth | RawTimeToLimit):
            raise SentenceError(
                "what is reckoned over many days has no value of a single day: say `for 3 days`", start, end
            )
        if isinstance(raw, RawMeasure) and raw.window and str(raw.window.what) in {"week", "month"}:
            raise SentenceError(
                f"`{_words(raw.window)}` is no day's value, and days are judged one by one: `per day`",
                start,
                end,
            )

    def span(self, token: Token) -> Span:
        """Return a span token."""
        try:
            return read_span(str(token))
        except ValueError as error:
            raise _at(token, str(error)) from None

    def window(self, raw: RawWindow) -> Over | In | Per | Rate:
        """Return a typed window."""
        match raw.word.type:
            case "OVER":
                return Over(self.span(raw.what))
            case "IN":
                return In(self.span(raw.what))
        if raw.what.type == "CLOCK":
            return Rate(_CLOCKS[str(raw.what)], self.span(raw.over) if raw.over is not None else None)
        return Per(Calendar(str(raw.what)))

    def clears(self, word: Token, raw: RawThreshold) -> Clears:
        """Return `, clears below X`, checked against the one comparison that it speaks of."""
        place = (_start(word), raw.end)
        if len(self.tests) != 1 or self.targets:
            what = "there is none here" if not self.tests else "it would be unclear which one is meant"
            raise SentenceError(
                f"`clears` speaks of one comparison, and {what}: write one rule for each", *place
            )
        test, turned, of = self.tests[0]
        upward = test.compare.upward is not turned
        below = str(word).endswith("below")
        if below is not upward:
            right, wrong = ("below", "above") if upward else ("above", "below")
            raise SentenceError(f"`{test.text}` clears {right}, not {wrong}", *place)
        threshold = self.clearing(of, test, raw)
        if type(threshold) is not type(test.threshold) or (
            isinstance(threshold, ShareOf) and threshold.of != getattr(test.threshold, "of", None)
        ):
            raise SentenceError(
                "`clears` needs a threshold of the same kind as the comparison's: "
                f"`{self.slice(of.threshold.start, of.threshold.end)}`",
                *place,
            )
        old, new = _figure(test.threshold), _figure(threshold)
        if (new > old) if upward else (new < old):
            side = "below" if upward else "above"
            raise SentenceError(
                f"it would clear while it still holds: what clears is {side} "
                f"{self.slice(of.threshold.start, of.threshold.end)}",
                *place,
            )
        return Clears(below, threshold)

    def clearing(self, of: RawTest, test: Test, raw: RawThreshold) -> Threshold:
        """Return the threshold after `clears`; a bare percentage is of what the comparison's is of."""
        if raw.of is None and raw.value is not None and isinstance(test.threshold, ShareOf):
            number, unit = self.value(raw.value)
            if unit is Unit.RATIO:
                return replace(test.threshold, ratio=number)
        return self.threshold(of.quantity, test.quantity, raw)

    def slice(self, start: int, end: int) -> str:
        """Return the sentence's own words between two places, on one line."""
        return " ".join(self.text[start:end].split())


def _at(token: Token, message: str) -> SentenceError:
    return SentenceError(message, _start(token), _end(token))


def _over(window: RawWindow, message: str) -> SentenceError:
    return SentenceError(message, _start(window.word), window.end)


def _start(token: Token | None) -> int:
    return token.start_pos or 0 if token is not None else 0


def _end(token: Token | None) -> int:
    return token.end_pos or 0 if token is not None else 0


def _quantity_place(raw: RawQuantity) -> tuple[int, int]:
    match raw:
        case RawMeasure():
            start = raw.agg if raw.agg is not None else raw.name
            return _start(start), raw.window.end if raw.window else _end(raw.name)
        case RawAny():
            return _start(raw.word), _end(raw.word)
        case RawGrowth():
            return _start(raw.word), _end(raw.span)
        case RawForecast():
            return _start(raw.word), _end(raw.horizon)
        case RawTimeToLimit():
            return _start(raw.word), _end(raw.name)


def _words(window: RawWindow) -> str:
    return f"{window.word} {window.what}" + (f" over {window.over}" if window.over is not None else "")


def _say_which(name: str) -> str:
    return f"`{name}` is many values: say which: `p95 {name}`, `avg {name}`, `max {name}`"


def _subject_of(raw: RawQuantity, quantity: Quantity, metric: Metric | None) -> tuple[str, Unit]:
    """Return what the quantity is called in an answer, and its unit."""
    match quantity:
        case Growth():
            return "growth", Unit.RATIO
        case TimeToLimit():
            return "time to limit", Unit.SECONDS
    if metric is None or isinstance(raw, RawAny):
        return "any metric", Unit.RATIO
    return f"`{metric.name}`", metric.unit


_KIND_WORDS = {
    Kind.LEVEL: "a level",
    Kind.AMOUNT: "an amount",
    Kind.DISTRIBUTION: "a distribution",
    Kind.SHARE: "a share",
}
_UNIT_WORDS = {
    Unit.BYTES: "in bytes",
    Unit.SECONDS: "in seconds",
    Unit.RATIO: "as a ratio",
    Unit.COUNT: "of counts",
    Unit.USD: "in dollars",
}


def _called(metric: Metric) -> str:
    return f"{_KIND_WORDS[metric.kind]} {_UNIT_WORDS[metric.unit]}"


def _as_percent(number: float) -> str:
    percent = number * 100 if number < 1 or number == 1 else number
    return f"{percent:.10g}%"


def _figure(threshold: Threshold) -> float:
    return threshold.number if isinstance(threshold, Value) else threshold.ratio


#: The quantiles that the language has, for answers.
KNOWN_QUANTILES = " ".join(name for name in AGGREGATES if name.startswith("p"))
