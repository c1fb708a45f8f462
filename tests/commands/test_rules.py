"""`advisor rules`: what is listed, explained and tested."""

from collections.abc import Callable
from pathlib import Path

from tests.commands.conftest import Run
from tests.running import Usage

Write = Callable[..., Path]

RULES = "- {id: ours.full, service: database, when: storage > 400MB, severity: critical}\n"


def case(expected: str) -> str:
    return f"""
- rule: ours.full
  name: it fires over 400 MB
  every: 1d
  storage: 390MB 410MB
  expect: {{0d: inactive, 1d: {expected}}}
"""


def test_tests_that_hold_are_counted(run: Run, write: Write) -> None:
    write(RULES, "ours.yaml")
    write(case("firing"), "ours.test.yaml")
    ended = run("rules", "test", "ours.test.yaml")
    assert (ended.code, ended.out) == (0, "1 test of 1 rule: all hold\n")
    assert run("rules", "test", "ours.yaml").code == 0, "the rules' own name leads to their tests"
    assert run("rules", "test", ".").code == 0


def test_a_test_that_fails_exits_with_1_and_says_why(run: Run, write: Write) -> None:
    write(RULES, "ours.yaml")
    write(case("inactive"), "ours.test.yaml")
    ended = run("rules", "test", "ours.test.yaml")
    assert ended.code == 1
    line, verdict = ended.out.splitlines()
    assert line == (
        "ours.test.yaml:2: ours.full: it fires over 400 MB: after 1d it is firing, not inactive "
        "(storage > 400MB: 410 MB)"
    )
    assert verdict == "1 test of 1 rule: 1 failure"
    found = run("rules", "test", "ours.test.yaml", "--json").json
    assert (found["tests"], found["rules"], found["files"]) == (1, 1, 1)
    assert found["failures"][0]["line"] == 2


def test_a_test_file_without_its_rules_is_a_fault(run: Run, write: Write) -> None:
    write(case("firing"), "ours.test.yaml")
    ended = run("rules", "test", "ours.test.yaml")
    assert ended.code == 1
    assert "ours.test.yaml: tests the rules of ours.yaml, which is not beside it" in ended.err


def test_a_rule_is_explained_term_by_term_on_what_the_store_holds(
    run: Run, write: Write, usage: Usage
) -> None:
    usage.values = {"size": 410_000_000}
    write(
        f"""
stacks:
  shop:
    services: {{database: {{provider: http, url: "{usage.url}", metrics: {{storage: {{path: size}}}}}}}}
rules: {{files: [ours.yaml], disable: [postgres.query-time]}}
"""
    )
    write(f"{RULES}- {{id: ours.none, service: cache, when: storage > 1MB}}\n", "ours.yaml")
    assert run("once").code == 0
    ended = run("rules", "explain", "ours.full", "--config", "advisor.yaml")
    assert ended.code == 0
    assert "shop/database: firing, true" in ended.out
    assert "true           storage > 400MB  (410 MB against 400 MB)" in ended.out
    assert (
        "It is about nothing in advisor.yaml."
        in run("rules", "explain", "ours.none", "-c", "advisor.yaml").out
    )
    wrong = run("rules", "explain", "ours.ful", "-c", "advisor.yaml")
    assert wrong.code == 1
    assert "did you mean `ours.full`?" in wrong.err
    found = run("rules", "list", "-c", "advisor.yaml", "--json").json
    assert found["disabled"] == ["postgres.query-time"]
    assert "ours.full" in {rule["id"] for rule in found["rules"]}
    assert all(rule["source"]["file"] and rule["when"] and rule["says"] for rule in found["rules"])
