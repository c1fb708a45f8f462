"""A poll of Supabase against its samples, and what came of it."""

from collections.abc import Mapping
from typing import Any

from advisor.collectors import supabase
from advisor.core.fleet import Service
from advisor.polling.contract import Answer
from advisor.testing import ask, samples

SAMPLES = samples(supabase)
TOKEN, KEY = "sbp_only_in_tests", "sb_secret_only_in_tests"
REF = "abcdefghijklmnopqrst"


async def answer(*instead: str, previous: Mapping[str, Any] | None = None, **more: Any) -> Answer:
    """Poll once; the samples named `instead` stand in for those of the same path."""
    replaced = {SAMPLES[name].request.path for name in instead}
    served = [SAMPLES[name] for name in instead]
    served += [one for one in SAMPLES.values() if not one.is_error and one.request.path not in replaced]
    product = more.pop("product", "")
    settings = supabase.Settings(**({"token": TOKEN, "project": REF} | more))
    service = Service("shop", "it", "it", "supabase" + product, "acme")
    return (await ask(supabase, served, settings, previous=previous, service=service)).answer


def value(found: Answer, metric: str, part: str = "") -> float | None:
    values = [one.value for one in found.readings if (one.metric, one.part) == (metric, part)]
    return values[0] if values else None


def limits(found: Answer) -> dict[tuple[str, str], Any]:
    return {(one.metric, str(one.limit)): one.value for one in found.terms if one.what == "limit"}
