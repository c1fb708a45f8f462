"""The cheapest plans that carry so many users, and what they cost.

A price or limit that nobody knows makes a total "at least": it never counts as nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from advisor.core import choose, demand
from advisor.core.bands import said_price
from advisor.core.catalogue import Plan, Product, Scope, Size
from advisor.core.choose import Beside, Demand, Option
from advisor.core.fleet import Account, Fleet, Service
from advisor.core.limits import Limits
from advisor.core.model import Confidence, LimitInForce
from advisor.core.outlook import Choice, Outlook
from advisor.core.per_user import SCALES
from advisor.core.price import over_quota
from advisor.core.projection import MACHINES, REVENUE, Projection, period_of
from advisor.core.reach import reach
from advisor.core.units import Unit, show

#: How an unsure price is marked.
_DOUBT = {Confidence.DOCUMENT_ONLY: "a document's price", Confidence.UNKNOWN: "price unconfirmed"}


@dataclass(frozen=True)
class _Group:
    """The services of one product on one account."""

    key: str
    product: Product | None
    account: Account
    services: tuple[Service, ...]


class WhatIf(Projection):
    """A stack's projection with prices: the cheapest plans in reach, at any number of users."""

    @cached_property
    def groups(self) -> tuple[_Group, ...]:
        """The services by what is priced together: one product on one account."""
        found: dict[tuple[str, str], list[Service]] = {}
        for service in self.stack.services:
            found.setdefault((service.account, service.provider), []).append(service)
        return tuple(
            _Group(
                key,
                self.catalogue.offers.get(key),
                demand.account_of(services[0], self.fleet),
                tuple(services),
            )
            for (_, key), services in found.items()
        )

    def at(self, users: float) -> Outlook:
        """Return the cheapest plans in reach that carry so many users."""
        choices = tuple(self._cheapest(group, users) for group in self.groups)
        return Outlook(users, choices, tuple(self.project(users)))

    def present(self) -> Outlook:
        """Return what the present plans cost at the present number of users; not known counts as none yet."""
        users = self.users or 0.0
        choices = tuple(self._as_it_is(group, users) for group in self.groups)
        return Outlook(users, choices, tuple(self.project(users)))

    def _cheapest(self, group: _Group, users: float) -> Choice:
        lead = group.services[0]
        if group.product is None:
            return self._by_document(group, users)
        if not any(self.demands(s, users, group.product) for s in group.services):
            return self._as_it_is(group, users)
        found: list[tuple[tuple[int, float, bool, int], Choice]] = []
        reached = {group.key: "", **self._reach(group.key, lead.role)}
        for place, (key, where) in enumerate(reached.items()):
            for option, monthly in self._able(group, key, users):
                one = self._choice(group, key, option, users, monthly, where)
                # A price without a part of itself only looks low, and abroad nobody has seen the rest of it.
                rank = 0 if one.present or not one.cautions else 2 if where else 1
                found.append(((rank, monthly, not one.present, place), one))
        if not found:
            return self._nothing(group, users)
        found.sort(key=lambda row: row[0])
        best = found[0][1]
        stay = [one for _, one in found if one.product == group.key][:1]
        others: dict[tuple[str, str], Choice] = {}
        for one in [*stay, *(one for _, one in found)]:
            if (one.product, one.plan) != (best.product, best.plan):
                others.setdefault((one.product, one.plan), one)
        named = tuple((one.name, one.monthly or 0.0, bool(one.cautions)) for one in others.values())
        return replace(best, others=named[:3])

    def _reach(self, product: str, role: str) -> Mapping[str, str]:
        found = self._reached.get((product, role))
        if found is None:
            found = self._reached[product, role] = reach(self.catalogue, self.documents, product, role)
        return found

    def _able(self, group: _Group, key: str, users: float) -> Iterator[tuple[Option, float]]:
        """Yield the options on a product that carry so many users, with the price of all its services."""
        product = self.catalogue.offers[key]
        rest = {s.key: self._own_demands(s, users, product) for s in group.services[1:]}
        demands, found = self._options(group, key, users)
        needed = self._needed(group, users, moved=key != group.key)
        for option in choose.cheapest(found, demands, ""):
            if needed & set(option.unsure) or self._less(group, option):
                continue
            extra = 0.0
            for service in group.services[1:]:
                size = Beside(service.size).size_on(product, option.plan)
                limits = self._limits_of(service, key, option.plan, size)
                if not choose.carries(replace(option, limits=limits), rest[service.key], ""):
                    break
                extra += _extra(product, option, rest[service.key])
            else:
                if option.price.monthly is not None:
                    yield option, round(option.price.monthly + extra, 2)

    def _less(self, group: _Group, option: Option) -> bool:
        """Say whether the option has less than the present plan of what does not follow the users.

        Nobody knows how much memory so many users need; less than there is now is no answer.
        """
        lead = group.services[0]
        _, plan, size = self.plan_of(lead)
        if plan is None or option.current:
            return False
        projected = {one.metric for one in self.per_user(lead)} | {MACHINES}
        for metric, limits in self._limits_of(lead, group.key, plan, size).items():
            for limit in limits if metric not in projected else ():
                there = next((x for x in option.limits.get(metric, ()) if x.reset == limit.reset), None)
                least = there.value if there is not None else None
                if least is not None and (limit.value is None or least < limit.value):
                    return True
        return False

    def _options(self, group: _Group, key: str, users: float) -> tuple[list[Demand], list[Option]]:
        product, lead = self.catalogue.offers[key], group.services[0]
        demands = self._group_demands(group, users, product)
        _, plan, size = self.plan_of(lead)
        own = key == group.key
        account = group.account if own else Account(group.account.key, key, seats=group.account.seats)
        found = choose.options(
            product,
            (plan, size) if own else (None, None),
            demands,
            account,
            lambda option, option_size: self._limits_of(lead, key, option, option_size),
            self.now.date(),
            count=self.count(lead, users),
            others=[Beside(s.size, self.count(s, users)) for s in group.services[1:]],
        )
        return demands, found

    def _group_demands(self, group: _Group, users: float, product: Product) -> list[Demand]:
        """Return the first service's demand; of what the account counts, the sum of all."""
        shared = {q.metric for plan in product.plans for q in plan.quotas if q.scope is Scope.ACCOUNT}
        total = {(d.metric, d.period): d for d in self.demands(group.services[0], users, product)}
        for service in group.services[1:]:
            for one in self.demands(service, users, product):
                if one.metric in shared:
                    before = total.get((one.metric, one.period))
                    need = one.need + (before.need if before is not None else 0.0)
                    total[one.metric, one.period] = Demand(one.metric, one.period, need, need)
        for (metric, period), one in list(total.items()):
            if metric in shared and (used := self.others_use(group.services[0], metric, period)):
                total[metric, period] = Demand(metric, period, one.need + used, one.need + used)
        return list(total.values())

    def _own_demands(self, service: Service, users: float, product: Product) -> list[Demand]:
        """Return what a further service of the group needs beside the account's sums."""
        shared = {q.metric for plan in product.plans for q in plan.quotas if q.scope is Scope.ACCOUNT}
        return [d for d in self.demands(service, users, product) if d.metric not in shared]

    def _limits_of(
        self, service: Service, key: str, plan: Plan, size: Size | None
    ) -> Mapping[str, tuple[LimitInForce, ...]]:
        if key != service.provider:
            moved, limits = self._moved(service, key)
            return limits.of_plan(moved.subject.key, plan, size, self.now)
        documented = self.limits.of_plan(service.subject.key, plan, size, self.now)
        _, now_plan, now_size = self.plan_of(service)
        if plan is not now_plan or (size is not now_size and now_size is not None):
            return documented
        metrics = [*(one.metric for one in self.per_user(service)), MACHINES]
        in_force = {metric: tuple(self.in_force(service, metric)) for metric in metrics}
        return {**documented, **{metric: found for metric, found in in_force.items() if found}}

    def _moved(self, service: Service, key: str) -> tuple[Service, Limits]:
        """Return the service as one of another product, with the limits it would have there."""
        known = self._elsewhere.get((service.key, key))
        if known is None:
            moved = replace(
                service, provider=key, plan="", size="", account=f"{service.account}:{key}", limits={}
            )
            stack = replace(self.stack, services=(moved,))
            known = self._elsewhere[service.key, key] = moved, Limits(Fleet((stack,)), self.catalogue)
        return known

    def _needed(self, group: _Group, users: float, *, moved: bool) -> set[str]:
        """Return the metrics whose limit must be known before a plan is called one that carries them.

        Those that break on the present plan; elsewhere all that any plan here limits or bills, because a
        product of which nothing is known would else look like one that carries everything.
        """
        found: set[str] = set()
        for service in group.services:
            for one in self.demands(service, users, group.product):
                limits = self.in_force(service, one.metric)
                if any(
                    limit.value is not None
                    and period_of(limit) == one.period
                    and one.need * (1 + choose.HEADROOM) > limit.value
                    for limit in limits
                ):
                    found.add(one.metric)
            if moved and group.product is not None:
                used = {one.metric for one in self.per_user(service)}
                found |= {metric for metric in used if self._counted(service, group.product, metric)}
        # A ladder that counts machines says itself that so many of this product can be had.
        return found if moved else found - {MACHINES}

    def _counted(self, service: Service, product: Product, metric: str) -> bool:
        """Say whether the present plan, or another one of the product, limits or bills the metric."""
        if any(limit.value is not None for limit in self.in_force(service, metric)):
            return True
        return any(
            metric in plan.metered or any(quota.metric == metric for quota in plan.quotas)
            for plan in product.plans
        )

    def _choice(
        self, group: _Group, key: str, option: Option, users: float, monthly: float | None, where: str
    ) -> Choice:
        lead, product = group.services[0], self.catalogue.offers[key]
        count = self.count(lead, users) if option.size is not None else 1.0
        notes = [f"overage {show(option.price.overage, Unit.USD)}"] if option.overage else []
        said = self.said_machines(lead, users)
        if option.size is not None and said is not None and said[0] > self.running(lead):
            notes.append(f"{said[0]:g} machines by the document, {said[1]}")
        if monthly and (word := _DOUBT.get(option.price.confidence)):
            notes.append(word)
        return Choice(
            tuple(s.key for s in group.services),
            lead.role,
            _name(product, option, count),
            key,
            option.plan.id,
            option.size.id if option.size is not None else "",
            count,
            monthly,
            option.current,
            where,
            tuple(option.price.unknown) if monthly is None else (),
            tuple(option.unsure),
            self._left_out(group, option, product),
            tuple(notes),
            price=option.price,
        )

    def _left_out(self, group: _Group, option: Option, product: Product) -> tuple[str, ...]:
        """Return what the plan bills by use, or limits as the present one does not, and nothing projects."""
        projected = {one.metric for service in group.services for one in self.per_user(service)} | {MACHINES}
        if self.revenue_per_user is not None:
            projected.add(REVENUE)
        found = []
        if words := _words(option.plan.metered - projected):
            found.append(f"{product.title} bills {words} too, which is not projected")
        if product is not group.product:
            lead = group.services[0]
            _, plan, size = self.plan_of(lead)
            here = self._limits_of(lead, group.key, plan, size) if plan is not None else {}
            limited = {
                metric
                for metric, limits in option.limits.items()
                if any(limit.value is not None and limit.reset for limit in limits)
            }
            if words := _words(limited - projected - set(here)):
                found.append(f"{product.title} limits {words}, which is not projected")
        return tuple(found)

    def _as_it_is(self, group: _Group, users: float) -> Choice:
        """Return the present plan at so many users, whether it carries them or not."""
        if group.product is None:
            return self._by_document(group, users)
        lead = group.services[0]
        demands, found = self._options(group, group.key, users)
        current = next((option for option in found if option.current), None)
        if current is None:
            steady = not _depends_on_usage(group.product)
            if steady or said_price(self.documents, lead.role, users) is not None:
                return self._by_document(group, users, steady=steady)
            why = f"which plan {group.product.title} ({lead.key}) is on is not said"
            return _unknown(group, group.product.title, why)
        monthly = current.price.monthly
        if monthly is not None:
            monthly += sum(
                _extra(group.product, current, self._own_demands(s, users, group.product))
                for s in group.services[1:]
            )
        made = self._choice(group, group.key, current, users, monthly, "")
        if not demands and _depends_on_usage(group.product):
            names = ", ".join(s.key for s in group.services)
            made = replace(made, cautions=(f"what a user uses of {names} is not known",))
        return made

    def _by_document(self, group: _Group, users: float, *, steady: bool = False) -> Choice:
        """Return what a document says of the price of what the catalogue does not have: the least of it."""
        lead = group.services[0]
        said = said_price(self.documents, lead.role, users, steady=steady)
        if said is None:
            return _unknown(group, group.key, f"the price of {lead.key} ({group.key}) is not known")
        made = replace(
            _unknown(group, group.key, ""), monthly=said.low, notes=(f"by the document, {said.where}",)
        )
        if said.high == said.low:
            return made
        return replace(made, cautions=(f"of {lead.key} ({group.key}) only the document's range is known",))

    def _nothing(self, group: _Group, users: float) -> Choice:
        product = group.product
        metrics = self._needed(group, users, moved=False)
        title = product.title if product is not None else group.key
        words = _words(metrics) or "what is projected"
        why = f"no plan in reach of {title} is known to carry {words} and has a known price"
        return _unknown(group, title, why)


def _name(product: Product, option: Option, count: float) -> str:
    parts = [f"{product.title} {option.plan.title}"]
    if option.size is not None:
        times = f"{count:g} × " if count > 1 else ""
        parts.append(f"{times}{option.size.title}")
    return ", ".join(parts) + (" with overage" if option.overage else "")


def _words(metrics: Iterable[str]) -> str:
    return ", ".join(sorted(metric.replace("_", " ") for metric in metrics))


def _extra(product: Product, option: Option, demands: Sequence[Demand]) -> float:
    """Return the overage of a further service on what is counted service by service."""
    if option.capped:
        return 0.0
    usage = choose.monthly_usage(demands)
    over = (over_quota(product, quota, usage.get(quota.metric, 0.0)) for quota in option.plan.quotas)
    return sum(one or 0.0 for one in over)


def _unknown(group: _Group, name: str, why: str) -> Choice:
    return Choice(
        tuple(s.key for s in group.services),
        group.services[0].role,
        name,
        group.key,
        "",
        "",
        1.0,
        None,
        present=False,
        unknown=(why,) if why else (),
    )


def _depends_on_usage(product: Product) -> bool:
    """Say whether more usage could cost more: a plan limits or prices something that grows with users."""
    return any(
        any(q.metric in SCALES and q.included != "unlimited" for q in plan.quotas)
        or plan.metered & {*SCALES, REVENUE}
        for plan in product.plans
    )
