"""What holds for every collector, those to come included."""

import importlib
import inspect
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from advisor.core.metrics import VOCABULARY
from advisor.polling.registry import collector, providers

ROOT = Path(__file__).parents[2]

every = pytest.mark.parametrize("provider", providers())


def module_of(provider: str):
    return importlib.import_module(f"advisor.collectors.{provider.replace('-', '_')}")


@every
def test_it_says_what_it_asks_with_which_right_and_what_is_odd(provider: str) -> None:
    doc = inspect.getdoc(module_of(provider)) or ""
    missing = [word for word in ("API", "Token", "Quirks") if f"\n{word} " not in doc]
    assert not missing, f"the docstring lacks {missing}"


@every
def test_it_declares_what_the_contract_wants(provider: str) -> None:
    found = collector(provider)
    assert provider == found.PROVIDER
    assert found.SCOPES
    assert all(isinstance(scope, str) for scope in found.SCOPES)
    assert math.isfinite(found.INTERVAL)
    assert found.INTERVAL >= 5


@every
def test_its_metrics_are_those_of_the_vocabulary(provider: str) -> None:
    metrics = collector(provider).METRICS
    assert metrics
    assert [metric.name for metric in metrics if VOCABULARY.get(metric.name) != metric] == []


@every
def test_its_settings_are_frozen_and_refuse_what_they_do_not_know(provider: str) -> None:
    settings = collector(provider).Settings
    assert settings.model_config.get("extra") == "forbid"
    assert settings.model_config.get("frozen") is True
    assert settings.__doc__


@every
def test_collect_is_a_documented_coroutine_of_poll_and_settings(provider: str) -> None:
    collect = collector(provider).collect
    assert inspect.iscoroutinefunction(collect)
    assert list(inspect.signature(collect).parameters) == ["poll", "settings"]
    assert "Raises:" in (collect.__doc__ or "")


@every
def test_it_has_a_page(provider: str) -> None:
    page = ROOT / "docs" / "providers" / f"{provider}.md"
    assert page.is_file(), f"write docs/providers/{provider}.md"
    text = page.read_text()
    settings = collector(provider).Settings
    assert [key for key in settings.model_fields if not re.search(rf"\b{key}\b", text)] == []


@pytest.fixture(scope="module")
def touched() -> list[str]:
    """What importing all collectors does to network, files and processes."""
    code = (
        "import sys\n"
        "import advisor.polling.registry as registry, httpx, pydantic, jmespath, psycopg\n"
        "touched = []\n"
        "def hook(event, args):\n"
        "    if event.startswith(('socket.', 'subprocess.', 'os.system')): touched.append(event)\n"
        "    if event == 'open' and set(args[1] or '') & set('wax+'): touched.append(f'open {args[0]}')\n"
        "sys.dont_write_bytecode = True\n"
        "sys.addaudithook(hook)\n"
        "for provider in registry.providers(): registry.collector(provider)\n"
        "print('\\n'.join(touched), end='')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return run.stdout.splitlines()


def test_importing_them_does_nothing(touched: list[str]) -> None:
    assert touched == []


@pytest.mark.parametrize("provider", ["http", "prometheus"])
def test_the_example_on_its_page_works(provider: str) -> None:
    page = (ROOT / "docs" / "providers" / f"{provider}.md").read_text()
    (service,) = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0]).values()
    assert service.pop("provider") == provider
    assert collector(provider).Settings.model_validate(service)
