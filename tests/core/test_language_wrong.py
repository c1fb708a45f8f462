"""Every wrong sentence has one answer; docs/rule-language.md prints this table, and a test compares them."""

import re
from pathlib import Path

import pytest

from advisor.core.language import caret, parse
from advisor.core.sentence import SentenceError

DOCS = Path(__file__).parents[2] / "docs" / "rule-language.md"

#: Sentence, answer, and the words that the caret points at.
WRONG = [
    ("storage > 500ms", "500ms does not fit: `storage` needs bytes, such as 400MB", "500ms"),
    ("storage > 80%", "80% of what? `80% of quota`", "80%"),
    ("storage > 80% of max", "`storage` has no max; it has quota", "max"),
    ("cpu > 80% of max", "`cpu` is a ratio already and has no max: `cpu > 80%`", "max"),
    ("cpu > 0.7", "`cpu` is a ratio: write 70%", "0.7"),
    (
        "query_time > 1s",
        "`query_time` is many values: say which: `p95 query_time`, `avg query_time`, `max query_time`",
        "query_time",
    ),
    ("p80 latency > 1s", "no `p80`; known: p50 p75 p90 p95 p99 p99.9", "p80"),
    (
        "emails > 80",
        "`emails` is an amount: per what? `emails per day`, `emails per month`, `emails in 1h`",
        "emails",
    ),
    ("emails per days > 80", "after `per`: second minute hour day week month", "days"),
    ("storage per day > 8GB", "`storage` is a level, it has no `per day`", "per day"),
    ("avg storage > 8GB", "`avg storage` over which window? `avg storage over 1h`", "avg storage"),
    ("bandwidth > 1GB", "no metric `bandwidth`; did you mean `egress`?", "bandwidth"),
    ("users > 1,000", "`1,000`: no comma in a number: write 1000", "1,000"),
    ("users > 1.000", "`1.000` can be read as a thousand or as one: write 1K or 1", "1.000"),
    ("users > 1e3", "`1e3`: no exponents: write 1000, or K and M", "1e3"),
    ("storage > 400mb", "`400mb`: capitals matter here: `400MB` (`b` would be bits)", "400mb"),
    ("cost > $50/mo", "the period belongs to the metric: `cost per month > $50`", "$50/mo"),
    ("users = 5K", "no `=`: measured values are compared with > >= < <=", "="),
    ("1K <= users < 9K", "the metric goes first, the number last: `storage > 400MB`", "1K"),
    ("storage >", "nothing to compare with after `>`", ">"),
    ("errors in 1h > 9 errors", "stray word `errors`: the metric says what is counted", "errors"),
    ("cpu > 80% for 3 day", "`3 day`: write `3 days`", "3 day"),
    (
        "emails per day > 80 for 3 days",
        "`per day` starts anew at every reset, so no `for`; say `on 3 days in a row`",
        "for 3 days",
    ),
    (
        "users > 1K and users > 2K or cpu > 80%",
        "`and` and `or` in one row can be read two ways: add parentheses",
        "or",
    ),
    (
        "cpu > 80% and users > 1K for 1h",
        "one comparison or the whole row? Put it first, or parentheses around the row",
        "for 1h",
    ),
    ("(storage > 400MB", "`(` is never closed: add `)`", "("),
    ("storage > 400MB)", "`)` closes no parenthesis: take it away, or open one with `(`", ")"),
    ("storage > 400 MB", "`400 MB`: no space in a value: write `400MB`", "400 MB"),
    ("storage > 80% quota", "a word is missing: `80% of quota`", "80% quota"),
    ("error rate > 5%", "no metric `error rate`; did you mean `error_rate`?", "error rate"),
    ("storag > 5GB", "no metric `storag`; did you mean `storage`?", "storag"),
    ("mean query_time > 5s", "no `mean`; write `avg`", "mean"),
    ("storage above 400MB", "`above`: write `>`", "above"),
    ("storage ≥ 400MB", "`≥`: write `>=`", "≥"),
    (
        "storage > 400MB < 500MB",
        "one comparison at a time: join two with `and`, such as `users >= 1K and users < 9K`",
        "<",
    ),
    ("cpu > 80% && users > 5", "comparisons are joined by the words `and` and `or`", "&"),
    ("cpu > 80% AND users > 5", "write `and` in small letters", "AND"),
    ("cpu > 80% users > 5", "`and` or `or` before `users`?", "users"),
    ("not storage > 400MB", "`not` is followed by parentheses: `not (storage ...)`", "storage"),
    (
        "not (storage > 400MB) for 1h",
        "`not` turns what is inside: put `for` inside, or write `(not (...)) for 1h`",
        "for",
    ),
    (
        "needs control for 3 days",
        "an answer does not change by itself, so no hold after `needs`: hold a comparison",
        "for",
    ),
    ("cpu > 80% on 3 days", "days are counted so: `on 3 days in a row`, `on 3 of 7 days`", "3 days"),
    (
        "cpu > 80% on 8 of 7 days",
        "`on 8 of 7 days`: at least 1 day, at most all of them and 366: `on 3 of 7 days`",
        "on 8 of 7 days",
    ),
    ("cpu > 80% for 0m", "`0m`: a span of time is above 0", "0m"),
    (
        "cpu > 80% for 2 months",
        "`2 months`: a span is at most `1 month`, or days, such as `90 days`",
        "2 months",
    ),
    (
        "idle_time > 1 month",
        "`1 month`: months differ in length: write days, such as `30 days`",
        "1 month",
    ),
    (
        "cpu > 80% sustained for 3 days",
        "one hold is enough: take this one away, or put parentheses around the first",
        "for",
    ),
    (
        "cost per month > $50 on 3 days in a row",
        "`per month` is no day's value, and days are judged one by one: `per day`",
        "on 3 days in a row",
    ),
    ("emails over 1h > 80", "`emails` is an amount, it is summed: `emails in 1h`, not `over 1h`", "over 1h"),
    (
        "avg emails per day > 80",
        "`emails` is an amount, so it has no `avg`: its mean is a rate, `emails per hour over 1d`",
        "avg emails",
    ),
    (
        "avg cache_hit_rate over 1d < 50%",
        "`cache_hit_rate` is a share, part over whole, so it has no `avg`: `cache_hit_rate over 1d`",
        "avg cache_hit_rate",
    ),
    (
        "storage over 1h > 5GB",
        "`storage over 1h` is many values: say which: `avg storage over 1h`, `max storage over 1h`",
        "storage over 1h",
    ),
    (
        "emails in 1h > 50% of quota",
        "a quota has its own period: `emails > 80% of quota`, without `in 1h`",
        "emails in 1h",
    ),
    ("cost per day > 50% of budget", "a budget is a month's: `cost per month`", "cost per day"),
    (
        "emails per day > 80 per day",
        "`per ...` belongs to the metric, before the sign: `emails per day > 80`",
        "per",
    ),
    ("growth of cost > 5%", "growth of what, over which span? `growth of cost over 1 month`", ">"),
    ("growth of cost over 1 month > $50", "$50 does not fit: growth needs a ratio, such as 80%", "$50"),
    (
        "growth of cost over 1 month > 50% of quota",
        "growth is a ratio already, it has no quota: `> 50%`",
        "50% of quota",
    ),
    (
        "forecast of storage per month > 5GB",
        "`storage` is a level, it has no `per month`: `forecast of storage in 30 days`",
        "per month",
    ),
    (
        "forecast of emails in 30 days > 5K",
        "`emails` is an amount: forecast per what? `forecast of emails per month`",
        "in 30 days",
    ),
    (
        "forecast of error_rate in 3 days > 5%",
        "`error_rate` is a share: only levels and amounts have a forecast, such as `storage`",
        "error_rate",
    ),
    ("time to limit of users < 14 days", "`users` has no limit that it could reach", "users"),
    (
        "time to limit of storage < 80% of quota",
        "time to limit is a time: hold it against one, such as `< 14 days`",
        "80% of quota",
    ),
    (
        "any metric > 400MB",
        "metrics differ in unit, so `any metric` is held against a limit: `any metric > 80% of quota`",
        "400MB",
    ),
    (
        "users_abroad > 50% of storage",
        "`storage` is a level in bytes, `users_abroad` is a level of counts: "
        "they must be of the same unit and kind",
        "storage",
    ),
    ("storage > 5GB of quota", "`5GB of`: a share is written in percent, such as 80%", "5GB"),
    ("users > 80% of quota", "`users` has no quota; it has no limit at all", "quota"),
    (
        "users > 5m",
        "5m does not fit: `users` needs a count, such as 80 or 4K (`5m` is minutes; `5M` is millions)",
        "5m",
    ),
    (
        "storage > -5MB",
        "`-5MB`: nothing that is measured here is below zero; only `growth of` can be",
        "-5MB",
    ),
    (
        "storage > 400MB clears below 300MB",
        "a comma before `clears`: `memory > 80% of available, clears below 75% of available`",
        "clears",
    ),
    (
        "storage > 400MB, clears above 300MB",
        "`storage > 400MB` clears below, not above",
        "clears above 300MB",
    ),
    (
        "storage > 400MB, clears below 500MB",
        "it would clear while it still holds: what clears is below 400MB",
        "clears below 500MB",
    ),
    (
        "storage > 80% of quota, clears below 300MB",
        "`clears` needs a threshold of the same kind as the comparison's: `80% of quota`",
        "clears below 300MB",
    ),
    (
        "cpu > 80% and users > 1K, clears below 300",
        "`clears` speaks of one comparison, and it would be unclear which one is meant: "
        "write one rule for each",
        "clears below 300",
    ),
]


@pytest.mark.parametrize(("text", "answer", "place"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_sentence_is_answered_at_its_place(text: str, answer: str, place: str) -> None:
    with pytest.raises(SentenceError) as caught:
        parse(text)
    assert str(caught.value) == answer
    sentence, under = caret(text, caught.value).splitlines()
    assert sentence == text
    assert sentence[under.index("^") : under.rindex("^") + 1] == place


#: More slips, each with the words that its answer must hold.
SLIPS = [
    ("", "empty"),
    ("storage", "compared with nothing"),
    ("(storage >", "nothing to compare with"),
    ("()", "nothing between"),
    ("p95", "of what?"),
    ("needs", "name of a need"),
    ("users > 5 and", "nothing after `and`"),
    ("and users > 5", "nothing before `and`"),
    ("storage > 80% of", "of what?"),
    ("storage == 400MB", "no `=`"),
    ("storage != 400MB", "no `!=`"),
    ("storage > > 400MB", "one sign"),
    ("storage > 400MB, users > 3", "after a comma"),
    ("any target missed, clears below 3", "none here"),
    ("growth of query_time over 1 day > 5%", "say which"),
    ("growth of avg cost over 1 month > 5%", "has no `avg`"),
    ("forecast of storage > 5GB", "for when?"),
    ("forecast of query_time in 3 days > 5s", "only levels and amounts"),
    ("time to limit of cpu_time < 1d", "only levels and amounts"),
    ("time to limit storage < 14 days", "`time to limit of` and a metric"),
    ("any metric > 80%", "80% of quota"),
    ("any metrics > 80% of quota", "`any metric > 80% of quota`"),
    ("users > 50% of users", "of itself"),
    ("cost > 50% of budget", "per what?"),
    ("errors > 80% of quota for 3 days", "starts anew"),
    ("forecast of cost per day > 80% of budget", "a budget is a month's"),
    ("any metric > 80% of budget", "a budget is a month's: `cost per month > 80% of budget`"),
    ("(emails per day > 80) for 3 days", "starts anew"),
    ("forecast of storage in 30 days > 5GB on 3 days in a row", "say `for 3 days`"),
    ("cpu > 80", "write 80%"),
    ("users > abc", "no metric `abc`"),
    ("users > users_", "did you mean `users`?"),
    ("Storage > 400MB", "did you mean `storage`?"),
    ("storage memory > 5GB", "two metrics in a row"),
    ("> 5", "what is compared?"),
    ("quota > 5", "the metric goes first"),
    ("emails per day over 3 days > 5", "no `over`"),
    ("connections of max > 80%", "the share goes last"),
    ('storage > "400MB"', "no quotes"),
    ("needs no > 5", "yes or no"),
    ("max connections > 80", "over which window?"),
    ("storage > 400MB/s", "no period"),
    ("emails > 80/day", "`emails per day > 80`"),
    ("cpu > 80% for 1.5 days", "days are whole"),
    ("cpu > 80% for 80%", "no span of time"),
    ("storage ? 5", "does not fit here"),
]


@pytest.mark.parametrize(("text", "words"), SLIPS, ids=[row[0] for row in SLIPS])
def test_every_other_slip_has_an_answer_of_its_own(text: str, words: str) -> None:
    with pytest.raises(SentenceError) as caught:
        parse(text)
    assert words in str(caught.value)


def test_every_sentence_that_an_answer_proposes_is_right() -> None:
    """Whole sentences in back-quotes can be pasted, so they must parse."""
    for text, *_ in [*WRONG, *SLIPS]:
        with pytest.raises(SentenceError) as caught:
            parse(text)
        for proposed in re.findall(r"`([^`]*)`", str(caught.value)):
            whole = re.fullmatch(r"[a-z].* (?:>|>=|<|<=) \S.*", proposed)
            if whole and proposed not in text and "..." not in proposed and not proposed.startswith("on "):
                assert parse(proposed)


def test_the_reference_prints_every_answer() -> None:
    table = dict(re.findall(r"^\| `(.*?)` \| (.*) \|$", DOCS.read_text("utf-8"), re.MULTILINE))
    expected = {text.replace("|", "\\|"): answer.replace("|", "\\|") for text, answer, _ in WRONG}
    missing = {text: answer for text, answer in expected.items() if table.get(text) != answer}
    assert not missing, "\n".join(f"| `{text}` | {answer} |" for text, answer in missing.items())
