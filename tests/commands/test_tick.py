"""`advisor tick` as cron runs it: round after round, and nothing in between."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from advisor.commands import round as rounds
from tests.commands.conftest import Run
from tests.running import Usage

Write = Callable[..., Path]
START = datetime(2026, 11, 2, 8, tzinfo=UTC)


def clock(at: datetime) -> type[datetime]:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # The plain type will do.
            return at.astimezone(tz)

    return Clock


def test_what_cron_polls_every_quarter_of_an_hour_is_seen_all_day(
    run: Run, write: Write, usage: Usage, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage.values = {"size": 500}
    service = f'{{provider: http, url: "{usage.url}", metrics: {{storage: {{path: size}}}}}}'
    write(f"stacks: {{shop: {{services: {{api: {service}}}}}}}\nrules: {{files: [ours.yaml]}}\n")
    write("- {id: a.full, service: api, when: storage > 400B for 1h, severity: warning}\n", "ours.yaml")
    codes = []
    for minutes in (0, 15, 30, 45, 60, 75):
        monkeypatch.setattr(rounds, "datetime", clock(START + timedelta(minutes=minutes)))
        codes.append(run("tick", "--fail-on", "warning").code)
    assert codes[:4] == [0, 0, 0, 0]
    assert codes[-1] == 2
