"""Sentry: errors and transactions that were accepted, and what it drops because a quota is used up.

API     GET /api/0/organizations/{org}/stats_v2/ by hour (by day for the first month), grouped by outcome,
        category and reason; GET .../projects/, paged by the Link header, once where a project is written by
        its slug. Hosts us.sentry.io and de.sentry.io, or a server of your own.
Token   an internal integration's, scope org:read; project:read is not needed.
Quirks  The API has hours at the finest; what came since the last poll is the difference to what the running
        hour said then, so that rules may look at minutes. Category `error` includes `default` and `security`.
        A wrong region answers 404, as a wrong slug does. Filtered, invalid and dropped events are no use of
        the quota. `restricted` counts the categories of which events were dropped for a limit in this hour or
        the last one; a limit that you set on a project's key is none. Plan and quota have no documented way;
        `undocumented: yes` reads them as Sentry's own pages do, which may end any day. Not confirmed: that an
        organisation's CI token is refused, what a token must be to see the plan, the number of requests
        allowed, all reasons that there are. Own servers have no plan.
"""

import re
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._pieces import Piece, together
from advisor.collectors.sentry.counted import (
    SETTLES,
    Counts,
    amounts,
    buckets,
    counts,
    hour_of,
    kept,
    restricted,
)
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Confidence, Limit, Term
from advisor.polling.body import Body
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    Poll,
    Tier,
    Unexpected,
    Verified,
)
from advisor.polling.fetch import fetch, place
from advisor.polling.reply import Reply

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "sentry"
METRICS = tuple(VOCABULARY[name] for name in ("errors", "transactions", "restricted"))
SCOPES: tuple[str, ...] = ("org:read",)
INTERVAL = 120.0
ABOUT = About(
    title="Sentry",
    access=(
        Access(Tier.NOTHING, "no token: plan in advisor.yaml", "the plan's quotas, for stated readings"),
        Access(
            Tier.READ,
            "org:read",
            "errors and transactions as billed, what is dropped",
            "names of projects, teams and people; counts; with project:read or event:read the errors too",
        ),
    ),
    spec="sentry/openapi-derefed.json",
    open=(
        "plan and quota: only Sentry's own pages read them, without documentation",
        "how many requests are allowed",
        "all reasons for which events are dropped",
    ),
    dashboard="https://sentry.io/orgredirect/organizations/:orgslug/stats/",
    delay="a minute or two; an hour may grow for an hour more",
    connect=(
        "Open Settings, Developer Settings, and create an internal integration.",
        "Give it Organization: Read and nothing else.",
        "Put its token into `token:` as ${NAME}, the organisation's slug into `org:`.",
        "Is the data in the EU (the address begins with your slug and de.sentry.io)? Write `region: de`.",
    ),
    example={"token": "sntrys_example_token", "org": "acme", "project": "shop-api"},
)

_FIRST = timedelta(days=31)
_PAGES = 20
_NEXT = re.compile(r'<([^>]*)>([^<]*rel="next"[^<]*)')
_SOURCE = "provider API: Sentry's own pages, undocumented"


class Settings(BaseModel):
    """What advisor.yaml says about an organisation at Sentry, or one of its projects."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="An internal integration's token that may read the organisation.")
    org: str = Field(min_length=1, description="The organisation's slug.")
    project: str = Field("", description="A project's slug or number; empty: all that the token sees.")
    region: Literal["us", "de", "eu"] = Field(
        "us", description="Where the organisation's data is: us, or de (eu is the same)."
    )
    undocumented: bool = Field(
        False, description="Whether to read plan and quota in the way of Sentry's own pages (not documented)."
    )
    base_url: str = Field(
        "", description="Your own server's address; empty: Sentry's.", pattern="^(https?://.*)?$"
    )


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what was accepted since the last poll (the first time: in the last 31 days) and what is dropped.

    Raises:
        CollectError: Sentry cannot be reached, refuses, or does not know organisation or project.
    """
    pieces = [Piece("events", lambda: _events(poll, settings), ("errors", "transactions", "restricted"))]
    if settings.undocumented:
        pieces.append(Piece("plan", lambda: _plan(poll, settings)))
    answer = await together(pieces)
    # Without these numbers the next poll would count the hours as new.
    return answer if answer.readings else Answer((), answer.terms, answer.gaps, poll.previous)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for the organisation: its name and what the token may there.

    Raises:
        CollectError: It is refused, or Sentry does not know the organisation.
    """
    body = await _get(poll, settings, _organisation(settings) + "?detailed=0")
    rights = body.get("access")
    has = tuple(sorted(one.text() for one in rights.each())) if rights is not None else ()
    broad = tuple(right for right in has if not right.endswith(":read"))
    return Verified(whose=body.text("name"), rights=has, broad=broad)


def _organisation(settings: Settings) -> str:
    return f"/api/0/organizations/{quote(settings.org, safe='')}/"


def _base(settings: Settings) -> str:
    host = "de" if settings.region == "eu" else settings.region
    return (settings.base_url or f"https://{host}.sentry.io").rstrip("/")


async def _ask(poll: Poll, settings: Settings, path: str) -> Reply:
    where = f"Sentry at {place(_base(settings))}"
    reply = await fetch(
        poll.http,
        _base(settings) + path,
        where=where,
        now=poll.now,
        headers={"Authorization": f"Bearer {settings.token.get_secret_value()}"},
        right="org:read",
    )
    if reply.status == 404:
        raise Unexpected(
            f"{where} knows no organisation `{settings.org}` for this token: check `org:`, and `region:` "
            "(us or de), for the other one's are not known there"
        )
    return reply.ok()


async def _get(poll: Poll, settings: Settings, path: str) -> Body:
    reply = await _ask(poll, settings, path)
    return Body(reply.json(), reply.where)


async def _events(poll: Poll, settings: Settings) -> Answer:
    project = await _project(poll, settings)
    same = poll.previous.get("of") == [settings.org, settings.project]
    last = datetime.fromisoformat(str(poll.previous["at"])) if same and "at" in poll.previous else None
    if last is None or last < poll.now - _FIRST or last >= poll.now:
        last = None
    hours_from = hour_of(poll.now).replace(hour=0) if last is None else hour_of(last) - SETTLES
    found = await _stats(poll, settings, project, hours_from, poll.now, "1h")
    if last is None:
        days = await _stats(poll, settings, project, hours_from - _FIRST, hours_from, "1d")
        readings = buckets(days, timedelta(days=1), hours_from) + buckets(found, timedelta(hours=1), poll.now)
    else:
        readings = amounts(found, poll.previous.get("hours", {}), last, poll.now)
    in_force, rows = restricted(found, poll.now)
    keep: dict[str, Any] = {
        "of": [settings.org, settings.project],
        "project": project,
        "at": poll.now.isoformat(),
        "hours": kept(found, poll.now),
    }
    return Answer([*readings, in_force], keep=keep, evidence={"Dropped events": rows} if rows else {})


async def _stats(
    poll: Poll, settings: Settings, project: str, start: datetime, end: datetime, interval: str
) -> Counts:
    query = urlencode(
        [
            ("field", "sum(quantity)"),
            *(("groupBy", by) for by in ("outcome", "category", "reason")),
            ("interval", interval),
            ("start", f"{start:%Y-%m-%dT%H:%M:%SZ}"),
            ("end", f"{end:%Y-%m-%dT%H:%M:%SZ}"),
            ("project", project),
        ]
    )
    return counts(await _get(poll, settings, f"{_organisation(settings)}stats_v2/?{query}"))


async def _project(poll: Poll, settings: Settings) -> str:
    """Return the project's number: stats_v2 takes no slug. -1 is all that the token sees."""
    if not settings.project:
        return "-1"
    if settings.project.isdecimal():
        return settings.project
    if poll.previous.get("of") == [settings.org, settings.project]:
        return str(poll.previous["project"])
    path = f"{_organisation(settings)}projects/"
    cursor = ""
    for _ in range(_PAGES):
        reply = await _ask(poll, settings, f"{path}?{urlencode({'cursor': cursor})}" if cursor else path)
        for project in Body(reply.json(), reply.where).each():
            if project.text("slug") == settings.project:
                return project.text("id")
        cursor = following(reply.headers.get("link", ""))
        if not cursor:
            raise Unexpected(
                f"{reply.where}: the token sees no project `{settings.project}`; check `project:`"
            )
    raise Unexpected(
        f"{_base(settings)} has more than {_PAGES} pages of projects: write the number as `project:`"
    )


def following(link: str) -> str:
    """Return the next page's cursor of a Link header; "" where this was the last. Pure."""
    for _, rest in _NEXT.findall(link):
        said = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if said.get("results") == "true":
            return str(said.get("cursor", ""))
    return ""


async def _plan(poll: Poll, settings: Settings) -> Answer:
    body = await _get(poll, settings, f"/api/0/customers/{quote(settings.org, safe='')}/")
    return Answer(terms=terms(body, poll.now))


def terms(body: Body, now: datetime) -> list[Term]:
    """Return plan and monthly volumes as Sentry's pages have them; below zero is unlimited. Pure."""
    found = [Term("plan", body["planDetails"].text("name").casefold(), _SOURCE, now)]
    for category, metric in (("errors", "errors"), ("transactions", "transactions")):
        reserved = body.get("categories", category)
        volume = reserved.number("reserved") if reserved is not None else None
        if volume is not None:
            value = volume if volume >= 0 else None
            found.append(
                Term("limit", value, _SOURCE, now, metric, Limit.QUOTA, "month", Confidence.DOCUMENT_ONLY)
            )
    return found
