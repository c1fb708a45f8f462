"""`advisor connect`: what a user is told before giving a credential away, and the test of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from advisor.polling.registry import collector, providers
from tests.commands.acme import Acme
from tests.commands.conftest import SECRET, Run

Write = Callable[..., Path]


def test_tiers_steps_and_block_are_printed_and_nothing_is_asked(run: Run, acme: Acme) -> None:
    ended = run("connect", "acme")
    assert ended.code == 0
    assert "projects:read" in ended.out
    assert "names and sizes of projects" in ended.out, "what a leaked token could do"
    assert " 2. Create one with projects:read and nothing else." in ended.out
    assert 'acme:\n  provider: acme\n  token: "${ACME_TOKEN}"\n  project: abcd\n' in ended.out
    assert "Not tested: ACME_TOKEN is not set; export it, or name another by --token-env." in ended.out
    assert acme.asked == []


@pytest.mark.parametrize("name", [name for name in providers() if name not in {"http", "prometheus"}])
def test_the_block_of_every_collector_is_a_service_that_loads(
    run: Run, write: Write, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run("connect", name, "--json").json
    assert shown["steps"]
    block = yaml.safe_load(shown["block"])
    example = [
        str(value) for key, value in collector(name).ABOUT.example.items() if key in shown["variables"]
    ]
    assert not [value for value in example if value in shown["block"]], "a credential is a reference"
    write(yaml.safe_dump({"stacks": {"shop": {"services": block}}}))
    ended = run("check", "--offline", "--json")
    faults = [one["detail"] for one in ended.json["checks"] if one["state"] == "fault"]
    assert faults == []


def test_a_credential_in_the_environment_is_tested_and_never_shown(
    run: Run, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_ACME", SECRET)
    words = (
        "connect",
        "acme",
        "--token-env",
        "MY_ACME",
        "--set",
        "project=abcd",
        "--set",
        f"base_url={acme.url}",
    )
    ended = run(*words)
    assert (ended.code, acme.asked) == (0, ["/v2/token"])
    assert "of acme-org; may: projects:read" in ended.out
    assert "${MY_ACME}" in ended.out
    shown = run(*words, "--json").json
    assert (shown["tested"], shown["credential"]["whose"]) == (True, "acme-org")


def test_without_a_call_that_verifies_it_is_polled_once_and_the_figures_are_shown(
    run: Run, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", SECRET)
    monkeypatch.delattr(collector("acme"), "verify")
    words = ("connect", "acme", "--set", "project=abcd", "--set", f"base_url={acme.url}")
    assert "5.65 GB" in run(*words).out
    shown = run(*words, "--json").json
    assert [one["metric"] for one in shown["figures"]] == ["egress", "restricted", "storage"]


def test_a_refused_credential_is_3_with_the_sentence(
    run: Run, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", SECRET)
    acme.status = 401
    ended = run("connect", "acme", "--set", "project=abcd", "--set", f"base_url={acme.url}")
    assert ended.code == 3
    assert "401" in ended.out


def test_what_the_test_needs_besides_is_named(run: Run, acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", SECRET)
    assert "Not tested: it also needs --set project=...." in run("connect", "acme").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["acme", "--token-env", "NOPE_NOPE"], "the environment variable NOPE_NOPE is not set"),
        (["acme", "--set", f"token={SECRET}"], "would show in the list of processes"),
        (["acme", "--set", "project"], "wants KEY=VALUE"),
        (["acmee"], "did you mean `acme`?"),
    ],
)
def test_a_wrong_word_is_1_with_the_way_out(run: Run, acme: Acme, words: list[str], said: str) -> None:
    ended = run("connect", *words)
    assert ended.code == 1
    assert said in ended.err


def test_a_service_without_a_collector_has_its_honest_alternative(run: Run) -> None:
    ended = run("connect", "heroku")
    assert ended.code == 0
    assert "No collector reads heroku" in ended.out
    assert "docs/providers/postgresql.md" in ended.out
    assert run("connect", "heroku", "--json").json["alternative"].startswith("postgresql, manual: ")
