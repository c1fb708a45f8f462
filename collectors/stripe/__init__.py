"""Stripe: what customers paid by UTC day, and what subscriptions bring in a month.

API     GET /v1/balance_transactions (by `created`), /v1/subscriptions?status=active and past_due,
        /v1/prices/{id} for the tiers of tiered prices. Pages by `starting_after`, 100 each.
Token   a restricted key (rk_live_...) that may read balance transactions, subscriptions and prices.
Quirks  Amounts are in minor units of the currency that Stripe settles in, and currencies are never added:
        dollars count, others by a stated rate. Counted are payments less refunds and lost disputes, before
        Stripe's fee, with the taxes that customers paid; payouts, transfers and fees are no revenue. A refund
        counts on its own day. There is no field with the monthly recurring revenue: it is added up from
        subscriptions that are active or past due, without trials, paused and metered ones, less lasting
        discounts of the whole subscription; hence estimated. A test key sees test data alone: it is counted,
        marked as estimated, and said. No official description could be had: samples rest on the official
        fixtures. Not confirmed: which right a price's tiers need beyond prices, how much of the read
        allocation long lists cost.
"""

import math
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._days import utc_day
from advisor.collectors._pieces import Piece, together
from advisor.collectors._revenue import DAY, Ledger
from advisor.collectors._revenue import recurring as monthly_sum
from advisor.collectors.stripe import payments, recurring
from advisor.collectors.stripe.api import Api, Seen
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Quality
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Budget, Poll, Tier, Verified

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "stripe"
METRICS = (VOCABULARY["revenue"],)
PAYMENTS, SUBSCRIPTIONS, PRICES = "Balance transactions: read", "Subscriptions: read", "Prices: read"
SCOPES = (PAYMENTS, SUBSCRIPTIONS, PRICES)
INTERVAL = 6 * 3600.0
ABOUT = About(
    title="Stripe",
    access=(
        Access(Tier.NOTHING, "no key", "nothing: state `revenue` under `facts:` or as readings"),
        Access(
            Tier.READ,
            "a restricted key with Balance transactions: read",
            "revenue by day",
            "every payment, its amount and fee; no card numbers",
        ),
        Access(
            Tier.READ,
            "Subscriptions: read and Prices: read",
            "monthly recurring revenue",
            "who subscribes to what at which price",
        ),
    ),
    open=("which right a price's tiers need", "how much of the read allocation long lists cost"),
    dashboard="https://dashboard.stripe.com/balance/overview",
    delay="minutes; refunds and disputes on their own day",
    connect=(
        "Open Developers, API keys, Create restricted key.",
        "Grant Read for Balance transactions, Subscriptions and Prices, and nothing else.",
        "Put it into `token:` as ${NAME}. A secret key (sk_) can move money: it is not needed.",
    ),
    example={"token": "rk_live_example"},
    # 25 a second for an endpoint, 100 in all; told for a minute, so that a poll may take its pages at once.
    budget=Budget(1500, 60, "account", "docs, Rate limits"),
)

_FIRST = 31 * DAY
_SETTLE = timedelta(hours=1)
_MOST_PRICES = 20  # With tiers, asked for in one poll.


class Settings(BaseModel):
    """What advisor.yaml says about an account at Stripe."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="A restricted key that may read.")
    revenue: Literal["payments", "recurring"] = Field(
        "payments", description="`payments`: what was paid; `recurring`: what subscriptions bring in a month."
    )
    mrr: bool = Field(True, description="Whether subscriptions are added up beside payments, as evidence.")
    rates: dict[str, float] = Field({}, description="Dollars for one unit of another currency: {eur: 1.08}.")
    connected_account: str = Field("", description="A connected account (acct_...) of your platform.")
    base_url: str = Field("https://api.stripe.com", description="Another address of the API.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return the revenue that is new since the last poll.

    Raises:
        CollectError: Stripe cannot be reached or refuses, or nothing could be read.
    """
    pieces = []
    paid = settings.revenue == "payments"
    if paid:
        kept = _kept(poll, settings, "payments")
        pieces.append(Piece("payments", partial(_payments, poll, settings), ("revenue",), kept))
    if settings.mrr or not paid:
        kept = _kept(poll, settings, "tiers", "spread")
        metrics = () if paid else ("revenue",)
        pieces.append(Piece("subscriptions", partial(_recurring, poll, settings), metrics, kept))
    answer = await together(pieces)
    gaps = list(answer.gaps)
    if _is_test(settings):
        why = "the key is of a test mode or sandbox, so its money is not real; take a live key"
        gaps.append(Gap("test data", why))
    keep = {**answer.keep, "of": settings.connected_account}
    return Answer(answer.readings, answer.terms, gaps, keep, answer.evidence)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for one payment or subscription, and say what kind of key it is. Its other rights are not told.

    Raises:
        CollectError: It is refused, or Stripe cannot be reached.
    """
    paid = settings.revenue == "payments"
    path, right = ("balance_transactions", PAYMENTS) if paid else ("subscriptions", SUBSCRIPTIONS)
    await _api(poll, settings).get(f"/v1/{path}", {"limit": "1"}, right)
    secret = settings.token.get_secret_value().startswith("sk_")
    broad = ("everything, moving money included: it is a secret key",) if secret else ()
    return Verified("an account's test data" if _is_test(settings) else "a live account", (right,), broad)


def _api(poll: Poll, settings: Settings) -> Api:
    base = settings.base_url.rstrip("/")
    return Api(poll.http, base, settings.token.get_secret_value(), settings.connected_account, poll.now)


def _is_test(settings: Settings) -> bool:
    return "_test_" in settings.token.get_secret_value()


def _kept(poll: Poll, settings: Settings, *keys: str) -> dict[str, Any]:
    """Return what was remembered of the same account."""
    same = poll.previous.get("of", "") == settings.connected_account
    return {key: poll.previous[key] for key in keys if same and key in poll.previous}


async def _payments(poll: Poll, settings: Settings) -> Answer:
    before = _kept(poll, settings, "payments").get("payments", {})
    now, first = poll.now, utc_day(poll.now) - _FIRST
    ledger = Ledger(settings.rates, Quality.ESTIMATED if _is_test(settings) else Quality.MEASURED)
    since = max(first, datetime.fromisoformat(before["until"])) if "until" in before else first
    readings, left, gaps = payments.told(await _between(poll, settings, since, now), since, now, ledger)
    if "left" in before:
        begin, end = (datetime.fromisoformat(time) for time in before["left"])
        if left is None:
            older = await _between(poll, settings, begin, end)
            more, left, lost = payments.told(older, begin, end, ledger)
            readings, gaps = [*more, *readings], [*gaps, *lost]
        else:
            left = (begin, left[1])
    state: dict[str, Any] = {"until": utc_day(now - _SETTLE).isoformat()}
    if left is not None:
        state["left"] = [left[0].isoformat(), left[1].isoformat()]
        why = f"there are more than a poll reads: those before {left[1]:%Y-%m-%d} come with the next ones"
        gaps.append(Gap("older payments", why))
    return Answer(readings, gaps=[*gaps, *ledger.gaps("payments")], keep={"payments": state})


async def _between(poll: Poll, settings: Settings, since: datetime, until: datetime) -> Seen:
    query = {"created[gte]": f"{since.timestamp():.0f}", "created[lt]": f"{math.ceil(until.timestamp())}"}
    return await _api(poll, settings).pages("/v1/balance_transactions", query, PAYMENTS)


async def _recurring(poll: Poll, settings: Settings) -> Answer:
    api, kept = _api(poll, settings), _kept(poll, settings, "tiers", "spread")
    metrics = ("revenue",) if settings.revenue == "recurring" else ()
    found: list[Body] = []
    for status in recurring.STATUSES:
        query = {"status": status, "expand[0]": "data.discounts"}
        seen = await api.pages("/v1/subscriptions", query, SUBSCRIPTIONS)
        found += seen.rows
        if not seen.whole:
            why = f"there are more than {len(seen.rows)} subscriptions: they are not added up"
            return Answer(gaps=[Gap("subscriptions", why, metrics)], keep=kept)
    tiers, wanted = dict(kept.get("tiers", {})), recurring.tiered_prices(found)
    for price in [one for one in wanted if one not in tiers][:_MOST_PRICES]:
        path = f"/v1/prices/{quote(price, safe='')}"
        tiers[price] = recurring.tiers_of(await api.get(path, {"expand[0]": "tiers"}, PRICES))
    before = kept.get("spread", {}) if settings.revenue == "recurring" else None
    values = [recurring.monthly(one, tiers, poll.now) for one in found]
    answer = monthly_sum(values, settings.rates, poll.now, before)
    known = {price: tiers[price] for price in wanted if price in tiers}
    return Answer(answer.readings, (), answer.gaps, {**answer.keep, "tiers": known}, answer.evidence)
