"""What the tests of AWS share: a poll of one product against the samples, and its values."""

from collections.abc import Sequence
from typing import Any

from advisor.collectors import aws
from advisor.core.fleet import Service
from advisor.core.model import Limit
from advisor.testing import Asked, ask, samples

SAMPLES = samples(aws)
KEYS = {"access_key": "AKIAEXAMPLE", "secret": "a/secret+key"}
PLACES: dict[str, dict[str, Any]] = {
    "rds": {"database": "shop"},
    "aurora": {"database": "shop-cluster"},
    "ecs-fargate": {"cluster": "shop", "services": ["api", "worker"]},
    "s3": {"buckets": ["shop-files"]},
    "ses": {},
    "cost": {},
}


async def asked(product: str, served: Any = None, **more: Any) -> Asked:
    settings = aws.Settings(region="eu-west-1", **KEYS, **PLACES[product])
    service = Service("shop", "it", "it", f"aws-{product}", "acme")
    return await ask(aws, SAMPLES if served is None else served, settings, service=service, **more)


def values(found: Asked, metric: str) -> list[tuple[str, float]]:
    return [(one.part, one.value) for one in found.answer.readings if one.metric == metric]


def limits(found: Asked) -> dict[tuple[str, Limit | None, str], Any]:
    return {(t.metric, t.limit, t.part): t.value for t in found.answer.terms if t.what == "limit"}


def served(*names: str) -> Sequence[Any]:
    chosen = {name: SAMPLES[name] for name in names}
    return [one.model_copy(update={"name": name.removeprefix("error-")}) for name, one in chosen.items()]
