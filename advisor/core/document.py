"""What a scaling document says beside its rules: figures, ladders, costs, checklists, capacity, its stack.

A pack's folder `document/` holds it. Every entry names its line; what the document calls a plan and what we
call it stand side by side, so that its own words can be shown and our catalogue compared.

    Document
    ├── services      figures of each product it names, and its words for our plans
    ├── ladders       paths step by step; an end is written `supabase/pro`, or `neon` for any plan
    ├── costs         what a month costs at so many users, revenue and break-even figures
    ├── checklists    milestones, hardening, cadences: items that are done or not
    ├── capacity      usage by so many users
    └── stack         the services it describes, ready to be filled in
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from advisor.core.metrics import VOCABULARY
from advisor.core.units import read


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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


class Said(_Frozen):
    """What a document says of a service. `plans`: its names to our ids.

    `products` are ours that it means, where its word for the service is not the product's own name or
    means several ("neon/railway").
    """

    plans: Mapping[str, str] = {}
    products: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()


class Step(_Frozen):
    """A step of a document's path. `starts` and `ends` are ours: `supabase/pro`, or `neon` for any plan.

    `metric` is what the condition looks at, empty where it is a question. `users` bounds the step by the
    number of users: from (included), to (excluded; None: open).
    """

    line: int
    step: str
    from_plan: str = ""
    to_plan: str = ""
    condition: str = ""
    price_from: str = ""
    price_to: str = ""
    code_changes: str = ""
    effort: str = ""
    metric: tuple[str, ...] = ()
    users: tuple[int, int | None] | None = None
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    playbook: str = ""

    def begins(self, product: str, plan: str = "") -> bool:
        """Say whether it starts from a product of ours, and from that plan where it names one."""
        return any(
            own == product and (not word or not plan or word == plan)
            for own, _, word in (start.partition("/") for start in self.starts)
        )

    def leads(self) -> Iterator[tuple[str, str]]:
        """Yield the (product, plan) that it ends at; the plan is "" for any."""
        for end in self.ends:
            product, _, plan = end.partition("/")
            yield product, plan


class Ladder(_Frozen):
    """A path of a document, step by step."""

    id: str
    steps: tuple[Step, ...]


class Cost(_Frozen):
    """A figure of cost or revenue, `low` to `high` (None: open) `per` ("USD/month", "percent of revenue").

    It holds for `users_min` to `users_max` users; None: not bounded, or not said. `table` is the document's
    table; `total` says that it is the whole stack's, else `role` which part of it, where that is one of ours.
    """

    line: int
    table: str = ""
    item: str
    role: str = ""
    total: bool = False
    users_min: int | None = None
    users_max: int | None = None
    low: float | None = None
    high: float | None = None
    per: str = "USD/month"

    def holds(self, users: float) -> bool:
        """Say whether it speaks of so many users: a band from its least up to its most, without it."""
        if self.users_min is None:
            return False
        if self.users_max is None:
            return users >= self.users_min
        return self.users_min <= users < self.users_max or self.users_min == users


class Item(_Frozen):
    """One thing to do or to have. `id` names it within its checklist; `playbook` tells how."""

    id: str
    line: int
    text: str
    playbook: str = ""


class Checklist(_Frozen):
    """Things to do. `users`: the number of users it prepares for; `every`: what is done again and again."""

    id: str
    title: str
    line: int
    kind: Literal["milestone", "setup", "hardening", "security", "cadence", "migration", "recovery", "cost"]
    users: int | None = None
    every: Literal["", "day", "week", "month", "quarter", "year"] = ""
    items: tuple[Item, ...] = Field(min_length=1)


class Capacity(_Frozen):
    """What `users` users use of a metric: `low` to `high` ("2MB", "100"), an amount in a `period`.

    `role` is the service that carries it; "" for the stack.
    """

    line: int
    metric: str
    role: str = ""
    users: int = 1
    low: str
    high: str = ""
    period: Literal["", "day", "month"] = ""
    note: str = ""

    @model_validator(mode="after")
    def _known(self) -> "Capacity":
        metric = VOCABULARY.get(self.metric)
        if metric is None:
            raise ValueError(f"no metric `{self.metric}`")
        for text in filter(None, (self.low, self.high)):
            if read(text)[1] is not metric.unit:
                raise ValueError(f"`{text}` is no value of `{self.metric}`")
        return self

    def per_user(self) -> tuple[float, float]:
        """Return the least and the most that one user uses, in the base unit, by period."""
        low = read(self.low)[0] / self.users
        return low, read(self.high)[0] / self.users if self.high else low


class Part(_Frozen):
    """A service of the document's stack: the product, its plan and size, where the document says so."""

    provider: str
    plan: str = ""
    size: str = ""
    count: int = 1
    line: int
    note: str = ""


class Template(_Frozen):
    """The document's stack, by role. `users`: the number of users it is described for."""

    title: str
    users: int | None = None
    services: Mapping[str, Part]


class Document(_Frozen):
    """Everything that one document says beside its rules. `services` go by the document's word for them."""

    name: str
    title: str = ""
    as_of: date
    services: Mapping[str, Said] = {}
    ladders: tuple[Ladder, ...] = ()
    costs: tuple[Cost, ...] = ()
    checklists: tuple[Checklist, ...] = ()
    capacity: tuple[Capacity, ...] = ()
    stack: Template | None = None

    @cached_property
    def of_product(self) -> Mapping[str, Said]:
        """What it says of each of our products, under all of its words for it."""
        found: dict[str, Said] = {}
        for word, said in self.services.items():
            for product in said.products or (word,):
                before = found.get(product)
                found[product] = (
                    said
                    if before is None
                    else Said(plans={**before.plans, **said.plans}, figures=(*before.figures, *said.figures))
                )
        return found

    def steps(self, product: str, plan: str = "") -> Iterator[Step]:
        """Yield the steps that start from a product (and plan) of ours, or, as a first step, lead to it."""
        for ladder in self.ladders:
            for step in ladder.steps:
                first = not step.starts and not step.from_plan
                if step.begins(product, plan) or (first and product in {name for name, _ in step.leads()}):
                    yield step

    def totals(self, users: float) -> list[Cost]:
        """Return what the whole stack costs or should cost a month at so many users, all that it says."""
        return [cost for cost in self.costs if cost.total and cost.per == "USD/month" and cost.holds(users)]


def products_named(documents: Iterable[Document]) -> set[str]:
    """Return the products of ours that ladders of the documents lead to."""
    return {
        product
        for document in documents
        for ladder in document.ladders
        for step in ladder.steps
        for product, _ in step.leads()
    }
