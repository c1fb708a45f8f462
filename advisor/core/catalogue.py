"""Plans, quotas and prices as data: `rules/catalogue/<provider>.yaml` in types.

A quota says how it is metered, because 8 GB "live", "average over the cycle" and "a day" are three limits.
A price is a sum of components. What the scaling documents say of a provider stands beside what the provider
says, as `documents`: the figures of a document count only where a stack uses that document's pack.

    Provider            one file; it is the product itself where it sells only one
    ├── plans           price components, quotas
    ├── sizes           machine or compute sizes: price and limits of one
    ├── documents       a document's figures and ladders, by document
    └── products        further products, each with plans, sizes and documents (`cloudflare-r2`)
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from advisor.core.metrics import VOCABULARY
from advisor.core.model import Confidence, Kind, Limit, Metric
from advisor.core.units import example, read

#: After so many days a figure is called old: advice says "price as of ...".
OLD_AFTER = 180

_CONFIDENCE = list(Confidence)
_DECIMAL_BYTES = re.compile(r"(?<=[0-9])([KMGTP])B\Z")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scope(StrEnum):
    """On whose sum a quota is judged."""

    SERVICE = "service"
    ACCOUNT = "account"


class Measured(StrEnum):
    """How the provider measures against the quota."""

    LIVE = "live"
    SUM = "sum"
    AVERAGE = "average"
    PEAK = "peak"


class Reset(StrEnum):
    """When a quota starts anew; empty for what never does."""

    NEVER = ""
    UTC_DAY = "utc day"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    UTC_MONTH = "utc month"
    BILLING = "billing"
    ROLLING_DAY = "rolling day"
    ROLLING_MONTH = "rolling month"

    @property
    def period(self) -> str:
        """The length of its period in words: "day", "week", "month", or "" for never."""
        if self is Reset.BILLING:
            return "month"
        return self.value.rpartition(" ")[2]


class AtEnd(StrEnum):
    """What happens when the quota is used up."""

    BLOCKED = "blocked"
    THROTTLED = "throttled"
    BILLED = "billed"
    PAUSED = "paused"
    READ_ONLY = "read-only"
    UNKNOWN = "unknown"


class SpendCap(StrEnum):
    """Whether a plan can be told not to bill overage. `on` and `off` are what a new account has."""

    NONE = "none"
    ON = "on"
    OFF = "off"


class Rounding(StrEnum):
    """How a part of a priced package counts: by its part, or as a whole one."""

    EXACT = "exact"
    UP = "up"


class Sourced(_Frozen):
    """Where a figure is from, when it was true, and how sure it is. The file's own words are the default."""

    source: str
    as_of: date
    confidence: Confidence

    def old(self, today: date) -> bool:
        """True where the figure is older than `OLD_AFTER` days."""
        return today - self.as_of > timedelta(days=OLD_AFTER)


class Quota(Sourced):
    """A limit of a plan on one metric. `included` is as written ("8GB"); `unlimited` is not unknown.

    `overage` is USD for each `overage_per` ("1GB", "1000") above it, where the end is `billed`.
    """

    metric: str
    limit: Limit = Limit.QUOTA
    included: str | Literal["unlimited"]
    scope: Scope = Scope.SERVICE
    measured: Measured = Measured.LIVE
    reset: Reset = Reset.NEVER
    settles_after: str = "0s"
    at_end: AtEnd = AtEnd.UNKNOWN
    overage: float | None = None
    overage_per: str = ""
    overage_rounding: Rounding = Rounding.EXACT
    note: str = ""


class Fixed(_Frozen):
    """A flat price, USD a month; `term` says for whom: those who pay by month or by year."""

    kind: Literal["fixed"]
    usd: float = Field(ge=0)
    term: Literal["monthly", "yearly"] = "monthly"


class Seat(_Frozen):
    """USD a month for each seat beyond `included`."""

    kind: Literal["seat"]
    usd: float = Field(ge=0)
    included: int = 0


class AddOn(_Frozen):
    """An extra that is bought by name, USD a month for each `per` of `metric` beyond `included`."""

    kind: Literal["add-on"]
    name: str
    usd: float = Field(ge=0)
    metric: str = ""
    per: str = "1"
    included: str = "0"


class Tier(_Frozen):
    """USD for each `per` up to `up_to` (empty: all the rest)."""

    usd: float = Field(ge=0)
    per: str = "1"
    up_to: str = ""


class Usage(_Frozen):
    """A price by usage of `metric` a month, in tiers, after what is included."""

    kind: Literal["usage"]
    metric: str
    tiers: tuple[Tier, ...] = Field(min_length=1)
    included: str = "0"
    rounding: Rounding = Rounding.EXACT


class Commitment(_Frozen):
    """The least a month costs, USD."""

    kind: Literal["commitment"]
    usd: float = Field(ge=0)


class Credit(_Frozen):
    """USD a month that the plan gives back on sizes, on usage or on all; never below zero."""

    kind: Literal["credit"]
    usd: float = Field(ge=0)
    of: Literal["sizes", "usage", "all"] = "all"


Component = Annotated[
    Fixed | Seat | AddOn | Usage | Commitment | Credit,
    Field(discriminator="kind"),
]


class Size(Sourced):
    """A machine or compute size: USD a month for one (None: not known), and the limits it brings."""

    id: str
    title: str
    usd: float | None = Field(default=None, ge=0)
    cpus: float | None = None
    quotas: tuple[Quota, ...] = ()
    note: str = ""


class Plan(Sourced):
    """What is sold: its price (None: nobody said; empty: nothing) and its quotas.

    `complete` says that every quota it has on a known metric is listed, so that an unlisted one does not
    exist, but for those in `not_known`, which may exist and have no figure here. `sold` False: existing
    customers only, so advice never names it as a target. `valid_until` is the first day it no longer holds.
    `sizes` are those it can be had with, `default_size` what it starts with.
    """

    id: str
    title: str
    aliases: tuple[str, ...] = ()
    sold: bool = True
    valid_from: date | None = None
    valid_until: date | None = None
    price: tuple[Component, ...] | None = None
    spend_cap: SpendCap = SpendCap.NONE
    sizes: tuple[str, ...] = ()
    default_size: str = ""
    quotas: tuple[Quota, ...] = ()
    complete: bool = False
    not_known: tuple[str, ...] = ()
    playbook: str = ""
    note: str = ""

    def holds(self, day: date) -> bool:
        """True where the entry describes `day`."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day < self.valid_until
        )


class Figure(_Frozen):
    """One figure of a document, in its words; with `metric` it limits a plan where the pack is used.

    `plan` is the document's word for it ("Free"); `limit` stays text ("500", "unlimited", "50-100").
    """

    line: int
    plan: str = ""
    resource: str
    limit: str = ""
    unit: str = ""
    period: str = ""
    price: str = ""
    price_unit: str = ""
    overage_price: str = ""
    overage_unit: str = ""
    metric: str = ""

    @property
    def included(self) -> str:
        """The limit as a catalogue value: "500MB", "20", "unlimited"."""
        return f"{self.limit}{self.unit}" if self.unit in {"KB", "MB", "GB", "TB"} else self.limit


class Step(_Frozen):
    """A step of a document's path. `plan` and `to` are our ids of the two ends, where they are ours.

    `metric` is what the condition looks at, empty where it is a question.
    """

    line: int
    step: str
    from_plan: str = ""
    to_plan: str
    condition: str = ""
    price_from: str = ""
    price_to: str = ""
    code_changes: str = ""
    effort: str = ""
    metric: tuple[str, ...] = ()
    plan: str = ""
    to: str = ""
    playbook: str = ""


class Ladder(_Frozen):
    """A path of a document, step by step."""

    id: str
    steps: tuple[Step, ...]


class Said(_Frozen):
    """What one document says of a product: figures and ladders, dated. `plans`: its names to our ids."""

    as_of: date
    plans: Mapping[str, str] = {}
    figures: tuple[Figure, ...] = ()
    ladders: tuple[Ladder, ...] = ()


class Product(_Frozen):
    """Something with plans of its own. `title` is its name for people; `gb` what it means by "GB"."""

    title: str
    gb: Literal["decimal", "binary"] = "decimal"
    plans: tuple[Plan, ...] = ()
    sizes: tuple[Size, ...] = ()
    documents: Mapping[str, Said] = {}
    note: str = ""

    def plan(self, name: str, day: date | None = None) -> Plan | None:
        """Return the plan of that id, title or alias, whatever the capitals, as it is on `day`."""
        wanted = name.casefold()
        for plan in self.plans:
            if wanted in {word.casefold() for word in (plan.id, plan.title, *plan.aliases)} and (
                day is None or plan.holds(day)
            ):
                return plan
        return None

    def size(self, name: str) -> Size | None:
        """Return the size of that id or title."""
        wanted = name.casefold()
        return next((s for s in self.sizes if wanted in {s.id.casefold(), s.title.casefold()}), None)

    def amount(self, text: str, metric: str) -> float | None:
        """Return `text` in the base unit of `metric`; None for "unlimited".

        Raises:
            ValueError: where it is no number with a unit of that metric.
        """
        return None if text == "unlimited" else measure(text, VOCABULARY[metric], self.gb == "binary")


class Provider(Product):
    """A provider's file. `source`, `as_of` and `confidence` hold for all in it that says nothing else."""

    provider: str
    source: str
    as_of: date
    confidence: Confidence = Confidence.DOCUMENTED
    products: Mapping[str, Product] = {}

    @model_validator(mode="before")
    @classmethod
    def _inherit(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        defaults = {key: data[key] for key in ("source", "as_of", "confidence") if key in data}
        defaults.setdefault("confidence", "documented")
        filled = dict(_with_defaults(data, defaults))
        if isinstance(products := data.get("products"), Mapping):
            filled["products"] = {
                key: _with_defaults({"gb": data.get("gb", "decimal"), **product}, defaults)
                if isinstance(product, Mapping)
                else product
                for key, product in products.items()
            }
        return filled

    @property
    def offers(self) -> Mapping[str, Product]:
        """Its products by the name that rules and services use: `supabase`, `cloudflare-r2`."""
        own = {self.provider: self} if self.plans or not self.products else {}
        return {**own, **{f"{self.provider}-{key}": product for key, product in self.products.items()}}


def _with_defaults(product: Mapping[str, Any], defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the product with each plan, size and quota sourced: its own words, else what is around it."""

    def fill(entry: Any, around: Mapping[str, Any]) -> Any:
        if not isinstance(entry, Mapping):
            return entry
        own = {**around, **{key: entry[key] for key in around if key in entry}}
        filled = {**own, **entry}
        if isinstance(quotas := entry.get("quotas"), list):
            filled["quotas"] = [fill(quota, own) for quota in quotas]
        return filled

    return {
        **product,
        **{
            key: [fill(entry, defaults) for entry in product[key]]
            for key in ("plans", "sizes")
            if isinstance(product.get(key), list)
        },
    }


@dataclass(frozen=True)
class Catalogue:
    """All providers' files."""

    providers: Mapping[str, Provider]

    @cached_property
    def offers(self) -> Mapping[str, Product]:
        """All products by the name that rules and services use."""
        return {key: offer for p in self.providers.values() for key, offer in p.offers.items()}

    def of(self, provider: str) -> tuple[Product, ...]:
        """Return the product of that name, else all products of that provider (an account's view)."""
        if provider in self.offers:
            return (self.offers[provider],)
        found = self.providers.get(provider)
        return tuple(found.offers.values()) if found else ()


def measure(text: str, metric: Metric, binary: bool = False) -> float:
    """Return a catalogue value ("8GB", "50000", "2M") in the metric's base unit.

    `binary`: the provider's "GB" is 2³⁰ bytes, and so on.

    Raises:
        ValueError: where it is no value of that metric; the message says what to write.
    """
    if text == "0":
        return 0.0
    written = _DECIMAL_BYTES.sub(r"\1iB", text) if binary else text
    value, unit = read(written)
    if unit is not metric.unit:
        raise ValueError(f"`{text}` does not fit: `{metric.name}` needs {example(metric.unit)}")
    return value


def document_quotas(product: Product, document: str) -> Iterator[tuple[str, Quota]]:
    """Yield (plan id, quota) of what a document says, metered as the provider meters that metric."""
    said = product.documents[document]
    for figure in said.figures:
        plan = said.plans.get(figure.plan, "")
        if not figure.metric or not plan:
            continue
        yield (
            plan,
            Quota(
                **_metering(product, plan, figure),
                metric=figure.metric,
                included=figure.included,
                source=f"{document} line {figure.line}",
                as_of=said.as_of,
                confidence=Confidence.DOCUMENT_ONLY,
            ),
        )


def _metering(product: Product, plan: str, figure: Figure) -> dict[str, Any]:
    known = [
        quota
        for candidate in sorted(product.plans, key=lambda p: p.id != plan)
        for quota in candidate.quotas
        if quota.metric == figure.metric and figure.period in {"", quota.reset.period}
    ]
    if known:
        quota = known[0]
        return {
            "scope": quota.scope,
            "measured": quota.measured,
            "reset": quota.reset,
            "settles_after": quota.settles_after,
            "at_end": quota.at_end,
        }
    amount = VOCABULARY[figure.metric].kind is Kind.AMOUNT
    return {
        "measured": Measured.SUM if amount else Measured.LIVE,
        "reset": Reset(figure.period or ("month" if amount else "")),
    }


def better(first: Sourced, second: Sourced) -> bool:
    """True where `first` is to be believed over `second`: the surer one, then the newer one."""
    rank = (_CONFIDENCE.index(first.confidence), -first.as_of.toordinal())
    return rank < (_CONFIDENCE.index(second.confidence), -second.as_of.toordinal())


def rows(provider: Provider) -> list[dict[str, str]]:
    """Return a provider as the rows of one table, every figure with its source, date and confidence.

    All rows have the same keys. `kind` is "plan", "quota", "size", "figure" (a document's) or "step" (of a
    document's ladder); for the whole of it as JSON there is `model_dump(mode="json")`.
    """
    return [row for key, product in provider.offers.items() for row in _product_rows(key, product)]


def _row(product: str, kind: str, what: str, sourced: Sourced | None = None, **more: str) -> dict[str, str]:
    blank = dict.fromkeys(("product", "kind", "plan", "what", "amount", "price", "at end"), "")
    origin = {
        "source": sourced.source if sourced is not None else "",
        "as of": sourced.as_of.isoformat() if sourced is not None else "",
        "confidence": sourced.confidence.value if sourced is not None else "",
    }
    return {**blank, "product": product, "kind": kind, "what": what, **origin, **more}


def _product_rows(key: str, product: Product) -> Iterator[dict[str, str]]:
    for plan in product.plans:
        yield _row(key, "plan", plan.title, plan, plan=plan.id, price=_price_text(plan))
        for quota in plan.quotas:
            yield _quota_row(key, plan.id, quota)
    for size in product.sizes:
        usd = "not known" if size.usd is None else f"${size.usd:g}/mo"
        yield _row(key, "size", size.title, size, price=usd)
        for quota in size.quotas:
            yield _quota_row(key, size.id, quota)
    for document, said in product.documents.items():
        around = {"as of": said.as_of.isoformat(), "confidence": Confidence.DOCUMENT_ONLY.value}
        for figure in said.figures:
            amount = " ".join(filter(None, (figure.limit, figure.unit)))
            yield _row(
                key,
                "figure",
                figure.resource,
                None,
                plan=figure.plan,
                amount=f"{amount} a {figure.period}" if figure.period else amount,
                price=" ".join(filter(None, (figure.price, figure.price_unit))),
                source=f"{document} line {figure.line}",
                **around,
            )
        for ladder in said.ladders:
            for step in ladder.steps:
                yield _row(
                    key,
                    "step",
                    f"{step.from_plan} → {step.to_plan}" if step.from_plan else step.to_plan,
                    None,
                    plan=ladder.id,
                    amount=step.condition,
                    price=step.price_to,
                    source=f"{document} line {step.line}",
                    **around,
                )


def _quota_row(key: str, plan: str, quota: Quota) -> dict[str, str]:
    amount = f"{quota.included} a {quota.reset.period}" if quota.reset.period else quota.included
    over = "" if quota.overage is None else f"${quota.overage:g} for each {quota.overage_per} above"
    return _row(
        key,
        "quota",
        quota.metric,
        quota,
        plan=plan,
        amount=amount,
        price=over,
        **{"at end": quota.at_end.value},
    )


def _price_text(plan: Plan) -> str:
    if plan.price is None:
        return "not known"
    flat = sum(part.usd for part in plan.price if isinstance(part, Fixed) and part.term == "monthly")
    rest = [part.kind for part in plan.price if not isinstance(part, Fixed)]
    return f"${flat:g}/mo" + (f" and {', '.join(dict.fromkeys(rest))}" if rest else "")


def lint(catalogue: Catalogue, today: date) -> list[str]:
    """Return what is wrong and what is old, one sentence each: place, cause, way out."""
    return [*faults(catalogue, today), *outdated(catalogue, today)]


def faults(catalogue: Catalogue, today: date) -> list[str]:
    """Return what is wrong in the files."""
    return [
        fault for key, product in catalogue.offers.items() for fault in _lint_product(key, product, today)
    ]


def outdated(catalogue: Catalogue, today: date) -> list[str]:
    """Return what was read more than `OLD_AFTER` days ago: no fault, but advice says so."""
    found: list[str] = []
    for key, product in catalogue.offers.items():
        entries: list[tuple[str, Sourced]] = [
            *((plan.id, plan) for plan in product.plans),
            *((f"size {size.id}", size) for size in product.sizes),
        ]
        found += [
            f"{key} {name}: of {entry.as_of}, more than {OLD_AFTER} days old; read again: {entry.source}"
            for name, entry in entries
            if entry.old(today)
        ]
    return found


def _lint_product(key: str, product: Product, today: date) -> Iterator[str]:
    yield from _twice(f"{key}: plan", [plan.id for plan in product.plans if plan.valid_until is None])
    yield from _twice(f"{key}: size", [size.id for size in product.sizes])
    sizes = {size.id for size in product.sizes}
    for plan in product.plans:
        place = f"{key} {plan.id}"
        yield from _lint_dates(place, plan, today)
        for size in (*plan.sizes, *filter(None, [plan.default_size])):
            if size not in sizes:
                yield f"{place}: no size `{size}`; add it under `sizes`"
        for quota in plan.quotas:
            yield from _lint_quota(place, product, quota, today)
        for metric in plan.not_known:
            if metric not in VOCABULARY:
                yield f"{place}: `not_known` names no metric: `{metric}`"
        for component in plan.price or ():
            yield from _lint_component(place, product, component)
    for size_ in product.sizes:
        yield from _lint_dates(f"{key} size {size_.id}", size_, today)
        for quota in size_.quotas:
            yield from _lint_quota(f"{key} size {size_.id}", product, quota, today)
    plans = {plan.id for plan in product.plans}
    for document, said in product.documents.items():
        yield from _lint_said(f"{key} {document}", product, said, plans)


def _twice(what: str, names: Sequence[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{what} `{name}` is there twice; give one a `valid_until` or another id"


def _lint_dates(place: str, entry: Sourced, today: date) -> Iterator[str]:
    if entry.as_of > today:
        yield f"{place}: `as_of` {entry.as_of} lies in the future; write the day it was read"


def _lint_value(place: str, product: Product, text: str, metric: str) -> Iterator[str]:
    if metric not in VOCABULARY:
        yield f"{place}: no metric `{metric}`; `advisor metrics list` has them"
        return
    try:
        product.amount(text, metric)
    except ValueError as error:
        yield f"{place}: {error}"


def _lint_quota(place: str, product: Product, quota: Quota, today: date) -> Iterator[str]:
    place = f"{place} {quota.metric}"
    yield from _lint_value(place, product, quota.included, quota.metric)
    metric = VOCABULARY.get(quota.metric)
    if metric is None:
        return
    if quota.limit not in metric.limits:
        has = ", ".join(sorted(metric.limits)) or "none"
        yield f"{place}: this metric has no {quota.limit}; it has {has}"
    if (metric.kind is Kind.AMOUNT) != (quota.reset is not Reset.NEVER):
        yield f"{place}: an amount resets and a level does not; mend `reset`"
    if quota.overage is not None:
        yield from _lint_value(f"{place} overage_per", product, quota.overage_per or "?", quota.metric)
        if quota.at_end is not AtEnd.BILLED:
            yield f"{place}: an overage price, yet the end is `{quota.at_end}`; write `at_end: billed`"
    elif quota.at_end is AtEnd.BILLED and quota.included != "unlimited":
        yield f"{place}: billed at the end, at no price; write `overage` and `overage_per`"
    yield from _lint_dates(place, quota, today)


def _lint_component(place: str, product: Product, component: Component) -> Iterator[str]:
    match component:
        case Usage():
            for text in (component.included, *(tier.per for tier in component.tiers)):
                yield from _lint_value(f"{place} price", product, text, component.metric)
            for tier in component.tiers[:-1]:
                yield from _lint_value(f"{place} price", product, tier.up_to or "?", component.metric)
            if component.tiers[-1].up_to:
                yield f"{place}: the last tier ends at {component.tiers[-1].up_to}; leave its `up_to` away"
        case AddOn(metric=metric) if metric:
            for text in (component.included, component.per):
                yield from _lint_value(f"{place} price", product, text, metric)
        case _:
            pass


def _lint_said(place: str, product: Product, said: Said, plans: set[str]) -> Iterator[str]:
    for name, plan in said.plans.items():
        if plan not in plans:
            yield f"{place}: `{name}` means `{plan}`, which is no plan here"
    for figure in said.figures:
        if figure.metric:
            yield from _lint_value(f"{place} line {figure.line}", product, figure.included, figure.metric)
            if figure.plan not in said.plans:
                yield f"{place} line {figure.line}: `{figure.plan}` is no plan here; add it under `plans`"
    for ladder in said.ladders:
        for step in ladder.steps:
            for metric in step.metric:
                if metric not in VOCABULARY:
                    yield f"{place} line {step.line}: no metric `{metric}`"
            for plan in filter(None, (step.plan, step.to)):
                if plan not in plans:
                    yield f"{place} line {step.line}: no plan `{plan}` here"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a provider's file, for editors."""
    made = Provider.model_json_schema(mode="validation")
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    for entry in made["$defs"].values():
        if "required" in entry and "as_of" in entry["properties"] and "source" in entry["properties"]:
            # They come from the file's head where the entry does not say them.
            entry["required"] = [
                key for key in entry["required"] if key not in {"source", "as_of", "confidence"}
            ]
    return made
