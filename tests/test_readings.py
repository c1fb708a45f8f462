import json
from pathlib import Path
from typing import Any

import pytest

from advisor.commands import evaluate
from advisor.config import load_config
from advisor.core.model import Observed
from advisor.errors import InputError
from advisor.readings import read_lines
from advisor.world import world

CONFIG = """
accounts:
  acme: {provider: supabase, plan: free}
stacks:
  shop:
    packs: [app-virgin]
    services:
      database: {account: acme}
      backend: {provider: fly}
      email: {provider: resend, plan: free}
"""
AT = "2026-11-01T00:00:00Z"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "stack.yaml"
    path.write_text(CONFIG)
    return path


def evaluated(
    config: Path, lines: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], at: None = None
) -> dict[str, Any]:
    readings = config.parent / "readings.jsonl"
    readings.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert evaluate.run(config, str(readings), at, json=True, fail_on=None) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def one(config: Path, **line: object) -> Observed:
    (found,) = read_lines([json.dumps(line)], world(load_config(config, environ={})).fleet, "f")
    assert isinstance(found, Observed)
    return found


def test_the_documented_lines_fire_the_documents_rules(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = {"stack": "shop", "at": AT}
    day = {"stack": "shop", "from": AT, "to": "2026-11-02T00:00:00Z"}
    found = evaluated(
        config,
        [
            {**about, "service": "database", "metric": "storage", "value": 401, "unit": "MB"},
            {**day, "service": "email", "metric": "emails", "value": 81},
            {
                **about,
                "service": "backend",
                "metric": "response_time",
                "stat": "p95",
                "value": 240,
                "unit": "ms",
            },
            {**day, "service": "backend", "metric": "error_rate", "value": 12, "of": 1000},
            {**about, "metric": "users", "value": 800},
        ],
        capsys,
    )
    firing = {finding["rule"]: finding for finding in found["findings"] if finding["state"] == "firing"}
    storage = firing["app-virgin.supabase.storage-upgrade"]
    assert (storage["value"], storage["threshold"], storage["unit"]) == (401_000_000, 400_000_000, "bytes")
    assert (storage["limit"], storage["account"], storage["since"]) == (500_000_000, "acme", AT)
    assert "app-virgin" in storage["limit_source"]
    assert storage["terms"][0]["sentence"] == "storage > 400MB"
    assert firing["app-virgin.resend.emails-paid-plan"]["value"] == 81
    assert firing["app-virgin.backend.response-time-p95"]["value"] == 0.24
    assert firing["app-virgin.backend.error-rate"]["value"] == 0.012
    assert storage["concern"] in {concern["id"] for concern in found["concerns"]}


def test_of_no_readings_everything_is_unknown_with_a_reason(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluated(config, [], capsys)
    assert found["findings"] == []
    assert "app-virgin.supabase.storage-upgrade" in {one["rule"] for one in found["unknown"]}
    assert all(one["why"] for one in found["unknown"])


def test_what_an_account_reports_needs_no_stack(config: Path) -> None:
    assert (
        one(
            config, account="acme", metric="egress", **{"from": AT, "to": "2026-11-02T00:00:00Z"}, value=5
        ).subject
        == "@acme"
    )


def test_a_histogram_may_stand_without_a_value(config: Path) -> None:
    line = {"stack": "shop", "service": "backend", "metric": "response_time", "at": AT, "unit": "ms"}
    reading = one(config, **line, buckets=[[100, 90], [200, 10]]).reading
    assert list(reading.buckets) == [(0.1, 90), (0.2, 10)]
    assert [reading.low, reading.value, reading.high] == pytest.approx([0.01, 0.06, 0.11])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"metric": "users", "value": 1}, "a line has `stack`"),
        ({"stack": "shop", "metric": "users"}, "`value` is missing"),
        ({"stack": "shop", "service": "backend", "metric": "latency", "buckets": [[2, 1], [1, 1]]}, "rising"),
        ({"stack": "shop", "service": "backend", "metric": "latency", "buckets": [[1, -1]]}, "from 0 on"),
    ],
)
def test_a_line_that_says_too_little_is_answered(config: Path, line: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        one(config, at=AT, **line)
