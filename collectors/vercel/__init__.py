"""Vercel: transfer, requests, invocations, CPU and dollars by day, builds, plan and restrictions of a team.

API     GET /v1/billing/charges, FOCUS lines of JSON by day; /v2/teams/{id} or /v2/user for plan and
        restrictions; /v6/deployments, /v5/domains and /v10/projects, paged by the `next` of `pagination`.
Token   an access token scoped to the one team, of a member who may see the bill (Owner, Member,
        Developer, Security, Billing). It may all that its member may; a member with the role Billing can
        do least.
Quirks  Charges are a list of lines, not JSON, in days of the US Pacific zone, and come hours to a day
        late, so that the last three days are asked again. A day grows until it is over. $0 billed does
        not mean no use. Units are read from each line, and one that is not known is a gap. No line is no
        reading, not zero. There are no quotas in the API. Without `team` Vercel answers for the personal
        account and says nothing. Many Hobby accounts have no charges at all (402, 403 or 404); then
        builds, plan and restrictions are what can be had, and the figures of the dashboard can be stated
        by hand. Observability needs a paid add-on and its answers are not described, so it is not read.
        Charges are younger than the official description that could be had: their sample rests on the
        reference page and on Vercel's SDK and command. Not confirmed: how late charges are, whether the
        first line of a day is at 07:00/08:00 or 00:00 UTC (both are read), all names of services, that a
        team's answer has `billing` and `softBlock`, rate limits.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._days import utc_days, utc_month
from advisor.collectors._pieces import Piece, together
from advisor.collectors.vercel.charges import days, lines, pacific_midnight
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    Forbidden,
    Poll,
    Tier,
    Unexpected,
    Verified,
)
from advisor.polling.fetch import fetch
from advisor.polling.reply import Reply, plain

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "vercel"
_CHARGED = (
    "egress", "requests", "invocations", "compute_hours", "gb_hours", "build_minutes", "events", "cost",
)  # fmt: skip
METRICS = tuple(VOCABULARY[name] for name in (*_CHARGED, "builds", "domains", "projects", "restricted"))
SCOPES: tuple[str, ...] = ("access token of the team",)
# No budget: Vercel answers with X-RateLimit-* headers, which are obeyed, and documents no numbers for these.
INTERVAL = 1800.0
ABOUT = About(
    title="Vercel",
    access=(
        Access(Tier.NOTHING, "no token: plan in advisor.yaml", "the plan's quotas, for stated readings"),
        Access(
            Tier.PRIVILEGED,
            "access token of the team",
            "use and dollars by day, builds, domains, projects, plan and restrictions",
            "all that its member may do: with the role Billing the bill, as an owner everything",
        ),
    ),
    products=("vercel", "analytics"),
    spec="vercel/vercel-rest-api.2025-05.cut.json",
    open=(
        "how late charges are",
        "whether Hobby accounts have charges at all",
        "all names and units of services in charges",
    ),
    dashboard="https://vercel.com/dashboard/usage",
    delay="hours to a day",
    connect=(
        "Invite a member with the role Billing (or use your own), and log in as it.",
        "Open Account Settings, Tokens; create one whose scope is the team, with an end date.",
        "Put it into `token:` as ${NAME}, the team's id (team_..., in the team's settings) into `team:`.",
    ),
    example={"token": "vercel_example_token", "team": "team_1"},
)

WHERE = "Vercel"
_PAGES = 20
_PAGE = 100
_FIRST = timedelta(days=35)
_SETTLES = timedelta(days=3)
_SLICE = 7  # Days of charges in one answer.
_BILL = 32 * 2**20
_TELLS = (
    "charges are for the roles Owner, Member, Developer, Security and Billing, and many Hobby accounts have "
    "none; state what the dashboard shows as readings by hand"
)


class Settings(BaseModel):
    """What advisor.yaml says about a team at Vercel, or one of its projects."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="An access token of a member of the team.")
    team: str = Field("", description="The team's id (team_...); empty: the personal account.")
    project: str = Field("", description="A project's id or name; empty: all of the team.")
    base_url: str = Field(
        "https://api.vercel.com", description="Another address of the API.", pattern="^https?://"
    )


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what was used and billed by day, the builds since the last poll, plan and restrictions.

    Raises:
        CollectError: Vercel cannot be reached or refuses, or nothing could be read.
    """
    kept = {key: poll.previous[key] for key in ("charged", "built") if key in poll.previous}
    pieces = [
        Piece(
            "charges",
            partial(_charges, poll, settings),
            _CHARGED,
            {k: kept[k] for k in kept if k == "charged"},
        ),
        Piece(
            "builds",
            partial(_builds, poll, settings),
            ("builds",),
            {k: kept[k] for k in kept if k == "built"},
        ),
        Piece("plan", partial(_standing, poll, settings), ("restricted",)),
    ]
    if not settings.project:
        pieces += [
            Piece("domains", partial(_count, poll, settings, "/v5/domains", "domains"), ("domains",)),
            Piece("projects", partial(_count, poll, settings, "/v10/projects", "projects"), ("projects",)),
        ]
    return await together(pieces)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask whose token it is, and of the team which role it has there.

    Raises:
        CollectError: It is refused, or does not see the team.
    """
    user = (await _get(poll, settings, "/v2/user"))["user"].text("username")
    if not settings.team:
        return Verified(whose=user, rights=("personal account",))
    team = await _get(poll, settings, f"/v2/teams/{quote(settings.team, safe='')}")
    role = team.get("membership", "role")
    rights = () if role is None else (role.text().lower(),)
    return Verified(
        f"{user} in {team.text('slug')}", rights, tuple(one for one in rights if one != "billing")
    )


async def _ask(poll: Poll, settings: Settings, path: str, **query: str) -> Reply:
    if settings.team and not path.startswith(("/v2/user", "/v2/teams")):
        query["teamId"] = settings.team
    return await fetch(
        poll.http,
        settings.base_url.rstrip("/") + path,
        where=WHERE,
        now=poll.now,
        headers={"Authorization": f"Bearer {settings.token.get_secret_value()}"},
        params=query or None,
        right="a member's access to the team",
        max_body=_BILL,
    )


async def _get(poll: Poll, settings: Settings, path: str, **query: str) -> Body:
    return Body((await _ask(poll, settings, path, **query)).ok().json(), WHERE)


async def _charges(poll: Poll, settings: Settings) -> Answer:
    end = pacific_midnight(poll.now, 1)
    since = poll.now - _FIRST
    last = poll.previous.get("charged")
    if last is not None and last["of"] == [settings.team, settings.project]:
        since = max(since, datetime.fromisoformat(last["at"]) - _SETTLES)
    start = pacific_midnight(since, 0)
    # A day that two answers have is one day; the one that was asked for it has all of it.
    readings: dict[tuple[str, datetime | None], Reading] = {}
    gaps: dict[str, Gap] = {}
    while start < end:
        until = min(pacific_midnight(start, _SLICE), end)
        reply = await _ask(
            poll, settings, "/v1/billing/charges", **{"from": _stamp(start), "to": _stamp(until)}
        )
        if reply.status in {402, 403}:
            raise Forbidden(f"{WHERE} answered {reply.status}: {_TELLS}", "Billing")
        if reply.status == 404:
            raise Unexpected(f"{WHERE} answered 404: {_TELLS}")
        found = lines(reply.ok().body, WHERE)
        answer = days(found, settings.project, poll.now)
        readings = {(one.metric, one.since): one for one in answer.readings} | readings
        gaps |= {gap.why: gap for gap in answer.gaps}
        start = until
    keep = {"charged": {"of": [settings.team, settings.project], "at": poll.now.isoformat()}}
    return Answer(list(readings.values()), gaps=list(gaps.values()), keep=keep)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"


async def _builds(poll: Poll, settings: Settings) -> Answer:
    """Count the deployments that were created since the last poll, the first time since the month began."""
    since = utc_month(poll.now)
    last = poll.previous.get("built")
    of = [settings.team, settings.project]
    if last is not None and last["of"] == of:
        since = max(since, datetime.fromisoformat(last["at"]))
    query = {"limit": str(_PAGE), "since": _ms(since), "until": _ms(poll.now)}
    if settings.project:
        query["projectId"] = settings.project
    created: list[datetime] = []
    gaps: list[Gap] = []
    for page in range(_PAGES + 1):
        if page == _PAGES:
            why = f"more than {_PAGES} pages of deployments since the last poll: older ones are not counted"
            gaps.append(Gap("builds", why, ("builds",)))
            since = max(since, min(created, default=since))
            break
        body = await _get(poll, settings, "/v6/deployments", **query)
        created += [_moment(one["created"]) for one in body["deployments"].each()]
        following = body.number("pagination", "next")
        if following is None:
            break
        query["until"] = str(int(following))
    keep = {"built": {"of": of, "at": poll.now.isoformat()}}
    return Answer(by_day(created, since, poll.now), gaps=gaps, keep=keep)


def _ms(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))


def _moment(found: Body) -> datetime:
    """Return a time that Vercel has in milliseconds."""
    ms = found.number()
    return Body(None if ms is None else ms / 1000, found.where, found.path).time()


def by_day(created: Sequence[datetime], since: datetime, now: datetime) -> list[Reading]:
    """Return how many builds began, by UTC day, the last one up to now. Pure."""
    return [
        Reading("builds", float(sum(start <= at < end for at in created)), end, start)
        for start, end in utc_days(since, now)
    ]


async def _standing(poll: Poll, settings: Settings) -> Answer:
    if settings.team:
        return standing(await _get(poll, settings, f"/v2/teams/{quote(settings.team, safe='')}"), poll.now)
    return standing((await _get(poll, settings, "/v2/user"))["user"], poll.now)


def standing(account: Body, now: datetime) -> Answer:
    """Return plan and restrictions of a team or a user; a limited answer has neither. Pure."""
    terms, readings, gaps = [], [], []
    plan = account.get("billing", "plan")
    if plan is not None:
        name = plan.text().casefold()
        terms.append(Term("plan", "free" if name == "hobby" else name, "provider API", now))
    if isinstance(account.value, dict) and "softBlock" in account.value:
        blocked = account.get("softBlock")
        readings.append(Reading("restricted", float(blocked is not None), now))
    else:
        why = "Vercel shows this token no restrictions of the account; its member may lack the role for it"
        gaps.append(Gap("restrictions", why, ("restricted",)))
    if plan is None:
        why = "Vercel shows this token no plan; the one in advisor.yaml counts"
        gaps.append(Gap("plan", why))
    evidence = {}
    if (block := account.get("softBlock")) is not None:
        row = {"reason": plain(block.text("reason"))}
        if (over := block.get("blockedDueToOverageType")) is not None:
            row["over"] = plain(over.text())
        evidence = {"Restriction": [row]}
    return Answer(readings, terms, gaps, evidence=evidence)


async def _count(poll: Poll, settings: Settings, path: str, metric: str) -> Answer:
    """Count a list to its last page. Projects go on with `from`, all else with `until`."""
    query = {"limit": str(_PAGE)}
    count = 0
    for _ in range(_PAGES):
        body = await _get(poll, settings, path, **query)
        count += len(list(body[metric].each()))
        following = body.number("pagination", "next")
        if following is None:
            return Answer([Reading(metric, float(count), poll.now)])
        query["from" if metric == "projects" else "until"] = str(int(following))
    return Answer(gaps=[Gap(metric, f"there are more than {_PAGES} pages of {metric}", (metric,))])
