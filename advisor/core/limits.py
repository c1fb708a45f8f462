"""The limit that a value is judged against at a time, and where it came from.

In this order: the user's override, what the provider's API or the service itself reported, then documents
and catalogue by confidence and date. A document counts only where the stack uses its pack.
"""

import math
from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import lru_cache

from advisor.core.catalogue import (
    Catalogue,
    Plan,
    Product,
    Quota,
    Reset,
    Scope,
    Size,
    better,
)
from advisor.core.fleet import Account, Fleet, Service
from advisor.core.model import Confidence, Limit, LimitInForce, Term

#: Limits that a service reports itself, with the quota behind them.
_REPORTED = (Limit.MAX, Limit.AVAILABLE, Limit.POOL)
_FALLS_BACK = (Limit.MAX, Limit.AVAILABLE)
#: A reported limit's period as a word, such as "day", or as exactly as a catalogue says it: "rolling day".
_RESETS = {one.value: one for one in Reset}

Found = tuple[LimitInForce, ...]


@dataclass(frozen=True, slots=True)
class _Like:
    """What services must share to have the same documented limits. `account`: only account-wide quotas."""

    provider: str
    plan: str
    size: str
    packs: tuple[str, ...]
    account: bool = False


class Limits:
    """All limits of a fleet. `revision` changes when an answer may have, `plans_revision` with a plan.

    `terms` are (subject's or account's key, Term); an account's key is written `@acme` or `acme`.
    """

    def __init__(self, fleet: Fleet, catalogue: Catalogue, terms: Sequence[tuple[str, Term]] = ()) -> None:
        self.fleet = fleet
        self.catalogue = catalogue
        self.revision = 0
        self.plans_revision = 0
        self._seen = -1
        self._plans: dict[str, frozenset[str]] | None = None
        self._words: dict[tuple[str, str], frozenset[str]] = {}
        self._terms: dict[str, list[tuple[datetime, int, Term]]] = {}
        self._moments: dict[str, list[datetime]] = {}
        self._cache: dict[tuple[str | _Like, int, str, Limit], Found] = {}
        self._likes: dict[tuple[str, int], _Like] = {}
        self._documented: dict[tuple[_Like, date | None], Mapping[str, Found]] = {}
        self._packs: dict[str, tuple[str, ...]] = {}
        for stack in fleet.stacks:
            packs = tuple(pack.partition("@")[0] for pack in stack.packs)
            for service in stack.services:
                known = self._packs.get(service.account, ())
                self._packs[service.account] = (*known, *(pack for pack in packs if pack not in known))
            self._packs[f"{stack.key}/"] = packs
        self._overridden = {
            *(key for key, service in fleet.service.items() if service.limits),
            *(f"@{account.key}" for account in fleet.accounts if account.limits),
        }
        self._changes = sorted(
            {
                datetime.combine(day, time(), UTC)
                for product in catalogue.offers.values()
                for plan in product.plans
                for day in (plan.valid_from, plan.valid_until)
                if day is not None
            }
        )
        self.update(terms)

    def update(self, terms: Iterable[tuple[str, Term]]) -> None:
        """Take further terms into account; one that is known already changes nothing."""
        changed = False
        for holder, term in terms:
            key = self._key(holder)
            known = self._terms.setdefault(key, [])
            if _said_already(term, known):
                continue
            insort(known, (term.valid_from, len(known), term))
            insort(self._moments.setdefault(key, []), term.valid_from)
            changed = True
        if changed:
            self.revision += 1
            self._cache.clear()
            self._likes.clear()

    def advance(self, at: datetime) -> None:
        """Say that time has come to `at`: `revision` changes if a term or entry began or ended since.

        Whoever keeps answers by revision calls it before judging another moment, so that a backtest judges
        each day by the limits of that day.
        """
        epoch = bisect_right(self._changes, at) + sum(
            bisect_right(moments, at) for moments in self._moments.values()
        )
        if epoch != self._seen:
            self._seen = epoch
            self.revision += 1
            plans = self._plans_at(at)
            if plans != self.plans:
                self._plans = plans
                self.plans_revision += 1

    @property
    def plans(self) -> Mapping[str, frozenset[str]]:
        """Each service's and account's plan in force, under every name it goes by: id, title, aliases.

        It is that of the last `advance`; before, what is configured. Names are in small letters.
        """
        if self._plans is None:
            self._plans = self._plans_at(datetime.min.replace(tzinfo=UTC))
        return self._plans

    def _plans_at(self, at: datetime) -> dict[str, frozenset[str]]:
        services = ((key, service.provider) for key, service in self.fleet.service.items())
        accounts = ((f"@{account.key}", account.provider) for account in self.fleet.accounts)
        return {key: self._named(provider, self.plan(key, at)) for key, provider in (*services, *accounts)}

    def _named(self, provider: str, name: str) -> frozenset[str]:
        """Return all names of a plan of a provider's product."""
        if not name:
            return frozenset()
        found = self._words.get((provider, name))
        if found is None:
            plans = [product.plan(name) for product in self.catalogue.of(provider).values()]
            words = {word for plan in plans if plan for word in (plan.id, plan.title, *plan.aliases)}
            found = self._words[provider, name] = frozenset(word.casefold() for word in {name, *words})
        return found

    def _key(self, key: str) -> str:
        if key in self.fleet.account and key not in self.fleet.stack:
            return f"@{key}"
        return key

    def find(
        self, subject: str, metric: str, limit: Limit, at: datetime, period: str = ""
    ) -> LimitInForce | None:
        """Return the limit in force at `at`, None where it is not known.

        Where a plan has several on the metric (100 a day and 3,000 a month), `period` ("day", "week",
        "month") says which; without it, the first of the catalogue.
        """
        found = self.all(subject, metric, limit, at)
        if period:
            return next((one for one in found if Reset(one.reset).period == period), None)
        return found[0] if found else None

    def all(self, subject: str, metric: str, limit: Limit, at: datetime) -> Found:
        """Return every limit of that kind in force on the metric, one a period; empty: none known."""
        epoch = self._epoch(subject, at)
        own: str | _Like = subject
        if limit is not Limit.BUDGET and not self._has_own(subject):
            own = self._like(subject, epoch, at)
        key = (own, epoch, metric, limit)
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = self._look_up(subject, epoch, metric, limit, at)
        return found

    def exists(self, subject: str, metric: str, limit: Limit, at: datetime | None = None) -> bool:
        """Return False only where it is sure that this plan has no such limit (`at`: default, ever after)."""
        if limit is not Limit.QUOTA:
            return True  # It may be reported or stated yet.
        moment = at or datetime.max.replace(tzinfo=UTC)
        if self.all(subject, metric, limit, moment):
            return True
        like = self._like(subject, self._epoch(subject, moment), moment)
        if not like.provider:
            return False  # A stack has no plan, so no quota.
        products = self.catalogue.of(like.provider)
        plans = [
            plan
            for product in products.values()
            for plan in ([product.plan(like.plan)] if like.plan else product.plans)
        ]
        return not plans or any(
            plan is None or not plan.complete or metric in plan.not_known for plan in plans
        )

    def plan(self, subject: str, at: datetime) -> str:
        """Return the plan in force: what the provider's API said last, else what advisor.yaml says."""
        for key in self._chain(subject):
            told = self._told(key, "plan", at)
            if told and isinstance(value := told[-1].value, str):
                return value
        return self.configured_plan(subject)

    def configured_plan(self, subject: str) -> str:
        """Return the plan that advisor.yaml says: the service's own, else its account's; "" for none."""
        if (service := self.fleet.service.get(subject)) is not None and service.plan:
            return service.plan
        account = self.fleet.account.get(service.account if service else subject.removeprefix("@"))
        return account.plan if account else ""

    def plans_that_differ(self, subject: str, at: datetime) -> tuple[str, str] | None:
        """Return (configured, in force) where the provider reports another plan than advisor.yaml says.

        None where it is the same under any of its names, or where one of the two is not known.
        """
        configured, in_force = self.configured_plan(subject), self.plan(subject, at)
        holder = self.fleet.service.get(subject) or self.fleet.account.get(subject.removeprefix("@"))
        if holder is None or not configured or configured == in_force:
            return None
        same = self._named(holder.provider, configured) & self._named(holder.provider, in_force)
        return None if same else (configured, in_force)

    def plan_source(self, subject: str, at: datetime) -> str:
        """Return who says that plan: the provider's API, or advisor.yaml; empty where it is not known."""
        for key in self._chain(subject):
            told = self._told(key, "plan", at)
            if told and isinstance(told[-1].value, str):
                return _by_api(told[-1].source)
        return "advisor.yaml" if self.plan(subject, at) else ""

    def product(self, subject: str) -> Product | None:
        """Return what the catalogue has on the service's product."""
        service = self.fleet.service.get(subject)
        return self.catalogue.offers.get(service.provider) if service else None

    def of_plan(
        self, subject: str, plan: Plan, size: Size | None, at: datetime, provider: str = ""
    ) -> Mapping[str, Found]:
        """Return the documented quotas that the subject would have on that plan and size, by metric.

        `provider` names another product than the subject's.
        """
        like = self._like(subject, self._epoch(subject, at), at)
        other = _Like(provider or like.provider, plan.id, size.id if size else "", like.packs, like.account)
        return self._quotas(other, at)

    # How it is looked up.

    def _chain(self, subject: str) -> tuple[str, ...]:
        """Return whose terms count for the subject: its own, then its account's."""
        service = self.fleet.service.get(subject)
        return (subject, f"@{service.account}") if service is not None else (subject,)

    def _has_own(self, subject: str) -> bool:
        return any(key in self._terms or key in self._overridden for key in self._chain(subject))

    def _epoch(self, subject: str, at: datetime) -> int:
        """Return a number that stays the same as long as no term or catalogue entry changes."""
        epoch = bisect_right(self._changes, at) if self._changes else 0
        if self._moments:
            for key in self._chain(subject):
                if moments := self._moments.get(key):
                    epoch += bisect_right(moments, at)
        return epoch

    def _like(self, subject: str, epoch: int, at: datetime) -> _Like:
        key = (subject, epoch)
        like = self._likes.get(key)
        if like is None:
            like = self._likes[key] = self._make_like(subject, at)
        return like

    def _make_like(self, subject: str, at: datetime) -> _Like:
        plan = self.plan(subject, at)
        if (service := self.fleet.service.get(subject)) is not None:
            packs = self._packs.get(f"{service.stack}/", ())
            return _Like(service.provider, plan, service.size, packs)
        if (account := self.fleet.account.get(subject.removeprefix("@"))) is not None:
            return _Like(account.provider, plan, "", self._packs.get(account.key, ()), account=True)
        return _Like("", "", "", ())

    def _look_up(self, subject: str, epoch: int, metric: str, limit: Limit, at: datetime) -> Found:
        if limit is Limit.BUDGET:
            return self._budget(subject)
        documented: Found = ()
        if limit not in _REPORTED or limit in _FALLS_BACK:
            documented = self._quotas(self._like(subject, epoch, at), at).get(metric, ())
        kinds = (limit, Limit.QUOTA) if limit in _FALLS_BACK else (limit,)
        for kind in kinds:
            if (override := self._override(subject, metric, kind, documented)) is not None:
                return (override,)
        for kind in kinds:
            if reported := self._reported(subject, metric, kind, at, documented):
                return reported
        return documented

    def _budget(self, subject: str) -> Found:
        service = self.fleet.service.get(subject)
        stack = self.fleet.stack.get(service.stack if service is not None else subject)
        if stack is None or stack.budget is None:
            return ()
        return (LimitInForce(stack.budget, "your budget", measured="sum", reset=Reset.MONTH.value),)

    def _override(self, subject: str, metric: str, kind: Limit, documented: Found) -> LimitInForce | None:
        holders: list[Service | Account | None] = [
            self.fleet.service.get(key) or self.fleet.account.get(key.removeprefix("@"))
            for key in self._chain(subject)
        ]
        for holder in holders:
            if holder is not None and (metric, kind) in holder.limits:
                value = holder.limits[metric, kind]
                return _metered(value, "your override", Confidence.VERIFIED, None, documented)
        return None

    def _reported(self, subject: str, metric: str, kind: Limit, at: datetime, documented: Found) -> Found:
        for key in self._chain(subject):
            newest: dict[str, Term] = {}
            for term in self._told(key, "limit", at):
                if term.metric == metric and (term.limit or Limit.QUOTA) is kind and _number(term.value):
                    newest[term.part] = term
            if newest:
                return tuple(self._term(term, kind, documented) for term in newest.values())
        return ()

    def _term(self, term: Term, kind: Limit, documented: Found) -> LimitInForce:
        source = _by_api(term.source) if kind is Limit.QUOTA else term.source
        reset = _RESETS.get(term.part)
        period = term.part if reset is None else reset.period
        same = tuple(one for one in documented if Reset(one.reset).period == period)
        value = None if term.value is None else float(term.value)
        found = _metered(value, source, term.confidence, term.valid_from, same or documented)
        if reset and not same:
            # A period that the catalogue does not have: 50,000 a day are never judged as 50,000 a month.
            return replace(found, measured="sum", reset=reset.value, at_end="")
        return found

    def _told(self, key: str, what: str, at: datetime) -> list[Term]:
        return [term for since, _, term in self._terms.get(key, ()) if since <= at and term.what == what]

    def _quotas(self, like: _Like, at: datetime) -> Mapping[str, Found]:
        """Return the documented limits by metric: the one to believe of each period, with what differs."""
        day = at.date() if self._changes else None
        key = (like, day)
        found = self._documented.get(key)
        if found is None:
            found = self._documented[key] = self._believed(like, day)
        return found

    def _believed(self, like: _Like, day: date | None) -> Mapping[str, Found]:
        limits: dict[str, Found] = {}
        twice: set[str] = set()
        for key, product in self.catalogue.of(like.provider).items():
            periods: dict[tuple[str, str], list[Quota]] = {}
            for quota in plan_quotas(self.catalogue, key, like.plan, like.size, like.packs, day):
                if not like.account or quota.scope is Scope.ACCOUNT:
                    periods.setdefault((quota.metric, quota.reset.period), []).append(quota)
            mine: dict[str, Found] = {}
            for (metric, _), quotas in periods.items():
                mine[metric] = (*mine.get(metric, ()), _in_force(product, like, quotas))
            # What two products of an account limit each for itself is no limit of the account's sum.
            twice |= mine.keys() & limits.keys()
            limits |= mine
        return {metric: found for metric, found in limits.items() if metric not in twice}


def plan_quotas(
    catalogue: Catalogue,
    key: str,
    plan_name: str,
    size_name: str,
    packs: Sequence[str],
    day: date | None = None,
) -> list[Quota]:
    """Return all quotas of a product's plan: its size's, then its own, then what the packs' documents say."""
    product = catalogue.offers[key]
    plan = product.plan(plan_name, day) if plan_name else None
    if plan is None:
        return []
    size = product.size(size_name or plan.default_size) if size_name or plan.default_size else None
    found = [*(size.quotas if size is not None else ()), *plan.quotas]
    for pack in packs:
        found += [quota for plan_id, quota in catalogue.document_quotas(key, pack) if plan_id == plan.id]
    return found


def _in_force(product: Product, like: _Like, quotas: Sequence[Quota]) -> LimitInForce:
    """Return the limit to believe of several statements on the same one."""
    best = quotas[0]
    for quota in quotas[1:]:
        if better(quota, best):
            best = quota
    others = {
        f"{quota.source} says {quota.included} (of {quota.as_of})"
        for quota in quotas
        if quota.included != best.included
    }
    if best.confidence is Confidence.DOCUMENT_ONLY and " line " in best.source:
        source = best.source
    else:
        agree = [q.source for q in quotas if q.included == best.included and " line " in q.source]
        source = f"catalogue: {like.provider} {like.plan.casefold()} as of {best.as_of}"
        source = "; ".join([*dict.fromkeys(agree), source])
    notes = {"differs": "; ".join(sorted(others)), "note": best.note}
    return LimitInForce(
        value=product.amount(best.included, best.metric),
        source=source,
        confidence=best.confidence,
        as_of=_midnight(best.as_of),
        scope=best.scope.value,
        measured=best.measured.value,
        reset=best.reset.value,
        at_end=best.at_end.value,
        notes={key: text for key, text in notes.items() if text},
    )


def _metered(
    value: float | None, source: str, confidence: Confidence, as_of: datetime | None, like: Found
) -> LimitInForce:
    """Return a limit that is metered as the documented one is, where there is one."""
    if not like:
        return LimitInForce(value, source, confidence, as_of)
    first = like[0]
    return LimitInForce(
        value, source, confidence, as_of, first.scope, first.measured, first.reset, first.at_end, first.notes
    )


def _by_api(source: str) -> str:
    if "provider API" in source or ":" in source:
        return source
    return f"provider API ({source})" if source else "provider API"


def _number(value: float | str | None) -> bool:
    return value is None or isinstance(value, (int, float))


@lru_cache(maxsize=512)
def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _said_already(term: Term, known: Sequence[tuple[datetime, int, Term]]) -> bool:
    """Say whether the newest word of the same source at that time was the same: polls repeat themselves."""

    def about(one: Term) -> tuple[object, ...]:
        return (one.what, one.metric, one.limit, one.part, one.source)

    before = [t for at, _, t in known if at <= term.valid_from and about(t) == about(term)]
    return bool(before) and (before[-1].value, before[-1].confidence) == (term.value, term.confidence)


def used(value: float, limit: float | None) -> float | None:
    """Return the used share of a limit; None where there is none or it is unlimited, and for a limit of 0.

    A value of nothing against a limit of nothing is unused, not unknown.
    """
    if limit is None or math.isnan(value) or math.isnan(limit) or limit < 0:
        return None
    if limit == 0:
        return 0.0 if value == 0 else None
    return value / limit
