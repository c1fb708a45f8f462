"""What a collector says of itself, as a document for programs: `advisor collectors list --json`."""

from typing import Any

from advisor.polling.contract import Access, Collector

__all__ = ["access", "document", "products"]


def products(module: Collector) -> tuple[str, ...]:
    """Return what the collector covers, by the catalogue's names: `fly`, `cloudflare-r2`."""
    own = module.PROVIDER
    named = module.ABOUT.products or (own,)
    return tuple(
        name if name == own or name.startswith(f"{own}-") else f"{own}-{name}"
        for name in dict.fromkeys(named)
    )


def access(one: Access) -> dict[str, str]:
    """Return one way in: its tier, the right, what it adds, what a leaked credential could do."""
    return {"tier": one.tier.value, "right": one.right, "adds": one.adds, "leaked": one.leaked}


def document(module: Collector) -> dict[str, Any]:
    """Return all that a collector declares; `spec` is empty where no official description exists.

    `interval` is in seconds, `budget` the provider's own rate limit, of which a tenth is used.
    """
    about = module.ABOUT
    budget = about.budget
    return {
        "provider": module.PROVIDER,
        "title": about.title,
        "products": list(products(module)),
        "metrics": [{"name": m.name, "unit": m.unit, "kind": m.kind} for m in module.METRICS],
        "scopes": list(module.SCOPES),
        "access": [access(one) for one in about.access],
        "settings": sorted(module.Settings.model_fields),
        "interval": module.INTERVAL,
        "spec": about.spec,
        "confidence": about.confidence.value,
        "not_confirmed": list(about.open),
        "dashboard": about.dashboard,
        "delay": about.delay,
        "budget": {"requests": budget.requests, "seconds": budget.seconds, "scope": budget.scope}
        if budget is not None
        else None,
        "verifies": hasattr(module, "verify"),
    }
