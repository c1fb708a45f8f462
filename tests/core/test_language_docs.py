"""docs/rule-language.md against the code: every example is read, every table is complete."""

import re
from pathlib import Path

import pytest

from advisor.core.grammar import AGGREGATES
from advisor.core.language import MAX_DEPTH, MAX_LENGTH, parse
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Limit
from advisor.core.ruletest import EXPECTED
from advisor.core.ruletest import KEYS as CASE_KEYS
from advisor.rulebook import KEYS, load_rules
from advisor.rulecases import load_cases

TEXT = (Path(__file__).parents[2] / "docs" / "rule-language.md").read_text("utf-8")
RIGHT, WRONG = TEXT.split("## Wrong sentences")
SENTENCE = re.compile(r"^\| `([a-z(][^`]* (?:[<>]=?|missed) ?[^`]*)` \|", re.MULTILINE)
EXAMPLES = SENTENCE.findall(RIGHT)


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_read(text: str) -> None:
    assert parse(text)


def test_there_is_an_example_of_every_word() -> None:
    words = set(re.findall(r"[a-z]+", " ".join(EXAMPLES)))
    assert {"and", "or", "not", "needs", "over", "in", "per", "of", "for", "on", "days", "row"} <= words
    assert {"sustained", "clears", "below", "above", "any", "metric", "target", "missed"} <= words
    assert {"growth", "forecast", "time", *(limit.value for limit in Limit)} <= words
    assert all(f'"{agg}"' in RIGHT for agg in AGGREGATES)


def test_the_table_of_metrics_is_the_vocabulary() -> None:
    rows = re.findall(r"^\| ([a-z0-9_]+) \| (\w+) \| (\w+) \| ([a-z ]*) \| .* \|$", RIGHT, re.MULTILINE)
    assert rows[1:] == [
        (m.name, m.unit.value, m.kind.value, " ".join(sorted(limit.value for limit in m.limits)))
        for m in VOCABULARY.values()
    ]


def test_every_key_is_explained() -> None:
    explained = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| ([^|]*) \|", TEXT, re.MULTILINE))))
    assert set(KEYS) <= explained
    assert set(CASE_KEYS) <= explained
    assert all(f"`{word}`" in TEXT for word in EXPECTED)


def test_the_limits_of_a_sentence_are_the_ones_said() -> None:
    assert f"At most {MAX_LENGTH:,} characters and {MAX_DEPTH} parentheses deep." in TEXT


def test_the_example_files_load() -> None:
    rules, tests = (
        next(block for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL) if block.startswith(start))
        for start in ("- id:", "- rule:")
    )
    loaded = load_rules(rules, "docs")
    assert len(load_cases(tests, "docs", loaded)) == 1


def test_the_shown_answer_is_the_one_given() -> None:
    block = re.findall(r"```text\n(.*?)```", WRONG, re.DOTALL)[0]
    text = "- id: a\n\n\n\n  when: storage > 500ms\n"
    with pytest.raises(Exception, match="500ms") as caught:
        load_rules(text, "our-rules.yaml")
    assert f"{caught.value}\n" == block
