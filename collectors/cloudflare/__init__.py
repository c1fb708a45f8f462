"""Cloudflare: R2, Workers, Pages, D1, KV, Durable Objects, Queues, Web Analytics and a zone's traffic.

API     POST /client/v4/graphql: one dataset a request, by UTC hour (zones: by UTC day), within what the
        `settings` of each allow. It knows no cursor: a full page is taken up again at its last hour. REST for
        the Workers plan, a zone's plan, and the deployments of Pages.
Token   an API token with Account Analytics: Read; for a zone Analytics: Read and Zone: Read. Optional are
        Billing: Read (the Workers plan) and Cloudflare Pages: Read (builds).
Quirks  An answer 200 may hold errors, and one node without a right empties it. Hours without traffic have no
        row: they count as zero once the dataset has shown any row, before that nothing is said. Amounts of
        adaptive datasets may be sampled; where the sample interval is above 1, or not told (R2), the reading
        is an estimate. Times are µs for Workers and Pages, ms for D1. GB are 10⁹. Bytes stored are the day's
        peak, all buckets added. The last hour is asked again, for rows come late. The product is the
        service's: `cloudflare-r2`, `cloudflare-workers`, ...
        Not confirmed: whether R2 bills metadata (it is counted); whether R2's month begins on the 1st;
        whether failed builds of Pages count (they do here). The REST description is of 2024, and how an
        account's own token is verified (/accounts/{id}/tokens/verify) is not in it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors.cloudflare import rest
from advisor.collectors.cloudflare.ask import WHERE, Api, Bounds
from advisor.collectors.cloudflare.datasets import GAUGES, USAGE, Dataset, Gauge
from advisor.collectors.cloudflare.rows import stored, unlisted, usage
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Reading, Term
from advisor.errors import InputError
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    Budget,
    CollectError,
    Forbidden,
    Poll,
    Tier,
    Unexpected,
    Verified,
)

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "cloudflare"
METRICS = tuple(
    VOCABULARY[name]
    for name in (
        "storage", "requests", "class_a_operations", "class_b_operations", "egress", "reads", "writes",
        "operations", "events", "compute_hours", "gb_hours", "cpu_time", "response_time", "query_time",
        "error_rate", "cache_hit_rate", "bandwidth_saved", "builds", "projects", "restricted",
    )
)  # fmt: skip
ACCOUNT, ZONE = "Account Analytics: Read", "Analytics: Read (zone)"
SCOPES = (ACCOUNT, ZONE, rest.ZONE, rest.BILLING, rest.PAGES)
INTERVAL = 900.0
ABOUT = About(
    title="Cloudflare",
    access=(
        Access(
            Tier.READ, ACCOUNT, "usage of all products of the account", "how much is used, names of buckets"
        ),
        Access(
            Tier.READ, f"{ZONE}, {rest.ZONE}", "a zone's traffic, plan and state", "traffic, DNS zone names"
        ),
        Access(
            Tier.READ, rest.PAGES, "builds of Pages", "projects, build settings with their plain variables"
        ),
        Access(
            Tier.READ,
            rest.BILLING,
            "the Workers plan in force",
            "subscriptions, invoices, the billing address",
        ),
    ),
    products=("r2", "workers", "pages", "d1", "kv", "durable-objects", "queues", "cdn", "analytics"),
    spec="cloudflare/graphql-analytics-schema-2026-01.graphql",
    open=(
        "whether R2 bills metadata and when its free month begins",
        "whether failed builds of Pages count",
        "that a full page is complete up to its last hour",
    ),
    dashboard="https://dash.cloudflare.com/?to=/:account/billing/billable-usage",
    delay="a few minutes; D1 a quarter of an hour",
    connect=(
        "Open My Profile, API Tokens, Create Token, Create Custom Token.",
        "Permission: Account, Account Analytics, Read; of a zone both Analytics, Read and Zone, Read.",
        "Limit it to the account and zone, and give it an end.",
        "Put it into `token:` as ${NAME}, and the account's id (in its page's address) into `account_id:`.",
    ),
    example={"token": "cloudflare_example_token", "account_id": "0123456789abcdef0123456789abcdef"},
    budget=Budget(300, 300.0, "user", "Cloudflare docs, GraphQL Analytics API, limits"),
)

_LOOK_BACK = timedelta(days=31)
_SETTLE = timedelta(hours=1)
_DAILY = timedelta(hours=23)


class Settings(BaseModel):
    """What advisor.yaml says about a service at Cloudflare."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="An API token with Account Analytics: Read.")
    account_id: str = Field("", description="The account's id; needed for all but a zone.")
    zone_id: str = Field("", description="The zone's id, for the product cdn.")
    only: str = Field(
        "", description="One bucket, script or project by name, one database, namespace, queue or site by id."
    )
    base_url: str = Field("https://api.cloudflare.com", description="Another address of the API.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what the service's product used since the last poll, the last hour again; at first of 31 days.

    Raises:
        CollectError: It cannot be reached or refuses, and nothing was measured.
        InputError: There is no such product here, or the id is missing that it needs.
    """
    product = _product(poll)
    scope, key = ("zones", settings.zone_id) if product == "cdn" else ("accounts", settings.account_id)
    if not key:
        name = "zone_id" if product == "cdn" else "account_id"
        raise InputError(f"cloudflare-{product} needs it: an id of 32 digits and letters", key=name)
    draft = _Draft(
        Api(poll, settings.base_url.rstrip("/"), settings.token.get_secret_value()), settings, scope, key
    )
    await draft.limits(product)
    for dataset in USAGE[product]:
        await draft.usage(dataset)
    for gauge in GAUGES.get(product, ()):
        await draft.stored(gauge)
    if draft.failed is not None and not draft.answered:
        raise draft.failed
    await draft.facts(product)
    return draft.answer()


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Return whether the token is good and when it ends; which rights it has cannot be asked.

    Raises:
        CollectError: It is refused, or Cloudflare cannot be reached.
    """
    api = Api(poll, settings.base_url.rstrip("/"), settings.token.get_secret_value())
    return await rest.verified(api, settings.account_id)


def _product(poll: Poll) -> str:
    product = poll.service.provider.removeprefix("cloudflare").removeprefix("-")
    if not product:
        return "r2"
    if product not in USAGE:
        raise InputError(
            f"Cloudflare's analytics tell nothing of `cloudflare-{product}`; state its figures by hand, or "
            f"name one of: {', '.join(sorted(USAGE))}",
            key="provider",
        )
    return product


class _Draft:
    """An answer in the making."""

    def __init__(self, api: Api, settings: Settings, scope: str, key: str) -> None:
        self.api, self.settings, self.scope, self.key = api, settings, scope, key
        self.poll = api.poll
        self.right = ZONE if scope == "zones" else ACCOUNT
        self.readings: list[Reading] = []
        self.terms: list[Term] = []
        self.gaps: list[Gap] = []
        self.evidence: dict[str, list[Mapping[str, str]]] = {}
        self.keep: dict[str, Any] = dict(self.poll.previous)
        self.bounds: dict[str, Bounds] = {}
        self.failed: Forbidden | Unexpected | None = None
        self.answered = False

    async def limits(self, product: str) -> None:
        """Ask once a day what the datasets allow."""
        nodes = [one.name for one in USAGE[product]] + [one.name for one in GAUGES.get(product, ())]
        kept = self.keep.get("bounds")
        if not isinstance(kept, dict) or self._due("bounds_at"):
            found = await self.api.bounds(nodes, self.scope, self.key, self.right)
            kept = {name: [one.widest, one.oldest, one.page] for name, one in found.items()}
            self.keep |= {"bounds": kept, "bounds_at": self.poll.now.timestamp()}
        self.bounds = {name: Bounds(one[0], one[1], int(one[2])) for name, one in kept.items()}

    async def usage(self, dataset: Dataset) -> None:
        """Ask for what one dataset counted."""
        if self.settings.only and not dataset.one and not dataset.zone:
            why = f"{WHERE} counts them for the whole account only; leave `only` out for them"
            self.gaps.append(Gap(dataset.name, why, dataset.metrics))
            return
        time = dataset.dimensions[0]
        selection = f"dimensions {{{' '.join(dataset.dimensions)}}} {dataset.fields}"
        since = self._since(timedelta(days=1) if time == "date" else _SETTLE)
        one = (dataset.one, self.settings.only) if self.settings.only and dataset.one else ("", "")
        bounds = self.bounds.get(dataset.name, Bounds())
        try:
            found = await self.api.rows(
                dataset.name, selection, time, since, bounds, self.scope, self.key, self.right, one
            )
            seen = set(self.keep.get("seen", []))
            if found.rows:
                self.keep["seen"] = sorted(seen | {dataset.name})
            start = found.since or since
            zero = bool(found.rows) or (found.listed and dataset.name in seen)
            self.readings += usage(
                dataset, found.rows, (start, self.poll.now), self.poll.now, quiet_is_zero=zero
            )
            if dataset.name.startswith("r2"):
                self._odd(found.rows)
        except (Forbidden, Unexpected) as error:
            self._miss(dataset.name, error, dataset.metrics)
            return
        self.answered = True
        if not zero:
            why = f"{WHERE} has no rows for it since {start:%Y-%m-%d}, which is not counted as zero"
            self.gaps.append(Gap(dataset.name, why, dataset.metrics))
        if found.cut:
            why = f"{WHERE}: more rows than one poll may ask for; a part of them is missing"
            self.gaps.append(Gap(dataset.name, why, dataset.metrics))
        self.gaps += [Gap(dataset.name, f"{WHERE}: {fault}", dataset.metrics) for fault in found.faults]

    async def stored(self, gauge: Gauge) -> None:
        """Ask for the bytes stored by day."""
        if self.settings.only and not gauge.one:
            return
        one = (gauge.one, self.settings.only) if self.settings.only else ("", "")
        selection = f"dimensions {{{' '.join(('date', *gauge.by))}}} max {{{' '.join(gauge.fields)}}}"
        bounds = self.bounds.get(gauge.name, Bounds())
        try:
            found = await self.api.rows(
                gauge.name,
                selection,
                "date",
                self._since(timedelta(days=1)),
                bounds,
                self.scope,
                self.key,
                self.right,
                one,
            )
            readings, newest = stored(gauge, found.rows, self.poll.now)
        except (Forbidden, Unexpected) as error:
            self._miss(gauge.name, error, ("storage",))
            return
        self.answered = True
        self.readings += readings
        if newest and gauge.by:
            rows: list[Mapping[str, str]] = [
                {"name": name, "bytes": f"{size:.0f}"} for name, size in list(newest.items())[:20]
            ]
            self.evidence[f"Largest, {gauge.part}" if gauge.part else "Largest"] = rows
        if not readings and not gauge.part:
            why = f"{WHERE} has no size recorded yet, which is not zero"
            self.gaps.append(Gap(gauge.name, why, ("storage",)))
        if any(name.endswith("/InfrequentAccess") for name in newest):
            why = "a part is of class Infrequent Access, for which the free amounts do not hold"
            self.gaps.append(Gap("storage class", f"{WHERE}: {why}", ("storage",)))
        if found.cut:
            why = f"{WHERE}: more rows than one poll may ask for, so that days are missing"
            self.gaps.append(Gap(gauge.name, why, ("storage",)))

    async def facts(self, product: str) -> None:
        """Ask what only REST knows; without the right for it, that is a gap."""
        account = self.settings.account_id
        try:
            if product == "cdn":
                answer = await rest.zone(self.api, self.key)
                self.readings += answer.readings
                self.terms += answer.terms
            if product == "pages":
                answer = await rest.builds(self.api, account, self.settings.only)
                self.readings += answer.readings
                self.gaps += answer.gaps
        except CollectError as error:  # What was measured so far is kept.
            lost = ("restricted",) if product == "cdn" else ("builds", "projects")
            self.gaps.append(Gap("plan" if product == "cdn" else "builds", str(error), lost))
        if product in {"cdn", "r2", "analytics"} or not self._due("plan_at"):
            return
        self.keep["plan_at"] = self.poll.now.timestamp()
        try:
            self.terms += await rest.plan(self.api, account, product)
        except CollectError as error:
            self.gaps.append(Gap("plan", f"{error}; until then the plan of advisor.yaml counts"))

    def answer(self) -> Answer:
        """Return what was found."""
        return Answer(self.readings, self.terms, self.gaps, self.keep, self.evidence)

    def _odd(self, rows: Any) -> None:
        names = unlisted(rows)
        if names:
            why = f"{WHERE}: the price list does not name {', '.join(sorted(names))}; counted as class A"
            self.gaps.append(Gap("class of operations", why, ("class_a_operations",)))

    def _miss(self, what: str, error: Forbidden | Unexpected, metrics: tuple[str, ...]) -> None:
        self.failed = self.failed or error
        self.gaps.append(Gap(what, str(error), metrics))

    def _since(self, settle: timedelta) -> datetime:
        first = self.poll.now - _LOOK_BACK
        return first if self.poll.since is None else max(first, self.poll.since - settle)

    def _due(self, key: str) -> bool:
        at = self.keep.get(key)
        return not isinstance(at, int | float) or self.poll.now.timestamp() - at >= _DAILY.total_seconds()
