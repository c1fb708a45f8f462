"""How often sources are asked, where the configuration does not say."""

from pathlib import Path

import pytest

from advisor.config import load_config
from advisor.feeds import feeds

EVERY = {"neon": 6 * 3600.0, "supabase": 60.0}


def intervals(tmp_path: Path, service: str) -> dict[str, float]:
    path = tmp_path / "advisor.yaml"
    path.write_text(f"stacks: {{shop: {{services: {{database: {service}}}}}}}")
    found = feeds(load_config(path, environ={}), {})
    return {feed.source.called: feed.source.interval for feed in found}


@pytest.mark.parametrize("provider", EVERY)
def test_a_database_that_sleeps_is_not_kept_awake(tmp_path: Path, provider: str) -> None:
    assert intervals(tmp_path, f'{{provider: {provider}, dsn: "env:DSN"}}')["postgresql"] == EVERY[provider]


def test_who_asks_for_it_wakes_it(tmp_path: Path) -> None:
    told = intervals(tmp_path, '{provider: neon, dsn: "env:DSN", postgresql: {wakes: true}}')
    assert told == {"postgresql": 60.0}
    assert intervals(tmp_path, '{provider: neon, dsn: "env:DSN", interval: 5m}') == {"postgresql": 300.0}


def test_the_api_of_such_a_provider_is_asked_as_often_as_ever(tmp_path: Path) -> None:
    told = intervals(tmp_path, '{provider: neon, token: "env:T", project: a, dsn: "env:DSN"}')
    assert told == {"neon": 900.0, "postgresql": 6 * 3600.0}
