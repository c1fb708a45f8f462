"""Lemon Squeezy: what customers paid by UTC day, and what subscriptions bring in a month.

API     GET /v1/orders and /v1/subscription-invoices (newest first), /v1/subscriptions, /v1/prices/{id},
        /v1/stores; /v1/users/me to verify. JSON:API, pages by `page[number]`, 100 each.
Token   an API key. There is none that only reads: it may do in every store what its user may.
Quirks  Amounts are in cents; those in dollars (`*_usd`) are Lemon Squeezy's own conversion. Counted is the
        total less tax (Lemon Squeezy's to hand on), before its fee, less the share that was refunded; a
        refund counts on the day of the sale. An order and its subscription's first invoice are one payment:
        of invoices those after the first are counted. Lists have no filter by date, so that the last 31 days
        are read each time, which also brings late refunds. A monthly sum is told nowhere: it is added up from
        active and past due subscriptions by the prices in the store's currency, without discounts and without
        prices by use; hence estimated. A key of the test mode sees test data alone: it is counted, marked as
        estimated, and said. There is no official description; samples rest on the reference pages and the
        official SDK's types. Not confirmed: that invoices come newest first as orders do, the headers of the
        rate limit.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._days import utc_day
from advisor.collectors._pieces import Piece, together
from advisor.collectors._revenue import DAY, Ledger, recurring
from advisor.collectors.lemon_squeezy import parsing
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Quality
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Budget, Poll, Tier, Verified
from advisor.polling.fetch import get_json

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "lemon-squeezy"
METRICS = (VOCABULARY["revenue"],)
SCOPES = ("API key",)
INTERVAL = 6 * 3600.0
ABOUT = About(
    title="Lemon Squeezy",
    access=(
        Access(Tier.NOTHING, "no key", "nothing: state `revenue` under `facts:` or as readings"),
        Access(
            Tier.PRIVILEGED,
            "API key",
            "revenue by day, monthly recurring revenue",
            "all that its user may do in every store: customers and orders, refunds, discounts, licence keys",
        ),
    ),
    open=("that invoices come newest first", "the headers of the rate limit"),
    dashboard="https://app.lemonsqueezy.com/dashboard",
    delay="minutes; refunds count on the day of the sale",
    connect=(
        "Open Settings, API, and create a key; it ends after a year.",
        "Put it into `token:` as ${NAME}; the store's number is in Settings, Stores: `store:`.",
        "No key only reads: keep it where deployment secrets are.",
    ),
    example={"token": "lemon_example_key", "store": "1"},
    budget=Budget(300, 60, "key", "docs, API requests"),
)

WHERE = "Lemon Squeezy"
_BACK = 31 * DAY
_PAGE = 100
_MOST_PAGES = 20
_MOST_PRICES = 30
_PAYMENTS = ("orders", "subscription-invoices")


class Settings(BaseModel):
    """What advisor.yaml says about a store at Lemon Squeezy."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="An API key.")
    store: str = Field("", description="The store's number; empty: all stores of the key, together.")
    revenue: Literal["payments", "recurring"] = Field(
        "payments", description="`payments`: what was paid; `recurring`: what subscriptions bring in a month."
    )
    mrr: bool = Field(True, description="Whether subscriptions are added up beside payments, as evidence.")
    rates: dict[str, float] = Field(
        {}, description="Dollars for one unit of a store's currency, for the monthly sum: {eur: 1.08}."
    )
    base_url: str = Field("https://api.lemonsqueezy.com", description="Another address of the API.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return the revenue of the last 31 days.

    Raises:
        CollectError: Lemon Squeezy cannot be reached or refuses, or nothing could be read.
    """
    paid = settings.revenue == "payments"
    pieces = []
    if paid:
        pieces.append(Piece("payments", partial(_payments, poll, settings), ("revenue",)))
    if settings.mrr or not paid:
        kept = {"spread": poll.previous["spread"]} if "spread" in poll.previous else {}
        metrics = () if paid else ("revenue",)
        pieces.append(Piece("subscriptions", partial(_recurring, poll, settings), metrics, kept))
    return await together(pieces)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask whose the key is, and whether of the test mode. A key ends after a year; when is not told.

    Raises:
        CollectError: It is refused, or Lemon Squeezy cannot be reached.
    """
    body = await _get(poll, settings, "users/me", {})
    test = body.get("meta", "test_mode")
    mode = " (test data alone)" if test is not None and test.value is True else ""
    whose = body["data"]["attributes"].text("name") + mode
    return Verified(whose, SCOPES, ("writing: refunds, discounts and more, as every key here",))


async def _get(poll: Poll, settings: Settings, path: str, query: Mapping[str, str]) -> Body:
    headers = {
        "Authorization": f"Bearer {settings.token.get_secret_value()}",
        "Accept": "application/vnd.api+json",
    }
    url = f"{settings.base_url.rstrip('/')}/v1/{path}"
    return Body(
        await get_json(poll.http, url, where=WHERE, now=poll.now, headers=headers, params=query), WHERE
    )


async def _pages(
    poll: Poll, settings: Settings, path: str, query: Mapping[str, str]
) -> AsyncIterator[tuple[list[Body], bool]]:
    """Yield a list's pages, each with whether it is the last one there is."""
    store = {"filter[store_id]": settings.store} if settings.store and path != "stores" else {}
    for number in range(1, _MOST_PAGES + 1):
        page = {"page[number]": f"{number}", "page[size]": f"{_PAGE}"}
        body = await _get(poll, settings, path, {**store, **query, **page})
        last = body["meta"]["page"].number("lastPage") or 1
        yield list(body["data"].each()), number >= last
        if number >= last:
            return


async def _payments(poll: Poll, settings: Settings) -> Answer:
    since = utc_day(poll.now) - _BACK
    found: list[parsing.Payment] = []
    gaps: list[Gap] = []
    begin, test = since, False
    for path in _PAYMENTS:
        whole, oldest = False, poll.now
        async for rows, last in _pages(poll, settings, path, {}):
            read = [parsing.payment(row) for row in rows]
            test = test or any(one.test for one in read)
            found += [one for one in read if one.at >= since]
            oldest = min([oldest, *(one.at for one in read)])
            whole = last or oldest < since
            if whole:
                break
        if not whole:
            begin = max(begin, utc_day(oldest) + DAY)
    if begin > since:
        why = f"there are more than {_MOST_PAGES * _PAGE}: days before {begin:%Y-%m-%d} are left out"
        gaps.append(Gap("older payments", why, ("revenue",) if begin >= poll.now else ()))
    ledger = Ledger({}, Quality.ESTIMATED if test else Quality.MEASURED)
    for one in found:
        if one.at >= begin and one.value is not None:
            ledger.add(one.at, one.value, "usd")
    if test:
        why = "the key is of the test mode, so its money is not real; take a live key"
        gaps.append(Gap("test data", why))
    return Answer(ledger.readings(begin, poll.now), gaps=gaps)


async def _recurring(poll: Poll, settings: Settings) -> Answer:
    kept = {"spread": poll.previous["spread"]} if "spread" in poll.previous else {}
    metrics = ("revenue",) if settings.revenue == "recurring" else ()
    found: list[Body] = []
    for status in ("active", "past_due"):
        whole = False
        async for rows, last in _pages(poll, settings, "subscriptions", {"filter[status]": status}):
            found += rows
            whole = last
        if not whole:
            why = f"there are more than {len(found)} subscriptions: they are not added up"
            return Answer(gaps=[Gap("subscriptions", why, metrics)], keep=kept)
    wanted = list(dict.fromkeys(one for one in map(parsing.price_of, found) if one))
    prices = {}
    for price in wanted[:_MOST_PRICES]:
        body = await _get(poll, settings, f"prices/{quote(price, safe='')}", {})
        prices[price] = body["data"]["attributes"]
    currencies, evidence = await _stores(poll, settings)
    values = []
    for one in found:
        value, currency = parsing.monthly(one, prices), currencies.get(parsing.store_of(one))
        values.append(None if value is None or currency is None else (value, currency))
    before = kept.get("spread", {}) if settings.revenue == "recurring" else None
    answer = recurring(values, settings.rates, poll.now, before)
    return Answer(answer.readings, (), answer.gaps, answer.keep, {**answer.evidence, **evidence})


async def _stores(
    poll: Poll, settings: Settings
) -> tuple[dict[str, str], dict[str, Sequence[Mapping[str, str]]]]:
    """Return the currency of each store, and what each says of its own last 30 days."""
    currencies: dict[str, str] = {}
    rows: list[Mapping[str, str]] = []
    async for page, _ in _pages(poll, settings, "stores", {}):
        for store in page:
            currencies[store.text("id")] = store["attributes"].text("currency")
            if settings.store in ("", store.text("id")):
                rows.append(parsing.own_count(store["attributes"]))
    return currencies, {"The last 30 days by the store's own count": rows} if rows else {}
