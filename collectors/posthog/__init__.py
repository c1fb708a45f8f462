"""PostHog: events as billed or as counted, active users, limits, what is dropped for a limit.

API     GET /api/organizations/{org}/billing/usage/ and .../subscription/; with `project` POST
        /api/projects/{project}/query/ with HogQL. Hosts us.posthog.com and eu.posthog.com, or your own.
Token   a personal API key (`phx_`) with billing:read (of an owner or admin, for the whole organisation) and
        query:read.
Quirks  The bill is the organisation's and a day late; what today adds is told apart and added here. Rows that
        are counted differ from what is billed (flag calls and some others cost nothing), so a count is
        estimated. Anonymous people count as users. An own server has no billing. There is no official
        description that could be had; the billing samples rest on the types of PostHog's own code. Not
        confirmed: that every instance has the billing endpoints already, whether `limit` is the free
        allowance where no card is given, the number of HogQL queries allowed (the docs say 120 an hour here
        and 2,400 there; this asks for two).
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._pieces import Piece, together
from advisor.collectors._totals import grown
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Confidence, Gap, Limit, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    Budget,
    Forbidden,
    Poll,
    Tier,
    Unexpected,
    Verified,
)
from advisor.polling.fetch import fetch, place

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "posthog"
METRICS = tuple(VOCABULARY[name] for name in ("events", "active_users", "restricted"))
SCOPES = ("billing:read", "query:read")
INTERVAL = 3600.0
ABOUT = About(
    title="PostHog",
    access=(
        Access(Tier.NOTHING, "no key: plan in advisor.yaml", "the plan's allowances, for stated readings"),
        Access(
            Tier.READ,
            "a personal API key of an owner or admin with billing:read, not limited to projects",
            "billed events, limits, what is dropped, the plan",
            "what the organisation uses and pays",
        ),
        Access(
            Tier.READ,
            "query:read, limited to the project",
            "active users, events of one project",
            "every event and person of that project, with all their properties",
        ),
    ),
    confidence=Confidence.DOCUMENTED,
    open=(
        "that every instance has the billing endpoints already",
        "whether `limit` is the free allowance where there is no card",
        "how many HogQL queries an hour are allowed",
    ),
    dashboard="https://us.posthog.com/organization/billing",
    delay="billed events about a day, and today's on top; counted events some minutes",
    connect=(
        "As owner or admin open Settings, Personal API keys, and make a key for the organisation.",
        "Scopes: billing:read; for active users query:read as well.",
        "Put it into `token:` as ${NAME}, and the project's number into `project:`.",
        "Is the data in the EU? Write `region: eu`.",
    ),
    example={"token": "phx_example_key", "project": "12345"},
    budget=Budget(1200, 3600, "organisation", "docs, API overview: analytics endpoints"),
)

_SOURCE = "provider API: PostHog billing"
_FIRST = timedelta(days=31)
_AGAIN = timedelta(days=1)  # Phones send late: events come with the time at which they happened.
_HOURS = (
    "SELECT intDiv(toUnixTimestamp(timestamp), 3600) * 3600 AS hour, count() AS events FROM events "
    "WHERE timestamp >= fromUnixTimestamp({start}) AND timestamp < fromUnixTimestamp({end}) "
    "GROUP BY hour ORDER BY hour LIMIT 2000"
)
_USERS = "SELECT count(DISTINCT person_id) AS users FROM events WHERE timestamp >= now() - INTERVAL 30 DAY"


class Settings(BaseModel):
    """What advisor.yaml says about an organisation at PostHog and one of its projects."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="A personal API key with billing:read, and query:read for users.")
    org: str = Field("@current", description="The organisation's id; by default the key's own.")
    project: str = Field("", description="The project's number, for active users and counted events.")
    events: Literal["billed", "rows"] = Field(
        "billed", description="`billed`: the organisation's, as it is billed; `rows`: the project's, counted."
    )
    region: Literal["us", "eu"] = Field("us", description="Where the data is.")
    base_url: str = Field(
        "", description="Your own server's address; empty: PostHog's.", pattern="^(https?://.*)?$"
    )


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what came since the last poll, and the organisation's limits.

    Raises:
        CollectError: PostHog cannot be reached or refuses, or nothing could be read.
    """
    before = {key: poll.previous[key] for key in ("billed", "counted") if key in poll.previous}
    billed = settings.events == "billed"
    pieces = [
        Piece(
            "billed usage",
            lambda: _usage(poll, settings, before),
            ("events", "restricted") if billed else ("restricted",),
            {"billed": before["billed"]} if "billed" in before else {},
        ),
        Piece("plan", lambda: _subscription(poll, settings)),
    ]
    if settings.project:
        pieces.append(Piece("active users", lambda: _users(poll, settings), ("active_users",)))
    if settings.project and not billed:
        kept = {"counted": before["counted"]} if "counted" in before else {}
        pieces.append(Piece("events", lambda: _counted(poll, settings, before), ("events",), kept))
    answer = await together(pieces)
    if settings.project:
        return answer
    missing = ("active_users",) if billed else ("active_users", "events")
    gap = Gap("project", "active users and counted events need the project's number: `project:`", missing)
    return Answer(answer.readings, answer.terms, [*answer.gaps, gap], answer.keep, answer.evidence)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for the plan and the least of queries, which tells what the key may of what is needed.

    Raises:
        CollectError: It is refused, or PostHog cannot be reached.
    """
    rights = []
    refused: Forbidden | None = None
    try:
        await _billing(poll, settings, "subscription")
        rights.append(SCOPES[0])
    except Forbidden as error:
        refused = error
    if settings.project:
        await _query(poll, settings, "SELECT 1")
        rights.append(SCOPES[1])
    if refused is not None and not rights:
        raise refused
    return Verified(f"project {settings.project}" if settings.project else "", tuple(rights))


def _base(settings: Settings) -> str:
    return (settings.base_url or f"https://{settings.region}.posthog.com").rstrip("/")


async def _ask(poll: Poll, settings: Settings, path: str, right: str, body: Any = None) -> Body:
    where = f"PostHog at {place(_base(settings))}"
    headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    reply = await fetch(
        poll.http,
        _base(settings) + path,
        where=where,
        now=poll.now,
        method="GET" if body is None else "POST",
        headers=headers,
        content=None if body is None else json.dumps(body).encode(),
        right=right,
    )
    if reply.status == 404:
        raise Unexpected(
            f"{where} does not know what `{right.partition(',')[0]}` reads: check `org:`, `project:` and "
            "`region:`; a server of your own has no billing (`events: rows`)"
        )
    return Body(reply.ok().json(), where)


async def _billing(poll: Poll, settings: Settings, what: str) -> Body:
    path = f"/api/organizations/{quote(settings.org, safe='@')}/billing/{what}/"
    return await _ask(poll, settings, path, "billing:read, of an owner or admin, not limited to projects")


async def _query(poll: Poll, settings: Settings, query: str) -> Body:
    body = {"query": {"kind": "HogQLQuery", "query": query}}
    path = f"/api/projects/{quote(settings.project, safe='')}/query/"
    return await _ask(poll, settings, path, "query:read", body)


async def _usage(poll: Poll, settings: Settings, before: Mapping[str, Any]) -> Answer:
    body = await _billing(poll, settings, "usage")
    answer = limits(body, poll.now)
    found = billed(body) if settings.events == "billed" else None
    if found is None:
        gap = Gap("events", "PostHog's bill has no events or no period yet", ("events",))
        gaps = [gap] if settings.events == "billed" else []
        return Answer(answer.readings, answer.terms, gaps, evidence=answer.evidence)
    total, period = found
    readings, keep = grown("events", total, period, poll.now, before.get("billed", {}))
    return Answer(
        [*answer.readings, *readings], answer.terms, keep={"billed": keep}, evidence=answer.evidence
    )


def billed(body: Body) -> tuple[float, datetime] | None:
    """Return the events of this period, today's included, and when the period began. Pure."""
    period = body.get("billing_period", "current_period_start")
    for one in body["usage_summary"].each():
        if one.text("usage_key") == "events" and period is not None:
            usage = one.number("usage")
            return None if usage is None else (usage + (one.number("todays_usage") or 0.0), period.time())
    return None


def limits(body: Body, now: datetime) -> Answer:
    """Return the limit of events, and of how many kinds of data are dropped for theirs. Pure.

    No limit in the answer is left out: then the plan's allowance counts, and more is billed.
    """
    terms: list[Term] = []
    rows: list[dict[str, str]] = []
    for one in body["usage_summary"].each():
        name = one.text("usage_key")
        limit = one.number("limit")
        if name == "events" and limit is not None:
            terms.append(Term("limit", limit, _SOURCE, now, "events", Limit.QUOTA, "month"))
        until = one.get("quota_limited_until")
        if until is not None and until.time() > now:
            rows.append({"what": name, "dropped until": f"{until.time():%Y-%m-%d %H:%M} UTC"})
    evidence = {"Data that is dropped": rows} if rows else {}
    return Answer([Reading("restricted", float(len(rows)), now)], terms, evidence=evidence)


async def _subscription(poll: Poll, settings: Settings) -> Answer:
    level = (await _billing(poll, settings, "subscription")).get("subscription_level")
    if level is None:
        return Answer(gaps=[Gap("plan", "PostHog names no subscription level; write `plan:`")])
    return Answer(terms=[Term("plan", level.text(), _SOURCE, poll.now)])


async def _users(poll: Poll, settings: Settings) -> Answer:
    rows = list((await _query(poll, settings, _USERS))["results"].each())
    users = next(rows[0].each(), None) if rows else None
    value = users.number() if users is not None else None
    if value is None:
        return Answer(gaps=[Gap("active users", "the query gave no row", ("active_users",))])
    return Answer([Reading("active_users", value, poll.now)])


async def _counted(poll: Poll, settings: Settings, before: Mapping[str, Any]) -> Answer:
    covered = before.get("counted", {})
    known = covered.get("project") == settings.project
    since = datetime.fromisoformat(str(covered["until"])) - _AGAIN if known else poll.now - _FIRST
    since = max(since, poll.now - _FIRST).replace(minute=0, second=0, microsecond=0)
    start, end = int(since.timestamp()), int(poll.now.timestamp())
    query = _HOURS.replace("{start}", str(start)).replace("{end}", str(end))
    readings = hours(await _query(poll, settings, query), since, poll.now)
    return Answer(readings, keep={"counted": {"project": settings.project, "until": poll.now.isoformat()}})


def hours(body: Body, since: datetime, now: datetime) -> list[Reading]:
    """Return the events counted in each hour; one without a row had none, for it was asked for. Pure."""
    found: dict[datetime, float] = {}
    for row in body["results"].each():
        cells = list(row.each())
        if len(cells) != 2:
            raise Unexpected(f"{row.where}: `{row.path}` has {len(cells)} cells, not an hour and a count")
        start, count = cells[0].number(), cells[1].number()
        if start is not None and count is not None:
            found[datetime.fromtimestamp(start, UTC)] = count
    readings = []
    while since < now:
        end = min(since + timedelta(hours=1), now)
        value = found.get(since, 0.0)
        readings.append(Reading("events", value, end, since, quality=Quality.ESTIMATED))
        since += timedelta(hours=1)
    return readings
