"""Judging many subjects at once comes to what judging each by itself would."""

import itertools
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from advisor.core.catalogue import Catalogue, Reset
from advisor.core.columns import Columns
from advisor.core.evaluate import LimitsProtocol, compile_rules
from advisor.core.fleet import Fleet
from advisor.core.judgement import FIRING, VERDICTS, RuleState
from advisor.core.kleene import both, compared, either, turned
from advisor.core.language import parse
from advisor.core.limits import Limits
from advisor.core.model import Limit, Observed, Reading
from advisor.core.periods import Calendar
from advisor.core.sentence import And, Compare, Condition, Measure, Not, Or, ShareOf, Value
from advisor.core.sentence import Test as Comparison
from tests.core.world import NOW, MemoryLimits, World, fleet_of, quota, remembered, rule, stack

METRICS = ("storage", "memory", "connections", "users")
ROLES_WITHOUT = {"email": {"storage", "memory", "connections"}, "backend": {"storage", "connections"}}

tests = st.builds(
    lambda metric, compare, share, number: (
        f"{metric} {compare} {share}% of quota"
        if share and metric in {"storage", "memory", "connections"}
        else f"{metric} {compare} {number}{'B' if metric in {'storage', 'memory'} else ''}"
    ),
    st.sampled_from(METRICS),
    st.sampled_from([c.value for c in Compare]),
    st.sampled_from([0, 0, 50, 80, 100]),
    st.integers(0, 10),
)
sentences = st.recursive(
    tests,
    lambda inner: st.one_of(
        inner.map(lambda x: f"not ({x})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda xs: " and ".join(f"({x})" for x in xs)),
        st.lists(inner, min_size=2, max_size=3).map(lambda xs: " or ".join(f"({x})" for x in xs)),
    ),
    max_leaves=6,
)


def plain(text: str) -> str:
    """Parentheses are for `not` and for rows within rows; the grammar takes no others."""
    try:
        parse(text)
    except ValueError:
        return ""
    return text


@dataclass
class One:
    """What is known of one subject's metric."""

    value: float
    age: float
    fresh: float


def judge_one(
    condition: Condition, key: str, role: str, known: dict[tuple[str, str], One], limits: MemoryLimits
) -> str:
    """Judge a condition on one subject, the slow and obvious way."""
    match condition:
        case And(terms) | Or(terms):
            verdicts = [judge_one(term, key, role, known, limits) for term in terms]
            if isinstance(condition, And):
                order = ("not applicable", "false", "unknown", "true")
            else:
                order = ("true", "unknown", "false", "not applicable")
            return next(verdict for verdict in order if verdict in verdicts)
        case Not(inner):
            verdict = judge_one(inner, key, role, known, limits)
            return {"true": "false", "false": "true"}.get(verdict, verdict)
        case Comparison(Measure(metric), compare, threshold):
            subject = key
            if (key, metric) not in known and metric == "users":
                subject = key.partition("/")[0]
            one = known.get((subject, metric))
            if one is None and metric in ROLES_WITHOUT.get(role, set()):
                return "not applicable"
            number, plainly = threshold_of(subject, metric, threshold, limits)
            if plainly:
                return plainly
            if not usable(one) or number is None:
                return "unknown"
            assert one is not None
            holds = {
                Compare.ABOVE: one.value > number,
                Compare.AT_LEAST: one.value >= number,
                Compare.BELOW: one.value < number,
                Compare.AT_MOST: one.value <= number,
            }[compare]
            return "true" if holds else "false"
        case _:
            raise AssertionError(condition)


def threshold_of(
    subject: str, metric: str, threshold: Value | ShareOf, limits: MemoryLimits
) -> tuple[float | None, str]:
    if isinstance(threshold, Value):
        return threshold.number, ""
    assert isinstance(threshold.of, Limit)
    found = limits.find(subject, metric, threshold.of, NOW)
    if found is None:
        return None, "" if limits.exists(subject, metric, threshold.of) else "not applicable"
    return (None, "false") if found.value is None else (threshold.ratio * found.value, "")


def usable(one: One | None) -> bool:
    return one is not None and one.age <= one.fresh


worlds = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["", "database", "backend", "email"]),
        st.sampled_from(METRICS),
        st.integers(0, 10),
        st.integers(0, 100),
    ),
    max_size=25,
)
quotas = st.dictionaries(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["database", "backend", "email"]),
        st.sampled_from(METRICS[:3]),
    ),
    st.one_of(st.none(), st.integers(1, 12)),
    max_size=10,
)


@settings(max_examples=250, deadline=None)
@given(
    sentences,
    worlds,
    quotas,
    st.sampled_from(["database", "backend", "email", "any"]),
    st.sets(st.sampled_from(METRICS[:3])),
)
def test_all_subjects_at_once_come_to_what_each_by_itself_does(
    text: str,
    said: list[tuple[str, str, str, int, int]],
    given_quotas: dict[tuple[str, str, str], int | None],
    service: str,
    never: set[str],
) -> None:
    if not plain(text):
        return
    fleet = fleet_of(*(stack(key, "database", "backend", "email") for key in "abc"))
    limits = MemoryLimits(
        {(f"{s}/{r}", m, Limit.QUOTA): quota(value) for (s, r, m), value in given_quotas.items()},
        frozenset((metric, Limit.QUOTA) for metric in never),
    )
    known: dict[tuple[str, str], One] = {}
    observed = []
    for where, role, metric, value, age in said:
        subject = f"{where}/{role}" if role else where
        if not role and metric != "users":
            continue
        at = NOW - timedelta(seconds=age)
        observed.append(Observed(Reading(metric, float(value), at), subject, "t", NOW, 50.0))
        old = known.get((subject, metric))
        if old is None or age <= old.age:
            known[subject, metric] = One(float(value), float(age), 50.0)
    one = rule(text, service)
    program = compile_rules([one], fleet, limits)
    columns = Columns(fleet, program.horizons)
    columns.add(observed)
    (judged,) = program.judge(columns, NOW, {})
    for place, row in enumerate(judged.rows):
        key = fleet.subjects[row]
        role = fleet.service[key].role
        wanted = judge_one(one.sentence.condition, key, role, known, limits)
        got = VERDICTS[int(judged.verdict[place])]
        assert got == wanted, (text, key, judged.explain(place))
        for term in judged.explain(place):
            assert term.why or term.verdict in {"true", "false"}


def test_verdicts_join_as_their_tables_say() -> None:
    left = np.repeat(np.arange(4, dtype=np.int8), 4)
    right = np.tile(np.arange(4, dtype=np.int8), 4)
    false, true, unknown, never = range(4)
    for a, b, conjunction, disjunction in zip(
        left, right, both(left, right), either(left, right), strict=True
    ):
        pair = {int(a), int(b)}
        wanted_and = next(v for v in (never, false, unknown, true) if v in pair)
        wanted_or = next(v for v in (true, unknown, false, never) if v in pair)
        assert (conjunction, disjunction) == (wanted_and, wanted_or)
    assert turned(np.arange(4, dtype=np.int8)).tolist() == [true, false, unknown, never]


@given(
    st.tuples(st.floats(-5, 5), st.floats(0, 5)),
    st.tuples(st.floats(-5, 5), st.floats(0, 5)),
    st.sampled_from(Compare),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_range_decides_only_what_all_of_it_agrees_on(
    value: tuple[float, float], threshold: tuple[float, float], compare: Compare, x: float, y: float
) -> None:
    low, high = value[0], value[0] + value[1]
    least, most = threshold[0], threshold[0] + threshold[1]
    arrays = [np.array([number]) for number in (low, high, least, most)]
    code = int(compared(arrays[0], arrays[1], compare, arrays[2], arrays[3])[0])
    inside, against = low + x * value[1], least + y * threshold[1]
    # Equal but for the rounding of a product is equal; such a pair is no case of its own here.
    assume(not math.isclose(inside, against, rel_tol=1e-11, abs_tol=1e-11) or inside == against)
    ends = itertools.product((low, high), (least, most))
    assume(all(a == b or not math.isclose(a, b, rel_tol=1e-11, abs_tol=1e-11) for a, b in ends))
    holds = {
        Compare.ABOVE: inside > against,
        Compare.AT_LEAST: inside >= against,
        Compare.BELOW: inside < against,
        Compare.AT_MOST: inside <= against,
    }[compare]
    assert code == 2 or bool(code) == holds


def test_what_is_not_known_is_neither_true_nor_false() -> None:
    nan, one = np.array([math.nan]), np.array([1.0])
    for compare in Compare:
        assert compared(nan, nan, compare, one, one)[0] == 2
        assert compared(one, one, compare, nan, nan)[0] == 2


def test_judging_changes_nothing_that_is_given() -> None:
    world = World()
    world.say("cpu", 0.9)
    one = rule("cpu > 70% for 15m")
    program = compile_rules([one], world.fleet, world.limits)
    columns = Columns(world.fleet, program.horizons)
    columns.add(world.readings)
    (first,) = program.judge(columns, NOW, {})
    state = remembered(np.array([FIRING], dtype=np.int8), first)
    before = (state.holds.since.copy(), state.holds.lost.copy(), state.holds.last.copy())
    columns.add([Observed(Reading("cpu", 0.1, NOW + timedelta(minutes=1)), "shop/database", "t", NOW, 60)])
    program.judge(columns, NOW + timedelta(minutes=1), {("r", ""): state})
    for old, new in zip(before, (state.holds.since, state.holds.lost, state.holds.last), strict=True):
        assert np.array_equal(old, new, equal_nan=True)
    assert isinstance(state, RuleState)


def test_a_new_limit_counts_once_the_revision_says_so() -> None:
    world = World(limits=MemoryLimits({("shop/database", "storage", Limit.QUOTA): quota(500)}))
    world.say("storage", 450)
    program = compile_rules([rule("storage > 80% of quota")], world.fleet, world.limits)
    columns = Columns(world.fleet, program.horizons)
    columns.add(world.readings)
    assert program.judge(columns, NOW, {})[0].verdict[0] == 1
    world.limits.limits["shop/database", "storage", Limit.QUOTA] = quota(5000)
    world.limits.revision += 1
    assert program.judge(columns, NOW, {})[0].verdict[0] == 0
    assert not program.outdated


def test_copies_of_any_metric_are_outdated_by_new_limits() -> None:
    world = World(limits=MemoryLimits({("shop/database", "storage", Limit.QUOTA): quota(500)}))
    program = compile_rules([rule("any metric > 80% of quota", "any")], world.fleet, world.limits)
    assert not program.outdated
    world.limits.revision += 1
    assert program.outdated


def test_an_empty_fleet_is_judged_too() -> None:
    program = compile_rules([rule("storage > 1MB"), rule("users > 1K", "")], Fleet(), MemoryLimits())
    judged = program.judge(Columns(Fleet(), program.horizons), NOW, {})
    assert [one.verdict.size for one in judged] == [0, 0]


def test_history_is_asked_for_only_where_a_sentence_needs_it() -> None:
    fleet = fleet_of(stack("shop", "database", "email", "backend"))
    rules = [
        rule("storage > 1MB", rule_id="a"),
        rule("avg cpu over 1h > 70%", rule_id="b"),
        rule("p95 query_time over 30m > 1s", rule_id="c"),
        rule("error_rate over 1h > 1%", "backend", "d"),
    ]
    program = compile_rules(rules, fleet, MemoryLimits())
    assert program.horizons == {"cpu": 3600.0, "query_time": 1800.0, "error_rate": 3600.0}
    assert program.windows == (("error_rate", "", 3600.0), ("query_time", "p95", 1800.0))


ZONES = ("UTC", "Europe/Lisbon", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sampled_from([("", Reset.MONTH), ("billing", Reset.BILLING), ("utc month", Reset.UTC_MONTH)]),
    st.integers(1, 31),
    st.integers(0, 200 * 96),
    st.integers(0, 1000),
)
def test_totals_are_exact_in_every_zone_and_calendar(
    zone: str, reset: tuple[str, Reset], billing_day: int, quarter: int, seed: int
) -> None:
    word, kind = reset
    fleet = fleet_of(stack("shop", "email", timezone=zone))
    account = replace(fleet.accounts[0], billing_day=billing_day, timezone=zone)
    known = {("shop/email", "emails", Limit.QUOTA): quota(1e9, reset=word)} if word else {}
    world = World(Fleet(fleet.stacks, (account,)), MemoryLimits(known))
    now = datetime(2026, 3, 1, tzinfo=UTC) + quarter * timedelta(minutes=15)
    step = timedelta(minutes=15)
    random = Random(seed)
    starts = [now - step * back for back in range(64 * 96, 0, -1)]
    buckets = [(since, since + step, float(random.randrange(5))) for since in starts]
    for since, end, value in buckets:
        world.say("emails", value, end, "shop/email", 86400.0, since=since)
    asked = (
        ("emails per day > 1", Calendar(Reset.DAY, zone), False),
        ("emails per day < 1", Calendar(Reset.DAY, zone), True),
        ("emails per month > 1", Calendar(kind, zone, billing_day if word == "billing" else 1), False),
        ("emails per week < 1", Calendar(Reset.WEEK, zone), True),
    )
    rules = [rule(sentence, "email", sentence) for sentence, _, _ in asked]
    program = compile_rules(rules, world.fleet, world.limits)
    columns = Columns(world.fleet, program.horizons)
    columns.add(world.readings)
    for judged, (sentence, calendar, complete) in zip(program.judge(columns, now, {}), asked, strict=True):
        begin, finish = calendar.around(now)
        if complete:
            # At its very end a period is complete.
            begin, finish = (begin, finish) if finish == now else calendar.before(begin)
        wanted = sum(value for _, end, value in buckets if begin < end <= finish)
        assert judged.value[0] == wanted, (sentence, begin, finish)
        assert judged.period[0] == begin.timestamp()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 100)), min_size=1, max_size=60),
    st.sampled_from(["avg", "min", "max"]),
    st.integers(1, 99),
    st.sampled_from([">", ">=", "<", "<="]),
)
def test_a_window_decides_only_what_no_gap_could_change(
    said: list[tuple[int, int]], agg: str, threshold: int, compare: str
) -> None:
    """Fill the gaps with nothing or with all: where the two disagree, nobody can know."""
    world = World()
    known = dict(said)
    for minute, value in known.items():
        world.say("cpu", value / 100, NOW - timedelta(minutes=minute), fresh=90.0)
    verdict = world.verdict(f"{agg} cpu over 1h {compare} {threshold}%")
    newest = min(known)
    if newest >= 2:
        assert verdict == "unknown"
        return
    # Half minutes: each is covered by the newest reading not older than a minute and a half.
    seen: list[float | None] = []
    for half in range(120):
        ago = half / 2 + 0.25
        last = min((m for m in known if m >= ago), default=None)
        seen.append(known[last] / 100 if last is not None and last - ago < 1.5 else None)
    covered = [value for value in seen if value is not None]
    fills = [None] if len(covered) >= 0.8 * 120 else [0.0, 1.0]
    answers = set()
    for fill in fills:
        values = [v if v is not None else fill for v in seen if v is not None or fill is not None]
        numbers = [v for v in values if v is not None]
        result = {"avg": sum(numbers) / len(numbers), "min": min(numbers), "max": max(numbers)}[agg]
        if abs(result - threshold / 100) < 1e-9:
            return
        answers.add(result > threshold / 100 if compare.startswith(">") else result < threshold / 100)
    assert verdict == (str(answers.pop()).lower() if len(answers) == 1 else "unknown")


def test_the_catalogues_limits_are_limits() -> None:
    world = World()
    limits: LimitsProtocol = Limits(world.fleet, Catalogue({}), ())
    program = compile_rules([rule("storage > 80% of quota")], world.fleet, limits)
    columns = Columns(world.fleet, program.horizons)
    (judged,) = program.judge(columns, NOW, {})
    assert VERDICTS[int(judged.verdict[0])] in {"unknown", "not applicable"}
