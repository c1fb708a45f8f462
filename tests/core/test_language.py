"""The language, form by form; tests/core/test_language_wrong.py has the answers to wrong sentences."""

import time

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from advisor.core.grammar import AGGREGATES
from advisor.core.language import MAX_DEPTH, MAX_LENGTH, caret, parse, write
from advisor.core.metrics import VOCABULARY
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
    In,
    Measure,
    Needs,
    Not,
    OnDays,
    Or,
    Over,
    Per,
    Rate,
    Sentence,
    SentenceError,
    ShareOf,
    Span,
    TargetMissed,
    Test,
    TimeToLimit,
    Value,
)
from advisor.core.units import Unit

Test.__test__ = False  # type: ignore[attr-defined]  # A comparison of the language, not a test of ours.

QUANTITIES = [
    ("storage > 400MB", Measure("storage")),
    ("avg cpu over 1h > 70%", Measure("cpu", "avg", Over(Span(1, "h")))),
    ("p95 query_time > 100ms", Measure("query_time", "p95")),
    ("p99.9 query_time over 3 days > 100ms", Measure("query_time", "p99.9", Over(Span(3, "d")))),
    ("max message_size > 1MB", Measure("message_size", "max")),
    ("error_rate > 1%", Measure("error_rate")),
    ("uptime over 30 days < 99.9%", Measure("uptime", "", Over(Span(30, "d")))),
    ("emails per day > 80", Measure("emails", "", Per(Calendar.DAY))),
    ("errors in 5m > 10", Measure("errors", "", In(Span(5, "m")))),
    ("reads per second > 1K", Measure("reads", "", Rate(1.0))),
    ("reads per minute over 1h > 1K", Measure("reads", "", Rate(60.0, Span(1, "h")))),
    ("egress > 80% of quota", Measure("egress")),
    ("any metric > 80% of quota", AnyMetric()),
    ("growth of cost over 1 month > 50%", Growth("cost", Span(1, "month"))),
    ("growth of p95 latency over 1 week > 50%", Growth("latency", Span(1, "w"), "p95")),
    ("forecast of storage in 30 days > 100% of quota", Forecast("storage", Span(30, "d"))),
    ("forecast of egress per month > quota", Forecast("egress", Calendar.MONTH)),
    ("time to limit of storage < 14 days", TimeToLimit("storage")),
]


def only_test(text: str) -> Test:
    condition = parse(text).condition
    assert isinstance(condition, Test)
    return condition


@pytest.mark.parametrize(("text", "quantity"), QUANTITIES)
def test_every_form_of_quantity_is_read(text: str, quantity: object) -> None:
    assert only_test(text).quantity == quantity


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("storage > 400MB", Value(400e6, Unit.BYTES)),
        ("storage > 80% of quota", ShareOf(0.8, Limit.QUOTA)),
        ("storage > quota", ShareOf(1.0, Limit.QUOTA)),
        ("connections > 80% of max", ShareOf(0.8, Limit.MAX)),
        ("connections > 90% of pool", ShareOf(0.9, Limit.POOL)),
        ("memory > 80% of available", ShareOf(0.8, Limit.AVAILABLE)),
        ("cost per month >= 50% of budget", ShareOf(0.5, Limit.BUDGET)),
        ("users_abroad > 50% of users", ShareOf(0.5, "users")),
        ("cost per month > revenue", ShareOf(1.0, "revenue")),
        ("idle_time >= 1 day", Value(86400, Unit.SECONDS)),
        ("growth of users over 1 week < -10%", Value(-0.1, Unit.RATIO)),
    ],
)
def test_every_form_of_threshold_is_read(text: str, threshold: object) -> None:
    assert only_test(text).threshold == threshold


@pytest.mark.parametrize(
    ("text", "hold"),
    [
        ("cpu > 70% sustained", For(None)),
        ("cpu > 70% for 15m", For(Span(15, "m"))),
        ("cpu > 70% for 1 month", For(Span(1, "month"))),
        ("cpu > 70% on 3 days in a row", OnDays(3, 3)),
        ("cpu > 70% on 3 of 7 days", OnDays(3, 7)),
    ],
)
def test_every_form_of_hold_is_read(text: str, hold: object) -> None:
    assert only_test(text).hold == hold


def test_a_comparison_keeps_its_own_words() -> None:
    sentence = parse("users >= 1K and\n  p95   response_time > 1s")
    assert isinstance(sentence.condition, And)
    assert [term.text for term in sentence.condition.terms if isinstance(term, Test)] == [
        "users >= 1K",
        "p95 response_time > 1s",
    ]


def test_a_sentence_is_kept_on_one_line() -> None:
    assert parse("  users >= 1K and\n  cpu > 80%\n").text == "users >= 1K and cpu > 80%"


def test_rows_groups_and_negation_make_the_tree() -> None:
    a, b = only_test("users > 1K"), only_test("cpu > 80%")
    assert parse("users > 1K and cpu > 80%").condition == And((a, b))
    assert parse("users > 1K or cpu > 80%").condition == Or((a, b))
    assert parse("not (cpu > 80%)").condition == Not(b)
    assert parse("(users > 1K and cpu > 80%) for 1h").condition == Group(And((a, b)), For(Span(1, "h")))
    assert parse("(users > 1K) and ((cpu > 80%) or needs control)").condition == And(
        (a, Or((b, Needs("control", "needs control"))))
    )
    assert parse("any target missed on 3 days in a row").condition == TargetMissed(
        OnDays(3, 3), "any target missed on 3 days in a row"
    )


def test_a_hold_at_the_end_of_a_row_is_clear_when_all_have_one_or_in_parentheses() -> None:
    assert parse("cpu > 80% for 1h and users > 1K for 1h")
    assert parse("cpu > 80% and (users > 1K for 1h)")
    assert parse("users > 1K for 1h and cpu > 80%")


@pytest.mark.parametrize(
    ("text", "clears"),
    [
        ("storage > 400MB, clears below 350MB", Clears(True, Value(350e6, Unit.BYTES))),
        ("memory > 80% of available for 15m, clears below 75%", Clears(True, ShareOf(0.75, Limit.AVAILABLE))),
        (
            "memory > 80% of available, clears below 75% of available",
            Clears(True, ShareOf(0.75, Limit.AVAILABLE)),
        ),
        ("uptime < 99%, clears above 99.5%", Clears(False, Value(0.995, Unit.RATIO))),
        ("not (uptime > 99%), clears above 99.5%", Clears(False, Value(0.995, Unit.RATIO))),
        ("needs control and cpu > 80%, clears below 70%", Clears(True, Value(0.7, Unit.RATIO))),
    ],
)
def test_clears_gives_another_threshold_of_the_same_kind(text: str, clears: Clears) -> None:
    assert parse(text).clears == clears


def test_words_of_the_language_end_where_the_word_ends() -> None:
    for text in ("cpu > 80% andusers > 1K", "cpu > 80% sustainedly", "emails perday > 80"):
        with pytest.raises(SentenceError):
            parse(text)


def test_another_vocabulary_can_be_given() -> None:
    own = {"records": Metric("records", Unit.COUNT, Kind.LEVEL, "Records.", frozenset({Limit.QUOTA}))}
    assert parse("records > 80% of quota", own)
    with pytest.raises(SentenceError, match="no metric `storage`"):
        parse("storage > 80% of quota", own)


def test_the_same_sentence_is_parsed_once() -> None:
    assert parse("storage > 123MB") is parse("storage > 123MB")


# Property tests


def spans() -> st.SearchStrategy[Span]:
    whole = st.integers(1, 400).map(float)
    decimal = st.floats(0.001, 1e6)
    return st.one_of(
        st.builds(Span, st.one_of(whole, decimal), st.sampled_from(["s", "m", "h"])),
        st.builds(Span, whole, st.sampled_from(["d", "w"])),
        st.just(Span(1.0, "month")),
    )


def holds() -> st.SearchStrategy[For | OnDays]:
    days = st.tuples(st.integers(1, 30), st.integers(0, 30)).map(lambda pair: OnDays(pair[0], sum(pair)))
    return st.one_of(st.just(For(None)), st.builds(For, spans()), days)


METRICS = sorted(VOCABULARY.values(), key=lambda metric: metric.name)
NUMBERS = st.floats(0, 1e15)
RATIOS = st.floats(0, 100)


@st.composite
def comparisons(draw: st.DrawFn) -> Test:
    metric = draw(st.sampled_from(METRICS))
    agg = draw(st.sampled_from(AGGREGATES))
    calendar = draw(st.sampled_from(Calendar))
    measures: list[object] = {
        Kind.LEVEL: [Measure(metric.name), Measure(metric.name, agg, Over(draw(spans())))],
        Kind.DISTRIBUTION: [Measure(metric.name, agg), Measure(metric.name, agg, Over(draw(spans())))],
        Kind.SHARE: [Measure(metric.name), Measure(metric.name, "", Over(draw(spans())))],
        Kind.AMOUNT: [
            Measure(metric.name, "", Per(calendar)),
            Measure(metric.name, "", In(draw(spans()))),
            Measure(metric.name, "", Rate(60.0, draw(st.none() | spans()))),
        ],
    }[metric.kind]
    growth = Growth(metric.name, draw(spans()), agg if metric.kind is Kind.DISTRIBUTION else "")
    quantity = draw(st.sampled_from([*measures, growth]))
    threshold: Value | ShareOf = Value(draw(NUMBERS), metric.unit)
    if isinstance(quantity, Growth):
        threshold = Value(draw(st.floats(-1, 100)), Unit.RATIO)
    elif isinstance(quantity, Measure) and not isinstance(quantity.window, In | Rate) and draw(st.booleans()):
        limits = sorted(metric.limits - {Limit.BUDGET})
        if limits:
            threshold = ShareOf(draw(RATIOS), draw(st.sampled_from(limits)))
    hold = draw(st.none() | holds())
    restarts = isinstance(quantity, Growth) or (
        isinstance(quantity, Measure) and isinstance(quantity.window, Per)
    )
    if restarts:
        hold = None
    return Test(quantity, draw(st.sampled_from(Compare)), threshold, hold)  # type: ignore[arg-type]  # One of ours.


def conditions() -> st.SearchStrategy[Condition]:
    leaves = st.one_of(
        comparisons(),
        st.builds(TargetMissed, st.none() | holds()),
        st.sampled_from(["control", "multi_region"]).map(Needs),
    )
    held = comparisons().filter(
        lambda test: not (isinstance(test.quantity, Growth) or "per" in write_test(test))
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(Group, held, holds()),
            st.lists(inner, min_size=2, max_size=4).map(lambda terms: And(tuple(terms))),
            st.lists(inner, min_size=2, max_size=4).map(lambda terms: Or(tuple(terms))),
        ),
        max_leaves=6,
    )


def write_test(test: Test) -> str:
    return write(Sentence(test, None, ""))


def bare(condition: Condition) -> Condition:
    """The tree without its words, which a written sentence need not share."""
    match condition:
        case Test():
            return Test(condition.quantity, condition.compare, condition.threshold, condition.hold)
        case TargetMissed():
            return TargetMissed(condition.hold)
        case Needs():
            return Needs(condition.name)
        case Not():
            return Not(bare(condition.condition))
        case Group():
            return Group(bare(condition.condition), condition.hold)
        case And() | Or():
            return type(condition)(tuple(bare(term) for term in condition.terms))


# Trees of sentences shrink for minutes; the one that fails is small enough to read.
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(conditions())
def test_what_is_written_is_read_back_as_the_same_tree(condition: Condition) -> None:
    text = write(Sentence(condition, None, ""))
    if len(text) <= MAX_LENGTH:
        assert bare(parse(text).condition) == condition


WORDS = st.sampled_from(
    [
        *(
            "storage",
            "cpu",
            "emails",
            "query_time",
            "users",
            "cost",
            "p95",
            "avg",
            "max",
            "over",
            "in",
            "per",
            "day",
        ),
        *(
            "1h",
            "5m",
            "of",
            "quota",
            "80%",
            "400MB",
            "80",
            "$50",
            ">",
            "<",
            ">=",
            "=",
            "(",
            ")",
            "and",
            "or",
            "not",
        ),
        *(
            "needs",
            "control",
            "for",
            "sustained",
            "on",
            "3",
            "days",
            "row",
            "a",
            ",",
            "clears",
            "below",
            "above",
        ),
        *(
            "any",
            "metric",
            "target",
            "missed",
            "growth",
            "forecast",
            "time",
            "to",
            "limit",
            "1,000",
            "1.000",
            "400mb",
        ),
        *("é", "≥", "/", "1e9", "month", "clears below", "time to limit of", "growth of", "days in a row"),
    ]
)


@settings(max_examples=250, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=14).map(" ".join)))
@example("")
@example("\x00")
@example("storage > 400MB\n")
@example("storage > ٣MB")
def test_nothing_but_a_sentence_error_comes_out_of_any_text(text: str) -> None:
    try:
        parse(text)
    except SentenceError as error:
        fault = error
    else:
        return
    assert str(fault)
    assert 0 <= fault.start < fault.end
    assert caret(text, fault).count("\n") == 1


@pytest.mark.parametrize(
    "text",
    [
        "storage > 400MB and " * 500 + "storage > 400MB",
        "(" * 5_000 + "storage > 400MB" + ")" * 5_000,
        "x" * 10_000,
        "9" * 10_000,
        "(" * 100 + "cpu > 80%" + ")" * 100,
        "not (" * 100 + "cpu > 80%" + ")" * 100,
        "(" * 1_900,
        "1." * 900,
        " " * 1_900 + "?",
        "a and " * 300,
    ],
)
def test_what_nobody_would_write_is_refused_at_once(text: str) -> None:
    started = time.process_time()
    with pytest.raises(SentenceError) as caught:
        parse(text)
    assert time.process_time() - started < 0.25
    assert len(str(caught.value)) < 2_200
    assert len(caret(text, caught.value).splitlines()[0]) < 400


def test_parentheses_may_be_as_deep_as_said() -> None:
    assert parse("(" * MAX_DEPTH + "cpu > 80%" + ")" * MAX_DEPTH)


def test_the_caret_stands_under_the_place() -> None:
    text = "users > 1K and\n\tstorage > 500ms"
    with pytest.raises(SentenceError) as caught:
        parse(text)
    sentence, under = caret(text, caught.value).splitlines()
    assert sentence[under.index("^") : under.rindex("^") + 1] == "500ms"


def test_a_long_sentence_is_shown_around_the_place() -> None:
    text = " or ".join(["storage > 400MB"] * 40) + " or storage > 500ms"
    with pytest.raises(SentenceError) as caught:
        parse(text)
    sentence, under = caret(text, caught.value).splitlines()
    assert len(sentence) < 120
    assert sentence.startswith("... ")
    assert sentence[under.index("^") : under.rindex("^") + 1] == "500ms"


def test_the_grammar_has_no_conflicts() -> None:
    import logging

    from lark import Lark, logger

    from advisor.core.grammar import GRAMMAR

    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]  # The least that listens.
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        Lark(GRAMMAR, parser="lalr", lexer="contextual", debug=True)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert not [record.getMessage() for record in records if "onflict" in record.getMessage()]


def test_every_metric_has_a_sentence_that_is_typed() -> None:
    for metric in VOCABULARY.values():
        quantity = {
            Kind.LEVEL: metric.name,
            Kind.AMOUNT: f"{metric.name} per day",
            Kind.DISTRIBUTION: f"p95 {metric.name}",
            Kind.SHARE: metric.name,
        }[metric.kind]
        value = {"bytes": "1B", "seconds": "1s", "ratio": "1%", "count": "1", "USD": "$1"}[metric.unit]
        assert parse(f"{quantity} > {value}")
