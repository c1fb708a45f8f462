"""No credential reaches the log or Sentry, whatever goes wrong and whoever words it."""

import base64
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

HERE = Path(__file__).parent


@cache
def run(form: str) -> subprocess.CompletedProcess[str]:
    # A process of its own: logging, hooks and Sentry are set for a whole process.
    return subprocess.run(
        [sys.executable, "-X", "utf8", str(HERE / "plant_secrets.py"), form],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{HERE}:{HERE.parent}", "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module", params=["json", "console"])
def outcome(request: pytest.FixtureRequest) -> subprocess.CompletedProcess[str]:
    return run(request.param)


CANARIES = (
    "canary-dsn@ss/word",
    'canary-token-"quoted"\\and/slashed',
    "canary-webhook-key",
    "canary-header",
    "canary smtp+p@ss/wörd",
    "canary-url:p@ss",
    "canary query&key",
    "canary-heartbeat",
    "canary-literal",
)


def test_no_planted_secret_is_in_the_log_or_in_sentry(outcome: subprocess.CompletedProcess[str]) -> None:
    written = outcome.stderr + outcome.stdout
    assert outcome.returncode == 1
    for canary in CANARIES:
        forms = {canary, quote(canary), quote(canary, safe=""), quote_plus(canary), json.dumps(canary)[1:-1]}
        forms.add(base64.b64encode(f"me:{canary}".encode()).decode())
        assert not [form for form in forms if form in written]
    # Nor any part that only a secret has.
    assert "canary" not in written.replace("canarysentrykey", "")


def test_what_went_wrong_is_still_said(outcome: subprocess.CompletedProcess[str]) -> None:
    for word in (
        "poll failed",
        "ConnectError",
        "HTTPStatusError",
        "403 Forbidden",
        "DriverError",
        "uncaught",
    ):
        assert word in outcome.stderr
    assert "no connection" in outcome.stdout
    assert "DriverError" in outcome.stdout
    assert "lost to" in outcome.stderr  # The line with too few arguments.
    assert "Logging error" not in outcome.stderr


def test_reports_hold_no_local_variables_and_no_arguments(outcome: subprocess.CompletedProcess[str]) -> None:
    assert '"vars"' not in outcome.stdout
    assert "sys.argv" not in outcome.stdout


def test_each_line_is_json_when_asked() -> None:
    lines = run("json").stderr.splitlines()
    assert len(lines) > 10
    for line in lines:
        assert json.loads(line)["level"]


def test_stamina_logs_a_retry_without_its_arguments() -> None:
    retries = [json.loads(line) for line in run("json").stderr.splitlines() if '"retry"' in line]
    assert retries
    assert {"of", "number", "after", "cause"} <= set(retries[0])
    assert "args" not in retries[0]
