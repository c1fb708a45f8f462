"""`advisor backtest`: over a file and over the store, as known then and as corrected, against another set."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from advisor.core.model import Limit, Observed, Reading, Term
from advisor.store import open_store
from tests.commands.conftest import Run

CONFIG = """
store: sqlite:///advisor.db
stacks:
  shop:
    services:
      database: {provider: nobody, role: database}
      email: {provider: nobody, role: email}
rules:
  files: [own.yaml]
  disable: ["postgres.*"]
"""
RULES = """
- id: own.storage
  service: database
  when: storage > 400MB
  then: upgrade
  severity: %s
  says: It fills up.
- id: own.emails
  service: email
  when: emails per day > 80
  then: upgrade
  severity: warning
  says: Many mails.
"""
START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=20)
HOUR = timedelta(hours=1)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "own.yaml").write_text(RULES % "critical")
    (tmp_path / "quiet.yaml").write_text((RULES % "warning").replace("400MB", "900MB"))
    (tmp_path / "old.yaml").write_text(CONFIG.replace("own.yaml", "quiet.yaml"))
    path = tmp_path / "advisor.yaml"
    path.write_text(CONFIG)
    return path


def level(hour: int, value: float, seen: int | None = None) -> Observed:
    at = START + hour * HOUR
    return Observed(
        Reading("storage", value, at), "shop/database", "test", at + (seen or 0) * HOUR, 2 * 86400.0
    )


def mails(hour: int, value: float, seen: int) -> Observed:
    since = START + hour * HOUR
    reading = Reading("emails", value, since + HOUR, since)
    return Observed(reading, "shop/email", "test", START + seen * HOUR, 2 * 86400.0)


@pytest.fixture
def stored(config: Path, tmp_path: Path) -> Path:
    store = open_store("sqlite:///advisor.db", tmp_path)
    with store.transaction() as tx:
        tx.add_terms(
            "shop/database", [Term("limit", 5e8, "test", START, metric="storage", limit=Limit.QUOTA)], START
        )
        tx.add_readings([level(hour, 3e8 + hour * 1e7) for hour in range(30)])
        tx.add_readings([mails(1, 10.0, 2)])
    with store.transaction() as tx:
        tx.add_readings([mails(1, 90.0, 12)])  # Corrected ten hours later.
    store.close()
    return config


def lines(path: Path) -> Path:
    rows: list[dict[str, object]] = [
        {"stack": "shop", "service": "database", "metric": "storage", "limit": "quota", "value": 5e8}
        | {"at": "2026-03-01T00:00:00Z"}
    ]
    for hour in range(1, 24):
        at = f"2026-03-01T{hour:02}:00:00Z"
        rows.append(
            {"stack": "shop", "service": "database", "metric": "storage", "at": at, "value": 3e8 + hour * 1e7}
        )
    file = path.parent / "readings.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def test_a_file_without_a_store_says_when_each_rule_fired_and_how_long_before_the_limit(
    run: Run, config: Path
) -> None:
    ended = run("backtest", "-c", config, "--readings", lines(config), "--json")
    assert ended.code == 0, ended.err
    found = ended.json
    assert (found["version"], found["times"], found["messages"]) == (1, 24, 1)
    (record,) = found["rules"]
    assert (record["rule"], record["first_fired"]) == ("own.storage", "2026-03-01T11:00:00Z")
    assert record["seconds_before_limit"] == [9 * 3600]
    (hit,) = found["hits"]
    assert (hit["at"], hit["seconds_warned"], hit["limit"]) == ("2026-03-01T20:00:00Z", 9 * 3600, 5e8)


def test_a_file_is_read_by_people_too(run: Run, config: Path) -> None:
    ended = run("backtest", "-c", config, "--readings", lines(config))
    assert "1 message at once" in ended.out
    assert "1 limit hit, each with a warning before" in ended.out
    assert "9 h before, by own.storage" in ended.out


def test_another_configuration_is_compared_over_the_same_past(run: Run, config: Path) -> None:
    ended = run("backtest", "-c", "old.yaml", "--readings", lines(config), "--against", config)
    assert ended.code == 0, ended.err
    assert "0 messages at once instead of 1" in ended.out
    assert "1 limit missed" in ended.out
    found = run("backtest", "-c", "old.yaml", "--readings", lines(config), "--against", config, "--json").json
    assert found["against"]["messages"] == 1
    assert [hit["concern"] for hit in found["against"]["missed"]] == ["shop/database#storage"]


def test_the_store_is_judged_as_known_then_and_as_corrected_when_asked(run: Run, stored: Path) -> None:
    def first(*words: str) -> dict[str, str]:
        ended = run("backtest", "-c", stored, "--since", "30d", "--every", "1h", "--json", *words)
        assert ended.code == 0, ended.err
        return {record["rule"]: record["first_fired"] for record in ended.json["rules"]}

    def at(hour: int) -> str:
        return f"{START + hour * HOUR:%Y-%m-%dT%H:%M:%SZ}"

    assert first() == {"own.storage": at(11), "own.emails": at(12)}
    assert first("--as-corrected") == {"own.storage": at(11), "own.emails": at(2)}


def test_the_chart_is_an_svg_with_a_lane_a_rule_and_a_mark_a_limit(
    run: Run, config: Path, tmp_path: Path
) -> None:
    ended = run("backtest", "-c", config, "--readings", lines(config), "--chart", "past.svg")
    assert "Drawn in past.svg" in ended.out
    text = (tmp_path / "past.svg").read_text()
    ET.fromstring(text)
    assert "own.storage" in text
    assert "warned 9 h before" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "soon"], "write a span such as 90d, or a date"),
        (["--every", "often"], "--every often: write a span"),
        (["--since", "1d"], "no reading since"),
        (["--readings", "nowhere.jsonl"], "nowhere.jsonl: cannot be read"),
        (["--readings", "-", "--as-corrected"], "leave --every and --as-corrected out"),
    ],
)
def test_what_is_asked_wrongly_is_answered_in_one_sentence(
    run: Run, stored: Path, words: list[str], said: str
) -> None:
    ended = run("backtest", "-c", stored, *words)
    assert ended.code == 1
    assert said in ended.err
