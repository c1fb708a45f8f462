"""Figures by hand through the commands: beside any service, marked to the last message, faults with place."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.commands.conftest import Run

Write = Callable[..., Path]

RULE = "- {id: a.full, service: email, when: domains > 2, severity: warning, then: upgrade, says: Too many}\n"


def config(write: Write, stated: str, provider: str = "resend") -> None:
    write(
        f"""
stacks:
  shop:
    services:
      email:
        provider: {provider}
        {stated}
rules: {{files: [ours.yaml]}}
notify: {{stdout: true}}
"""
    )
    write(RULE, "ours.yaml")


def day(ago: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=ago):%Y-%m-%d}"


def test_a_figure_by_hand_beside_any_service_fires_and_is_marked_manual(run: Run, write: Write) -> None:
    config(write, f"manual: {{domains: {{value: 3, at: {day(1)}}}}}")
    assert "1 reading in" in run("check").out
    assert run("tick").code == 0
    printed = run("digest").out
    assert "manual" in printed


def test_a_figure_that_is_older_than_eight_days_is_stale_and_decides_nothing(run: Run, write: Write) -> None:
    config(write, f"manual: {{domains: {{value: 3, at: {day(10)}}}}}")
    found = run("once", "--json").json
    assert found["concerns"] == []
    (row,) = [one for one in found["metrics"] if one["metric"] == "domains"]
    assert (row["value"], row["fresh"]) == (3, False)
    assert row["at"].startswith(day(10))


def test_the_provider_itself_may_be_manual(run: Run, write: Write) -> None:
    config(write, f"domains: {{value: 3, at: {day(1)}}}", "manual")
    (concern,) = run("once", "--json").json["concerns"]
    assert "a.full" in str(concern)


def test_a_mistake_has_file_line_key_and_way_out(run: Run, write: Write) -> None:
    config(write, "manual: {domians: {value: 3, at: 2026-11-20}}")
    ended = run("check", "--offline")
    assert ended.code == 1
    assert "advisor.yaml:7" in ended.out
    assert "did you mean `domains`?" in ended.out
    config(write, "manual: {emails: {value: 3, at: 2026-11-20}}")
    assert "write `from` and `to`" in run("check", "--offline").out
    config(write, "manual: {domains: {value: 3, at: 2026-11-20, until: 2026-11-21}}")
    assert "manual.domains.until`: no such key here" in run("check", "--offline").out
