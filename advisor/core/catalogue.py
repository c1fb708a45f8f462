"""Plans, quotas and prices as data: `rules/catalogue/<provider>.yaml` in types.

A quota says how it is metered, because 8 GB "live", "average over the cycle" and "a day" are three limits.
A price is a sum of components. What the scaling documents say stands in their packs (`core/document.py`) and
is joined here: the figures of a document count only where a stack uses that document's pack.

    Provider            one file; it is the product itself where it sells only one
    ├── plans           price components, quotas
    ├── sizes           machine or compute sizes: price and limits of one
    └── products        further products, each with plans and sizes (`cloudflare-r2`)
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from advisor.core.document import Document, Figure, Said
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


class Fall(_Frozen):
    """The price of overage from a use of `above` on ("100000", counted from zero): USD for each package."""

    above: str
    usd: float = Field(ge=0)


class Quota(Sourced):
    """A limit of a plan on one metric. `included` is as written ("8GB"); `unlimited` is not unknown.

    `overage` is USD for each `overage_per` ("1GB", "1000") above it, where the end is `billed`. Where more
    use costs less, or more, `overage_then` has the later prices by rising `above`.
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
    overage_then: tuple[Fall, ...] = ()
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
    """A price by usage of `metric` a month, in tiers, after what is included.

    Where `included_of` names another metric, `included_times` its usage is included too: Backblaze sends out
    three times what it stores for nothing.
    """

    kind: Literal["usage"]
    metric: str
    tiers: tuple[Tier, ...] = Field(min_length=1)
    included: str = "0"
    included_of: str = ""
    included_times: float = Field(default=1, ge=0)
    rounding: Rounding = Rounding.EXACT


class Share(_Frozen):
    """A part of what passes through: `rate` of `metric`, an amount in USD, and `usd` for each of `count`.

    Lemon Squeezy takes 5 % of revenue and 50 cents for each transaction: `rate: 0.05`, `usd: 0.5`.
    """

    kind: Literal["share"]
    rate: float = Field(ge=0, le=1)
    metric: str = "revenue"
    usd: float = Field(default=0, ge=0)
    count: str = "transactions"

    @property
    def metrics(self) -> tuple[str, ...]:
        """What must be measured to know it."""
        return (*([self.metric] if self.rate else []), *([self.count] if self.usd else []))


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
    Fixed | Seat | AddOn | Usage | Share | Commitment | Credit,
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

    @property
    def metered(self) -> frozenset[str]:
        """The metrics that its price by usage or by share is counted on, overage aside."""
        parts = self.price or ()
        used = {part.metric for part in parts if isinstance(part, Usage)}
        return frozenset(used.union(*(part.metrics for part in parts if isinstance(part, Share))))


class Product(_Frozen):
    """Something with plans of its own. `title` is its name for people; `gb` what it means by "GB"."""

    title: str
    gb: Literal["decimal", "binary"] = "decimal"
    plans: tuple[Plan, ...] = ()
    sizes: tuple[Size, ...] = ()
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
    """All providers' files, and what the documents of the packs in use say."""

    providers: Mapping[str, Provider]
    documents: Mapping[str, Document] = field(default_factory=dict)

    @cached_property
    def offers(self) -> Mapping[str, Product]:
        """All products by the name that rules and services use."""
        return {key: offer for p in self.providers.values() for key, offer in p.offers.items()}

    def of(self, provider: str) -> Mapping[str, Product]:
        """Return the product of that name, else all products of that provider (an account's view)."""
        if provider in self.offers:
            return {provider: self.offers[provider]}
        found = self.providers.get(provider)
        return found.offers if found else {}

    def said(self, key: str, document: str) -> Said | None:
        """Return what a document says of the product of that name, None where it says nothing."""
        known = self.documents.get(document)
        return known.of_product.get(key) if known is not None else None

    def document_quotas(self, key: str, document: str) -> Iterator[tuple[str, Quota]]:
        """Yield (plan id, quota) of what a document says, metered as the provider meters that metric."""
        product, said = self.offers[key], self.said(key, document)
        for figure in said.figures if said is not None else ():
            plan = product.plan(said.plans.get(figure.plan, figure.plan)) if said is not None else None
            if not figure.metric or plan is None:
                continue
            yield (
                plan.id,
                Quota(
                    **_metering(product, plan.id, figure),
                    metric=figure.metric,
                    included=figure.included,
                    source=f"{document} line {figure.line}",
                    as_of=self.documents[document].as_of,
                    confidence=Confidence.DOCUMENT_ONLY,
                ),
            )


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
