"""Twilio SendGrid: e-mails against the plan's credits, bounces by day, the sender's reputation.

API     GET /v3/user/credits (what is included, used, and when it starts anew), /v3/user/account (free or
        paid, and the reputation), /v3/stats by day, /v3/scopes to verify. EU: https://api.eu.sendgrid.com
        as `base_url`.
Token   an API key with user.credits.read, user.account.read and stats.read.
Quirks  Credits are a counter of the cycle; what came since the last poll is the difference. Where the key
        may not read them, the mails processed by day stand for them, as an estimate, and there is no
        limit. Dates have no zone and are taken as UTC's, so that shares of a day are estimates too. Only
        a free account stops at its end; a paid one is billed the overage. The plan's name is not told.
        Credits for Marketing Campaigns are others. Not confirmed: the names of the rights, whether `used`
        holds the overage (the larger of `used` and total + overage is taken), the zone of days, rate
        limits, whether a parent's statistics hold its subusers'.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._days import utc_day
from advisor.collectors._pieces import Piece, together
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Limit, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Forbidden, Poll, Tier, Verified
from advisor.polling.fetch import fetch

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "sendgrid"
METRICS = tuple(VOCABULARY[name] for name in ("emails", "error_rate", "restricted"))
SCOPES: tuple[str, ...] = ("user.credits.read", "user.account.read", "stats.read")
# No budget: the X-RateLimit-* headers are obeyed; the numbers that people quote nobody confirmed.
INTERVAL = 300.0
ABOUT = About(
    title="SendGrid",
    access=(
        Access(Tier.NOTHING, "no key: plan in advisor.yaml", "the plan's quotas, for stated readings"),
        Access(
            Tier.READ,
            "user.credits.read, user.account.read, stats.read",
            "e-mails against credits, free or paid, reputation, bounces by day",
            "counts of mails, the balance of credits, the reputation",
        ),
    ),
    spec="sendgrid/tsg_user_v3.json",
    open=("the names of the rights", "whether `used` holds the overage", "the time zone of days"),
    dashboard="https://app.sendgrid.com/statistics",
    delay="none that is documented",
    connect=(
        "Open Settings, API Keys, Create API Key, Restricted Access.",
        "Give read access to User Account, Billing (or Credits) and Stats, and nothing else.",
        "Put it into `token:` as ${NAME}; `advisor check` lists what it may.",
    ),
    example={"token": "SG.example.token"},
)

WHERE = "SendGrid"
_DAY = timedelta(days=1)
_FIRST = timedelta(days=31)
_SETTLES = timedelta(days=3)
_PERIODS = {"daily": "day", "monthly": "month"}
#: What every key seems to have, whatever it was given.
_GIVEN = ("2fa_", "sender_verification")


class Settings(BaseModel):
    """What advisor.yaml says about an account at SendGrid."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="An API key that may read credits, account and statistics.")
    subuser: str = Field("", description="A subuser that a parent's key asks for.")
    base_url: str = Field(
        "https://api.sendgrid.com",
        description="Another address of the API, such as https://api.eu.sendgrid.com.",
        pattern="^https?://",
    )


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return the e-mails since the last poll, credits, restrictions, and bounces by day.

    Raises:
        CollectError: SendGrid cannot be reached or refuses, or nothing could be read.
    """
    try:
        balance = await _get(poll, settings, "/v3/user/credits", "user.credits.read")
    except Forbidden as error:
        refused = str(error)
        ask = partial(_stats, poll, settings, mails=True)
        answer = await together([Piece("statistics", ask, ("emails", "error_rate"))])
        why = f"{refused}; the mails processed by day stand for what is billed"
        return Answer(
            answer.readings, gaps=[*answer.gaps, Gap("credits", why, ("restricted",))], keep=answer.keep
        )
    kept = {"counter": poll.previous["counter"]} if "counter" in poll.previous else {}
    stats_kept = {"stats": poll.previous["stats"]} if "stats" in poll.previous else {}

    async def counted() -> Answer:
        return used(balance, poll.previous.get("counter"), poll.now, poll.account.billing_day)

    pieces = [
        Piece("credits", counted, ("emails",), kept),
        Piece("account", partial(_account, poll, settings, balance), ("restricted",)),
        Piece("statistics", partial(_stats, poll, settings, mails=False), ("error_rate",), stats_kept),
    ]
    return await together(pieces)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask what the key may.

    Raises:
        CollectError: It is refused.
    """
    body = await _get(poll, settings, "/v3/scopes", "")
    return rights([one.text() for one in body["scopes"].each()])


def rights(scopes: list[str]) -> Verified:
    """Return what a key may; what it may beyond reading is told by its area. Pure."""
    beyond = {
        one.partition(".")[0] for one in scopes if not one.endswith(".read") and not one.startswith(_GIVEN)
    }
    return Verified(rights=tuple(one for one in SCOPES if one in scopes), broad=tuple(sorted(beyond)))


async def _get(poll: Poll, settings: Settings, path: str, right: str, **query: str) -> Body:
    headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
    if settings.subuser:
        headers["on-behalf-of"] = settings.subuser
    reply = await fetch(
        poll.http,
        settings.base_url.rstrip("/") + path,
        where=WHERE,
        now=poll.now,
        headers=headers,
        params=query or None,
        right=right,
    )
    return Body(reply.ok().json(), WHERE)


def used(balance: Body, last: Mapping[str, Any] | None, now: datetime, billing_day: int) -> Answer:
    """Turn the cycle's credits into what was sent since the last poll, and their total into a limit. Pure."""
    total = balance["total"].number()
    overage = balance.number("overage") or 0.0
    spent = balance["used"].number() or 0.0
    sent = max(spent, (total or 0.0) + overage) if overage else spent
    start = balance["last_reset"].time()
    since, before = start, 0.0
    if last is not None and last["cycle"] == start.isoformat():
        since, before = datetime.fromisoformat(last["at"]), float(last["used"])
    readings = [Reading("emails", max(sent - before, 0.0), now, since)] if since < now else []
    often = balance.text("reset_frequency").casefold()
    terms = []
    period = _PERIODS.get(often)
    if period is not None and total is not None:
        terms.append(Term("limit", total, "provider API", now, "emails", Limit.QUOTA, period))
    gaps = []
    if period == "month" and start.day != billing_day:
        why = f"SendGrid's cycle begins on day {start.day}: write `billing_day: {start.day}` on the account"
        gaps.append(Gap("billing day", why))
    keep = {"cycle": start.isoformat(), "at": now.isoformat(), "used": max(sent, before)}
    return Answer(readings, terms, gaps, {"counter": keep})


async def _account(poll: Poll, settings: Settings, balance: Body) -> Answer:
    return standing(await _get(poll, settings, "/v3/user/account", "user.account.read"), balance, poll.now)


def standing(account: Body, balance: Body, now: datetime) -> Answer:
    """Return whether a free account has nothing left, and the reputation for people to see. Pure."""
    free = account.text("type") == "free"
    left = balance["remain"].number()
    readings, terms = [], []
    if left is not None:
        readings.append(Reading("restricted", float(free and left <= 0), now))
    if free:
        terms.append(Term("plan", "free", "provider API", now))
    reputation = account.number("reputation")
    rows = [] if reputation is None else [{"reputation": f"{reputation:g} of 100"}]
    return Answer(readings, terms, evidence={"Sender's reputation": rows} if rows else {})


async def _stats(poll: Poll, settings: Settings, *, mails: bool) -> Answer:
    today = utc_day(poll.now)
    since = today - _FIRST
    if "stats" in poll.previous:
        since = max(since, datetime.fromisoformat(str(poll.previous["stats"])) - _SETTLES)
    body = await _get(
        poll,
        settings,
        "/v3/stats",
        "stats.read",
        start_date=f"{since:%Y-%m-%d}",
        end_date=f"{today:%Y-%m-%d}",
        aggregated_by="day",
    )
    return Answer(by_day(body, poll.now, mails=mails), keep={"stats": today.isoformat()})


def by_day(body: Body, now: datetime, *, mails: bool) -> list[Reading]:
    """Return bounces over processed mails of each day, and the mails too where `mails`. Pure."""
    readings = []
    for row in body.each():
        start = row["date"].time()
        end = min(start + _DAY, now)
        if start >= end:
            continue
        total = {"processed": 0.0, "bounces": 0.0, "blocks": 0.0}
        for part in row["stats"].each():
            for name in total:
                total[name] += part["metrics"].number(name) or 0.0
        processed = total["processed"]
        if mails:
            readings.append(Reading("emails", processed, end, start, quality=Quality.ESTIMATED))
        if processed:
            failed = min(total["bounces"] + total["blocks"], processed)
            readings.append(
                Reading("error_rate", failed, end, start, of=processed, quality=Quality.ESTIMATED)
            )
    return readings
