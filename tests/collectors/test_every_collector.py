"""The public test kit over every collector: what each must be, and that its samples are answered and used."""

import importlib
import os
from pathlib import Path
from types import ModuleType

import pytest

from advisor.polling.registry import providers
from advisor.testing import ask, faults, samples
from advisor.testing.specs import against_spec

_SPECS = os.environ.get("ADVISOR_SPECS", "")

every = pytest.mark.parametrize("provider", providers())


def module(provider: str) -> ModuleType:
    return importlib.import_module(f"advisor.collectors.{provider.replace('-', '_')}")


@every
def test_a_collector_has_all_that_the_kit_asks_for(provider: str) -> None:
    assert faults(module(provider)) == []


SAMPLED = [name for name in providers() if samples(module(name))]


@pytest.mark.parametrize("provider", SAMPLED)
async def test_the_example_of_a_collector_is_answered_by_its_samples(provider: str) -> None:
    one = module(provider)
    settings = one.Settings.model_validate(dict(one.ABOUT.example))
    asked = await ask(one, samples(one), settings)
    assert asked.answer.readings or asked.answer.terms, "nothing was measured"
    declared = {metric.name for metric in one.METRICS}
    assert {reading.metric for reading in asked.answer.readings} <= declared
    secrets = [str(value) for value in one.ABOUT.example.values() if len(str(value)) > 8]
    assert not [gap for gap in asked.answer.gaps if any(secret in gap.why for secret in secrets)]


@pytest.mark.skipif(
    not _SPECS, reason="ADVISOR_SPECS does not name the folder with the official descriptions"
)
@pytest.mark.parametrize("provider", SAMPLED)
async def test_requests_and_samples_are_what_the_official_description_says(provider: str) -> None:
    one = module(provider)
    settings = one.Settings.model_validate(dict(one.ABOUT.example))
    asked = await ask(one, samples(one), settings)
    wrong = [
        fault for request, sample in asked.requests for fault in against_spec(Path(_SPECS), request, sample)
    ]
    assert wrong == []
