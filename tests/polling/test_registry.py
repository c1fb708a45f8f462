"""Collectors are known by name and imported when they are used."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

from advisor.errors import InputError
from advisor.polling import registry
from advisor.polling.registry import collector, providers
from advisor.testing import faults
from tests.third_party_example.installed import installed


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch):
    """Third parties' collectors, as entry points would name them."""

    def declare(**values: str) -> None:
        points = [EntryPoint(name, value, registry.GROUP) for name, value in values.items()]
        monkeypatch.setattr(registry, "entry_points", lambda **_: points)
        registry._foreign.cache_clear()
        collector.cache_clear()

    yield declare
    monkeypatch.undo()
    registry._foreign.cache_clear()
    collector.cache_clear()


def test_our_own_collectors_are_known_without_an_installation() -> None:
    assert {"http", "postgresql", "prometheus"} <= set(providers())


def test_a_collector_is_found_by_name() -> None:
    assert collector("prometheus").PROVIDER == "prometheus"


def test_a_product_has_its_providers_collector() -> None:
    assert collector("http-anything") is collector("http")


def test_an_unknown_provider_gets_the_nearest_name_and_a_way_out() -> None:
    with pytest.raises(InputError, match=r"no collector for `promethius`; did you mean `prometheus`\?"):
        collector("promethius")
    with pytest.raises(InputError, match="`provider: http`"):
        collector("zzz")


def test_a_third_party_adds_its_own(foreign) -> None:
    foreign(acme="advisor.collectors.http")
    assert "acme" in providers()
    assert collector("acme").METRICS


def test_a_third_party_does_not_replace_ours(foreign) -> None:
    foreign(http="json")
    assert collector("http").PROVIDER == "http"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("no.such.module", "cannot be imported"),
        ("json", "lacks ABOUT, PROVIDER, METRICS, SCOPES, INTERVAL, Settings, collect"),
    ],
)
def test_a_broken_third_party_is_named(foreign, value: str, says: str) -> None:
    foreign(acme=value)
    with pytest.raises(InputError, match=says):
        collector("acme")


def test_listing_imports_no_collector_and_no_heavy_part() -> None:
    code = (
        "import sys; from advisor.polling.registry import providers; providers();"
        "heavy = {'aiohttp', 'psycopg', 'jmespath', 'rich', 'click', 'advisor.collectors.http'};"
        "heavy &= set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True).stderr == ""
    )


def test_the_example_of_a_third_party_is_found_as_if_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with installed(tmp_path, monkeypatch):
        assert "acme" in providers()
        assert faults(cast("ModuleType", collector("acme"))) == []
        assert collector("acme").ABOUT.title == "Acme"
    assert "acme" not in providers()
