"""The page of all services, made from catalogue and collectors: who reads which, or what to do instead."""

from collections.abc import Iterable, Iterator

from advisor import alternatives, catalogue_files
from advisor.core.catalogue import Product
from advisor.core.metrics import VOCABULARY
from advisor.polling.about import products
from advisor.polling.contract import Collector
from advisor.polling.registry import collector, own

__all__ = ["markdown"]

_HEAD = """\
# All services

<!-- Made by `make docs` from collectors/, rules/catalogue/ and advisor/alternatives.py; change these. -->

Every service in [the catalogue](../catalogue.md), and so every one that the five documents name: the
collector that reads it, or what to do where none does. `nothing`, `read` and `privileged` are the tiers of
access that a collector takes, with more seen at each; its page has the rights, and what a leaked key could
do. `advisor connect PROVIDER` leads through getting one, `advisor collectors list --json` has all of it for
programs.

Plan, quotas and prices are known of every service, read or not. A figure that no interface tells is
[entered by hand](manual.md) with its date, and marked so in every message.

| service | in advisor.yaml | read by | metrics | access | late by |
| --- | --- | --- | --- | --- | --- |"""

_OTHERS = """\

## Of any provider

These read a kind of server, wherever it runs.

| collector | metrics | access |
| --- | --- | --- |"""


def markdown() -> str:
    """Return the page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    modules = [collector(name) for name in own()]
    reads = {product: module for module in modules for product in products(module)}
    offers = catalogue_files.load().offers
    yield _HEAD
    for key, offer in sorted(offers.items(), key=lambda item: item[1].title.casefold()):
        yield _row(offer, key, reads.get(key))
    others = [module for module in modules if not set(products(module)) & set(offers)]
    yield _OTHERS
    for module in others:
        yield f"| {_page(module)} | {_metrics(module)} | {_tiers(module)} |"


def _row(offer: Product, key: str, module: Collector | None) -> str:
    title = offer.title
    if module is None:
        other = alternatives.of(key)
        ways = ", ".join(f"[{way}]({way}.md)" for way in other.ways)
        cells = [title, f"`{key}`", f"no collector{': ' if ways else ''}{ways}", other.says, "", ""]
    else:
        written = f"`{module.PROVIDER}`"
        if key != module.PROVIDER:
            written += f", product `{key.removeprefix(f'{module.PROVIDER}-')}`"
        several = len(products(module)) > 1
        metrics = _of_product(offer, module) if several else _metrics(module)
        cells = [title, written, _page(module), metrics, _tiers(module), module.ABOUT.delay]
    return f"| {' | '.join(cells)} |"


def _of_product(offer: Product, module: Collector) -> str:
    """Return those metrics of a collector of several products that this one has a quota on."""
    quotas = [*(plan.quotas for plan in offer.plans), *(size.quotas for size in offer.sizes)]
    limited = {quota.metric for some in quotas for quota in some}
    named = _words(metric.name for metric in module.METRICS if metric.name in limited)
    more = f"[others]({module.PROVIDER}.md)"
    return f"{named} and {more}" if named else f"[its page]({module.PROVIDER}.md) has them"


def _page(module: Collector) -> str:
    return f"[{module.ABOUT.title}]({module.PROVIDER}.md)"


def _metrics(module: Collector) -> str:
    if len(module.METRICS) == len(VOCABULARY):
        return "any that you name"
    return _words(metric.name for metric in module.METRICS)


def _tiers(module: Collector) -> str:
    return ", ".join(dict.fromkeys(one.tier.value for one in module.ABOUT.access))


def _words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
