"""The stacks, services and accounts that are watched, as plain values made from advisor.yaml."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from advisor.core.model import Limit, Subject


@dataclass(frozen=True, slots=True)
class Account:
    """Where a provider bills. `limits` are the user's: (metric, limit) to value, None: unlimited.

    `rate` is what one US dollar is in `currency`, None where nobody stated it.
    """

    key: str
    provider: str
    plan: str = ""
    timezone: str = "UTC"
    billing_day: int = 1
    seats: int = 1
    spend_cap: bool | None = None
    currency: str = "USD"
    rate: float | None = None
    tax: float = 0.0
    discount: float = 0.0
    term: str = "monthly"
    credits: float = 0.0
    limits: Mapping[tuple[str, Limit], float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Service:
    """One use of a provider in a stack, under a role. `provider` includes its product: `cloudflare-r2`."""

    stack: str
    key: str
    role: str
    provider: str
    account: str
    plan: str = ""
    size: str = ""
    limits: Mapping[tuple[str, Limit], float | None] = field(default_factory=dict)

    @property
    def subject(self) -> Subject:
        """Whom its readings are about."""
        return Subject(stack=self.stack, service=self.key)


@dataclass(frozen=True, slots=True)
class Stack:
    """One product in one environment. `facts` are metrics the user states; `budget` is USD a month."""

    key: str
    product: str = ""
    environment: str = "production"
    timezone: str = "UTC"
    facts: Mapping[str, float] = field(default_factory=dict)
    needs: Mapping[str, bool] = field(default_factory=dict)
    budget: float | None = None
    packs: tuple[str, ...] = ()
    owner: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    services: tuple[Service, ...] = ()

    @property
    def subject(self) -> Subject:
        """Whom its own readings are about."""
        return Subject(stack=self.key)


@dataclass(frozen=True)
class Fleet:
    """Everything that is watched; `subjects` gives each its place in the columns."""

    stacks: tuple[Stack, ...] = ()
    accounts: tuple[Account, ...] = ()

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """All services of all stacks, in the stacks' order."""
        return tuple(service for stack in self.stacks for service in stack.services)

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """The keys of all stacks, then services, then accounts: the rows of the columns."""
        return (
            *(stack.key for stack in self.stacks),
            *(service.subject.key for service in self.services),
            *(f"@{account.key}" for account in self.accounts),
        )

    @cached_property
    def row(self) -> Mapping[str, int]:
        """A subject's key to its place in `subjects`."""
        return {key: index for index, key in enumerate(self.subjects)}

    @cached_property
    def stack(self) -> Mapping[str, Stack]:
        """Stacks by key."""
        return {stack.key: stack for stack in self.stacks}

    @cached_property
    def account(self) -> Mapping[str, Account]:
        """Accounts by key."""
        return {account.key: account for account in self.accounts}

    @cached_property
    def _of_product(self) -> tuple[Mapping[tuple[str, str], tuple[Service, ...]], Counter[str]]:
        found: dict[tuple[str, str], list[Service]] = {}
        for service in self.services:
            found.setdefault((service.account, service.provider), []).append(service)
        products = Counter(account for account, _ in found)
        return {key: tuple(services) for key, services in found.items()}, products

    def counted_with(self, service: Service) -> tuple[tuple[Service, ...], bool]:
        """Return the account's services of the same product, itself among them, and whether those are all."""
        found, products = self._of_product
        same = found.get((service.account, service.provider), (service,))
        return same, products[service.account] <= 1

    @cached_property
    def service(self) -> Mapping[str, Service]:
        """Services by subject key."""
        return {service.subject.key: service for service in self.services}
