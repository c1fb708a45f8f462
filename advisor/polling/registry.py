"""Which collectors there are: those of `advisor.collectors`, and third parties' entry points.

Names are known without importing anything; a collector is imported when it is first used. A provider with
several products (`cloudflare-r2`) has a collector of that name, else that of the provider (`cloudflare`).
"""

import difflib
import importlib
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from pydantic import BaseModel

from advisor.errors import InputError
from advisor.polling.contract import Collector

__all__ = ["GROUP", "collector", "own", "providers"]

GROUP = "scaling_advisor.collectors"

_DECLARED = ("ABOUT", "PROVIDER", "METRICS", "SCOPES", "INTERVAL", "Settings", "collect")


def providers() -> list[str]:
    """Return the names of all collectors, sorted."""
    return sorted({*_own(), *_foreign()})


def own() -> list[str]:
    """Return the names of the collectors that come with the advisor, sorted."""
    return sorted(_own())


@cache
def collector(provider: str) -> Collector:
    """Return the collector for a provider, importing it on first use.

    Raises:
        InputError: There is none, or it cannot be imported or is no collector.
    """
    for name in (provider, provider.partition("-")[0]):
        if (module := _own().get(name)) is not None:
            return _checked(importlib.import_module(module), name)
        if (point := _foreign().get(name)) is not None:
            try:
                loaded = point.load()
            except Exception as error:  # Foreign code may fail in any way at import.
                raise InputError(
                    f"the collector `{name}` from {_origin(point)} cannot be imported "
                    f"({type(error).__name__}): reinstall or remove that package"
                ) from error
            return _checked(loaded, name)
    near = difflib.get_close_matches(provider, providers(), 1)
    hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(providers())}"
    raise InputError(
        f"no collector for `{provider}`; {hint} Any JSON endpoint works with `provider: http`", key="provider"
    )


@cache
def _own() -> dict[str, str]:
    import advisor.collectors  # Its folder is listed, nothing in it is imported.

    return {
        name.replace("_", "-"): f"advisor.collectors.{name}"
        for _, name, _ in pkgutil.iter_modules(advisor.collectors.__path__)
        if not name.startswith("_")
    }


@cache
def _foreign() -> dict[str, EntryPoint]:
    # Our own are entry points as well, for those who look there; an own collector is never replaced.
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in _own()}


def _origin(point: EntryPoint) -> str:
    return f"`{point.dist.name}`" if point.dist is not None else f"`{point.value}`"


def _checked(candidate: Any, name: str) -> Collector:
    missing = [what for what in _DECLARED if not hasattr(candidate, what)]
    if missing:
        raise InputError(f"`{name}` is no collector: it lacks {', '.join(missing)}; see docs/collectors.md")
    settings = candidate.Settings
    if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
        raise InputError(
            f"`{name}` is no collector: its Settings is no pydantic model; see docs/collectors.md"
        )
    return cast("Collector", candidate)
