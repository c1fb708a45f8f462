"""What every collector must be, whoever wrote it."""

import inspect
import math
from collections.abc import Iterator
from types import ModuleType

from pydantic import BaseModel

from advisor.core.metrics import VOCABULARY
from advisor.polling.contract import About
from advisor.testing.samples import samples

__all__ = ["faults"]


def faults(collector: ModuleType) -> list[str]:
    """Return what a collector's module lacks, a sentence each; empty: it is a good one."""
    return [f"{collector.__name__}: {fault}" for fault in _faults(collector)]


def _faults(module: ModuleType) -> Iterator[str]:
    doc = inspect.getdoc(module) or ""
    for word in ("API", "Token", "Quirks"):
        if f"\n{word} " not in doc:
            yield f"its docstring has no paragraph `{word}`"
    missing = [
        name
        for name in ("ABOUT", "PROVIDER", "METRICS", "SCOPES", "INTERVAL", "Settings", "collect")
        if not hasattr(module, name)
    ]
    if missing:
        yield f"it lacks {', '.join(missing)}"
        return
    yield from _about(module.ABOUT)
    if not module.METRICS:
        yield "it declares no metrics"
    for metric in module.METRICS:
        if VOCABULARY.get(metric.name, metric) != metric:
            yield f"`{metric.name}` differs from the vocabulary's: take VOCABULARY[...]"
    if not (math.isfinite(module.INTERVAL) and module.INTERVAL >= 5):
        yield "its INTERVAL is below 5 s or no number"
    settings = module.Settings
    if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
        yield "its Settings is no pydantic model"
    elif settings.model_config.get("extra") != "forbid" or settings.model_config.get("frozen") is not True:
        yield 'its Settings must be frozen=True, extra="forbid"'
    if not inspect.iscoroutinefunction(module.collect):
        yield "its `collect` is no coroutine function"
    yield from _samples(module)


def _about(about: object) -> Iterator[str]:
    if not isinstance(about, About):
        yield "its ABOUT is no About"
        return
    if not about.access:
        yield "its ABOUT names no access"
    for access in about.access:
        if not (access.right and access.adds and access.leaked):
            yield "an access of ABOUT lacks its right, what it adds, or what a leaked one could do"


def _samples(module: ModuleType) -> Iterator[str]:
    if not module.ABOUT.dashboard:
        return  # A protocol, no provider: nothing to sample.
    try:
        found = samples(module)
    except ValueError as error:
        yield f"a sample cannot be read: {error}"
        return
    if not found:
        yield "it has no samples"
        return
    if not any(sample.is_error for sample in found.values()):
        yield "no sample is an error answer (`error-....yaml`)"
    for sample in found.values():
        if sample.spec is None and not sample.note:
            yield f"sample {sample.name}: no `spec:`, so `note:` must say what it rests on"
