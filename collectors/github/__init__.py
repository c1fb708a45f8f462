"""GitHub Actions: minutes and storage that use the allowance up, dollars, seats, plan, budgets in force.

API     GET /organizations/{org}/settings/billing/usage by year and month (/users/{user}/... for a user's
        own account), .../billing/budgets by page, /orgs/{org} for the plan, and the list of public
        repositories by the Link header. Where the billing platform answers 404, the older
        .../settings/billing/actions and shared-storage, which older GitHub Enterprise Servers still have
        and github.com has retired (410).
Token   a fine-grained one with the organisation permission Administration: read (a user's: Plan: read),
        or a classic one of an owner with admin:org.
Quirks  Minutes come by day, in UTC, and a day grows for hours; storage by GB hours, half a day late, so
        that `storage` is the mean of the last whole day. Minutes in public repositories and of larger
        runners use no allowance and are left out; which repositories are public is asked four times a
        day, and without that answer minutes are an estimate. GitHub counts no multipliers any more for
        Windows and macOS but prices them, and no longer tells how many minutes are included: the plan's
        stand in the catalogue. Products, units and dates are spelt in several ways, quantities are
        fractions. Whether a budget of $0 stops now cannot be seen. Not confirmed: whether fine-grained
        tokens suffice (GitHub's pages differ), that days are UTC's, all names of larger runners, whether
        GB is 10⁹ (taken so). The answers for users and the plan have no saved official description.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from advisor.collectors._days import utc_day
from advisor.collectors._pieces import Piece, together
from advisor.collectors.github import legacy
from advisor.collectors.github.report import Item, budgets_in_force, by_day, items, stored
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    Budget,
    CollectError,
    Forbidden,
    Poll,
    Throttled,
    Tier,
    Unexpected,
    Verified,
)
from advisor.polling.fetch import fetch
from advisor.polling.reply import Reply, again_at

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "github"
METRICS = tuple(VOCABULARY[name] for name in ("build_minutes", "storage", "cost", "seats", "restricted"))
SCOPES: tuple[str, ...] = ("Administration: read",)
INTERVAL = 3600.0
ABOUT = About(
    title="GitHub Actions",
    access=(
        Access(Tier.NOTHING, "no token: plan in advisor.yaml", "the plan's quotas, for stated readings"),
        Access(
            Tier.READ,
            "Administration: read",
            "minutes, storage, dollars, budgets, plan and seats",
            "the organisation's settings, members and bills, read only",
        ),
        Access(
            Tier.PRIVILEGED,
            "admin:org (classic token)",
            "the same, where the fine-grained token is refused",
            "full control of the organisation: members, teams, settings",
        ),
    ),
    products=("actions",),
    spec="github/billing-usage-2026-03-10-fragment.json",
    open=(
        "whether fine-grained tokens suffice: GitHub's pages differ",
        "that days are UTC's",
        "all names of larger runners",
    ),
    dashboard="https://github.com/organizations/ORG/billing/usage",
    delay="hours; storage up to half a day",
    connect=(
        "Open Settings, Developer settings, Fine-grained tokens; choose the organisation as resource owner.",
        "Give it the organisation permission Administration: read-only, and no repository permission.",
        "Put it into `token:` as ${NAME}, the organisation into `org:` (or yourself into `user:`).",
        "Is it refused? An owner's classic token with admin:org works, and may do far more.",
    ),
    example={"token": "github_pat_example", "org": "acme"},
    budget=Budget(5000, 3600, "user", "GitHub docs, rate limits for the REST API"),
)

WHERE = "GitHub"
_PAGES = 50
_LISTED_FOR = timedelta(hours=6)
_RIGHT = "Administration: read (classic: admin:org)"


class Settings(BaseModel):
    """What advisor.yaml says about an organisation or a user at GitHub."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="A token that may read the bill.")
    org: str = Field("", description="The organisation's name.")
    user: str = Field("", description="The user's name, where the account is a user's own.")
    base_url: str = Field(
        "https://api.github.com",
        description="Another address of the API, such as https://git.example.com/api/v3.",
        pattern="^https?://",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> "Settings":
        if bool(self.org) is bool(self.user):
            raise ValueError("name either the organisation as `org` or a user as `user`")
        return self

    @property
    def billed(self) -> str:
        """The path of the account's bill on the present platform."""
        who = (
            f"organizations/{quote(self.org, safe='')}" if self.org else f"users/{quote(self.user, safe='')}"
        )
        return f"/{who}/settings/billing"

    @property
    def account(self) -> str:
        """The path of the account itself."""
        return f"/orgs/{quote(self.org, safe='')}" if self.org else f"/users/{quote(self.user, safe='')}"


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return this month's minutes by day, what is stored, what it costs, plan, seats and budgets in force.

    Raises:
        CollectError: GitHub cannot be reached or refuses, or nothing could be read.
    """
    kept: Mapping[str, Any] = {
        key: poll.previous[key] for key in ("public", "legacy") if key in poll.previous
    }
    pieces = [
        Piece(
            "usage", partial(_usage, poll, settings), ("build_minutes", "storage", "cost", "restricted"), kept
        )
    ]
    if settings.org:
        pieces.append(Piece("plan", partial(_plan, poll, settings), ("seats",)))
    return await together(pieces)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for the account: a classic token's scopes and when a token ends stand in the headers.

    Raises:
        CollectError: It is refused, or the account is not known.
    """
    reply = (await _ask(poll, settings, settings.account)).ok()
    scopes = tuple(one.strip() for one in reply.headers.get("x-oauth-scopes", "").split(",") if one.strip())
    return Verified(
        whose=Body(reply.json(), WHERE).text("login"),
        rights=scopes,
        broad=scopes,  # A classic token's scopes all may more than read a bill.
        expires=expires(reply.headers.get("github-authentication-token-expiration", "")),
    )


def expires(text: str) -> datetime | None:
    """Return when a token ends, as its header says: `2026-12-31 09:00:00 UTC` or with an offset. Pure."""
    try:
        return datetime.strptime(text.strip().replace("UTC", "+0000"), "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return None


async def _ask(poll: Poll, settings: Settings, path: str, **query: str) -> Reply:
    reply = await fetch(
        poll.http,
        settings.base_url.rstrip("/") + path,
        where=WHERE,
        now=poll.now,
        headers={
            "Authorization": f"Bearer {settings.token.get_secret_value()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        params=query or None,
        right=_RIGHT,
    )
    if reply.status in {403, 429}:
        # A used-up limit and a lacking right share the status 403.
        at = again_at(reply.headers, poll.now)
        if reply.headers.get("retry-after"):
            raise Throttled(f"{WHERE} answered {reply.status}: asked too often; it is asked again later", at)
        if reply.headers.get("x-ratelimit-remaining") == "0":
            raise Throttled(f"{WHERE} answered {reply.status}: the hour's requests are used up", at)
    return reply


async def _usage(poll: Poll, settings: Settings) -> Answer:
    today = utc_day(poll.now)
    month = today.replace(day=1)
    # Late figures: in its first days a month still corrects the last one.
    months = [month] if today.day > 2 else [(month - timedelta(days=1)).replace(day=1), month]
    found: list[Item] = []
    for one in months:
        reply = await _ask(
            poll, settings, f"{settings.billed}/usage", year=str(one.year), month=str(one.month)
        )
        if reply.status == 404:
            return await _older(poll, settings)
        found += items(Body(reply.ok().json(), WHERE))
    public, gaps = await _public(poll, settings)
    quality = Quality.MEASURED if public is not None else Quality.ESTIMATED
    names = set(public["names"]) if public is not None else set()
    readings = by_day(found, names, months[0], poll.now, quality)
    if (level := stored(found, names, today)) is not None:
        readings.append(Reading("storage", level, poll.now, quality=Quality.ESTIMATED))
    if settings.org:
        spent = sum(one.net for one in found if one.day >= month and one.product == "actions")
        try:
            pages, more = await _budgets(poll, settings)
            stopped = budgets_in_force(pages, spent)
        except CollectError as error:
            gaps.append(Gap("budgets", str(error), ("restricted",)))
        else:
            if stopped is not None and not more:
                readings.append(Reading("restricted", float(stopped), poll.now))
            else:
                why = "whether a budget of $0 stops Actions now cannot be seen"
                gaps.append(Gap("budgets", more or why, ("restricted",)))
    return Answer(readings, gaps=gaps, keep={"public": public} if public is not None else {})


async def _public(poll: Poll, settings: Settings) -> tuple[Mapping[str, Any] | None, list[Gap]]:
    """Return which repositories are public, as asked at most six hours ago."""
    kept: Mapping[str, Any] | None = poll.previous.get("public")
    same = kept is not None and kept["of"] == settings.account
    if kept is not None and same and poll.now - datetime.fromisoformat(kept["at"]) < _LISTED_FOR:
        return kept, []
    names: list[str] = []
    path, query = f"{settings.account}/repos", {"type": "public", "per_page": "100"}
    if settings.user:
        query["type"] = "owner"
    try:
        for _ in range(_PAGES):
            reply = (await _ask(poll, settings, path, **query)).ok()
            names += public_names(Body(reply.json(), WHERE))
            following = reply.headers.get("link", "") and next_query(reply)
            if not following:
                return {"of": settings.account, "at": poll.now.isoformat(), "names": sorted(names)}, []
            query = following
    except CollectError as error:
        why = f"which repositories are public is not known, so their minutes are counted too: {error}"
        return None, [Gap("public repositories", why)]
    why = f"there are more than {_PAGES} pages of public repositories: some of their minutes are counted too"
    return None, [Gap("public repositories", why)]


def public_names(body: Body) -> list[str]:
    """Return the names of a page's public repositories in lower case. Pure."""
    rows = [one for one in body.each() if one.get("private") is None or one["private"].value is not True]
    return [one.text("name").casefold() for one in rows]


def next_query(reply: Reply) -> dict[str, str]:
    """Return the query of the next page that the Link header names, empty where this was the last. Pure."""
    for part in reply.headers.get("link", "").split(","):
        address, _, rest = part.strip().partition(">")
        if 'rel="next"' in rest:
            return dict(parse_qsl(urlsplit(address.removeprefix("<")).query))
    return {}


async def _budgets(poll: Poll, settings: Settings) -> tuple[list[Body], str]:
    found: list[Body] = []
    for page in range(1, _PAGES + 1):
        reply = await _ask(poll, settings, f"{settings.billed}/budgets", page=str(page), per_page="10")
        body = Body(reply.ok().json(), WHERE)
        found += list(body["budgets"].each())
        if body.get("has_next_page") is None or body["has_next_page"].value is not True:
            return found, ""
    return found, f"there are more than {_PAGES} pages of budgets"


async def _older(poll: Poll, settings: Settings) -> Answer:
    reply = await _ask(poll, settings, f"{settings.account}/settings/billing/actions")
    if reply.status in {404, 410}:
        raise Unexpected(
            f"{WHERE} answered 404: it knows no such bill, or hides it from this token; check `org:` or "
            f"`user:`, and that the token has the right {_RIGHT} (the older address of the bill has been "
            "retired)"
        )
    minutes = Body(reply.ok().json(), WHERE)
    reply = await _ask(poll, settings, f"{settings.account}/settings/billing/shared-storage")
    storage = Body(reply.ok().json(), WHERE)
    return legacy.read(minutes, storage, poll.previous.get("legacy"), poll.now)


async def _plan(poll: Poll, settings: Settings) -> Answer:
    reply = await _ask(poll, settings, settings.account)
    plan = Body(reply.ok().json(), WHERE).get("plan")
    if plan is None:
        raise Forbidden(f"{WHERE} tells the plan to an owner's token only: write `plan:`", _RIGHT)
    terms = [Term("plan", plan.text("name").casefold(), "provider API", poll.now)]
    # Seats are bought to be filled, so that their number is no limit to be warned of.
    filled = plan.number("filled_seats")
    return Answer([] if filled is None else [Reading("seats", filled, poll.now)], terms)
