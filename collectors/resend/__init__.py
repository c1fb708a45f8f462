"""Resend: e-mails of day and month against their limits, and domains.

API     GET /usage (since October 2026); where an account does not have it, the quota headers of GET
        /domains; where those are missing too, the mails of GET /emails and /emails/receiving are counted.
Token   an API key with full access; Resend has no key that only reads.
Quirks  The day's and the month's counts are counters; what came since the last poll is their difference.
        A day is UTC's where `resets_at` says midnight; should it ever be a rolling day, only the month's
        counter is used. Sent and received mails count together, each recipient for itself. The headers
        tell what is used, not what is left, and no limit; the daily one is there on the free plan only. A
        counted list is an estimate: mails scheduled or cancelled are in it, and at most 20 pages of each
        kind are read. GET /usage is younger than the official description, so its sample rests on the
        reference page and the official SDK. Not confirmed: whether a key for sending only may ask for
        usage, that lists are newest first, whether the day is a rolling one.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._days import utc_month
from advisor.collectors.resend.counted import amounts, from_headers, from_usage
from advisor.collectors.resend.listed import Listed, by_day
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Reading
from advisor.polling.body import Body
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    Budget,
    Forbidden,
    Poll,
    Throttled,
    Tier,
    TokenRefused,
    Unexpected,
    Verified,
)
from advisor.polling.fetch import fetch
from advisor.polling.reply import Reply

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "resend"
METRICS = tuple(VOCABULARY[name] for name in ("emails", "domains", "restricted"))
SCOPES: tuple[str, ...] = ("full_access",)
INTERVAL = 300.0
ABOUT = About(
    title="Resend",
    access=(
        Access(Tier.NOTHING, "no key: plan in advisor.yaml", "the plan's quotas, for stated readings"),
        Access(
            Tier.PRIVILEGED,
            "full_access",
            "e-mails of day and month with their limits, domains",
            "everything: send in your name, read sent mails and contacts, delete domains and keys",
        ),
    ),
    spec="resend/resend.json",
    open=(
        "whether a key for sending only may ask for usage",
        "whether the daily quota is that of a UTC day or of the last 24 hours",
        "that lists of mails are newest first",
    ),
    dashboard="https://resend.com/settings/usage",
    delay="none that is documented",
    connect=(
        "Open API Keys and create one with full access, for the advisor alone.",
        "Put it into `token:` as ${NAME}.",
    ),
    example={"token": "re_example_token"},
    # Five a second are documented today, two were before; the team's senders share them.
    budget=Budget(120, 60, "team", "Resend docs, usage limits"),
)

WHERE = "Resend"
_PAGES = 20
_PAGE = "100"
_REFUSED = "restricted_api_key"
_USED_UP = {"daily_quota_exceeded", "monthly_quota_exceeded"}


class Settings(BaseModel):
    """What advisor.yaml says about an account at Resend."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="An API key with full access.")
    base_url: str = Field(
        "https://api.resend.com", description="Another address of the API.", pattern="^https?://"
    )


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what was sent and received since the last poll, its limits, and how many domains there are.

    Raises:
        CollectError: Resend cannot be reached or refuses.
    """
    reply = await _ask(poll, settings, "/usage")
    name = said(reply)
    if name in _USED_UP:
        return Answer([Reading("restricted", 1.0, poll.now)], keep=poll.previous)
    if name == "invalid_api_key":
        raise TokenRefused(f"{WHERE} answered {reply.status}: the API key is wrong; put a valid one in place")
    if reply.status == 404 or name == _REFUSED:
        return await _by_headers(poll, settings)
    found = from_usage(Body(reply.ok().json(), WHERE), poll.now, poll.account.spend_cap)
    counted = amounts(found.counted, poll.previous, poll.now)
    return Answer(
        [*counted.readings, *found.readings], found.terms, [*counted.gaps, *found.gaps], counted.keep
    )


async def verify(poll: Poll, settings: Settings) -> Verified:
    """List the domains, which a key for sending only may not.

    Raises:
        CollectError: The key is wrong, or it is one for sending only.
    """
    body = _allowed(await _ask(poll, settings, "/domains"))
    return Verified(whose=", ".join(one.text("name") for one in body["data"].each()), rights=("full_access",))


def said(reply: Reply) -> str:
    """Return the name of Resend's error, "" where it is none."""
    if reply.status < 400:
        return ""
    try:
        body = reply.json()
    except Unexpected:
        return ""
    name = body.get("name") if isinstance(body, dict) else None
    return name if isinstance(name, str) else ""


async def _ask(poll: Poll, settings: Settings, path: str, **query: str) -> Reply:
    return await fetch(
        poll.http,
        settings.base_url.rstrip("/") + path,
        where=WHERE,
        now=poll.now,
        headers={"Authorization": f"Bearer {settings.token.get_secret_value()}"},
        params=query or None,
        right="full_access",
    )


def _allowed(reply: Reply) -> Body:
    if said(reply) == _REFUSED:
        raise Forbidden(
            f"{WHERE} answered {reply.status}: the key is for sending only; use one with full access",
            "full_access",
        )
    return Body(reply.ok().json(), WHERE)


async def _by_headers(poll: Poll, settings: Settings) -> Answer:
    """Ask for the domains, whose answer carries the counts; count the mails where it does not."""
    reply = await _ask(poll, settings, "/domains", limit=_PAGE)
    counted = from_headers(reply.headers, poll.now)
    if said(reply) == _REFUSED and counted is not None:
        found = amounts(counted, poll.previous, poll.now)
        why = "the key is for sending only; one with full access sees the domains as well"
        return Answer(found.readings, gaps=[*found.gaps, Gap("domains", why, ("domains",))], keep=found.keep)
    page = _allowed(reply)
    domains, gaps = await _domains(poll, settings, page)
    if counted is not None:
        found = amounts(counted, poll.previous, poll.now)
        return Answer([*found.readings, *domains], gaps=[*found.gaps, *gaps], keep=found.keep)
    found = await _listed(poll, settings)
    return Answer([*found.readings, *domains], gaps=[*found.gaps, *gaps], keep=found.keep)


async def _domains(poll: Poll, settings: Settings, page: Body) -> tuple[list[Reading], list[Gap]]:
    count = 0
    for _ in range(_PAGES):
        rows = list(page["data"].each())
        count += len(rows)
        if page.get("has_more") is None or page["has_more"].value is not True or not rows:
            return [Reading("domains", float(count), poll.now)], []
        page = _allowed(await _ask(poll, settings, "/domains", limit=_PAGE, after=rows[-1].text("id")))
    return [], [Gap("domains", f"there are more than {_PAGES} pages of domains", ("domains",))]


async def _listed(poll: Poll, settings: Settings) -> Answer:
    """Count the mails since the last poll, the first time since the month began."""
    since = utc_month(poll.now)
    if "counted_to" in poll.previous:
        since = max(since, datetime.fromisoformat(str(poll.previous["counted_to"])))
    if since >= poll.now:
        return Answer(keep=poll.previous)
    whole = Listed(since)
    for path in ("/emails", "/emails/receiving"):
        one = await _pages(poll, settings, path, since)
        whole = Listed(max(whole.since, one.since), [*whole.mails, *one.mails], [*whole.gaps, *one.gaps])
    readings = by_day(whole, poll.now)
    why = "Resend tells no counts for this account, so its mails are counted, which is an estimate"
    keep = {"counted_to": poll.now.isoformat()}
    return Answer(readings, gaps=[Gap("usage", why), *whole.gaps], keep=keep)


async def _pages(poll: Poll, settings: Settings, path: str, since: datetime) -> Listed:
    found = Listed(since)
    query = {"limit": _PAGE}
    for _ in range(_PAGES):
        try:
            page = _allowed(await _ask(poll, settings, path, **query))
        except Throttled as error:
            if not found.mails:
                raise
            return found.cut(path, str(error))
        rows = list(page["data"].each())
        if found.take(rows, until=poll.now) or page["has_more"].value is not True or not rows:
            return found
        query["after"] = rows[-1].text("id")
    return found.cut(path, f"more than {_PAGES} pages since the last poll; a shorter `interval:` avoids it")
