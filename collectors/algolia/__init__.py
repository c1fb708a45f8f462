"""Algolia: records and size of an application, and its search requests where an API tells them.

API     GET /1/indexes by `page` on every plan; GET usage.algolia.com/1/usage/{statistic} by day on
        Premium or with the Enterprise add-on; GET /2/searches/count of Analytics by index, as a lower
        bound, where you ask for it.
Token   an API key with the right listIndexes; a key of its own for usage; with `analytics` also the right
        analytics.
Quirks  On Free and Grow no API tells the number of search requests: there it is a gap, or an estimate
        that is too low, for Analytics merges what is typed letter by letter and sees only searches that
        it is switched on for. Records of standard replicas count, virtual ones have none. Requests for
        query suggestions are not billed and are taken off. What comes back for usage is said in two ways,
        and both are read. Where the first host does not answer, the others of the application are asked.
        The description of the usage API is the last that was public, of September 2024. Not confirmed:
        whether the size that the plan limits is that on disk (taken so) or that of the data, that days
        are UTC's, rate limits, when a month begins.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._days import utc_day
from advisor.collectors._pieces import Piece, together
from advisor.collectors.algolia.counted import by_day, sizes
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Quality, Reading
from advisor.polling.body import Body
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    CollectError,
    Forbidden,
    Poll,
    Tier,
    TokenRefused,
    Unreachable,
    Verified,
)
from advisor.polling.fetch import fetch
from advisor.polling.reply import Reply

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "algolia"
METRICS = tuple(VOCABULARY[name] for name in ("records", "storage", "searches"))
SCOPES: tuple[str, ...] = ("listIndexes",)
# No budget: Algolia documents none for these calls; the X-RateLimit-* headers of Analytics are obeyed.
INTERVAL = 900.0
ABOUT = About(
    title="Algolia",
    access=(
        Access(Tier.NOTHING, "no key: plan in advisor.yaml", "the plan's quotas, for stated readings"),
        Access(Tier.READ, "listIndexes", "records and size", "names and sizes of all indices"),
        Access(
            Tier.READ,
            "a key for the usage API (Premium, Enterprise add-on)",
            "search requests by day",
            "the application's usage statistics",
        ),
        Access(
            Tier.READ,
            "analytics",
            "searches by day as Analytics counts them: too few",
            "what people search for",
        ),
    ),
    spec="algolia/search-cut.yml",
    open=(
        "whether the plan limits the size on disk or that of the data",
        "that days are UTC's",
        "when a month begins",
    ),
    dashboard="https://dashboard.algolia.com/account/billing/overview",
    delay="none for records; usage by day",
    connect=(
        "Open Settings, API Keys, All API Keys, New API Key.",
        "Give it the right listIndexes and nothing else (and analytics, if you want its counts).",
        "Put it into `token:` as ${NAME}, the application's id into `app:`.",
        "On Premium: the usage API key, from the same page, into `usage_token:`.",
    ),
    example={"token": "algolia_example_key", "app": "APP1", "usage_token": "algolia_usage_key"},
)

WHERE = "Algolia"
_PAGES = 50
_PAGE = "1000"
_DAY = timedelta(days=1)
_FIRST = timedelta(days=31)
_SETTLES = timedelta(days=2)
_MOST = 50  # Indices that Analytics is asked for in a poll.
_REQUESTS = "total_search_requests"
_SUGGESTIONS = "querysuggestions_total_search_requests"


class Settings(BaseModel):
    """What advisor.yaml says about an application at Algolia."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="An API key with the right listIndexes.")
    app: str = Field(pattern="^[A-Za-z0-9]+$", description="The application's id.")
    usage_token: SecretStr | None = Field(None, description="A usage API key (Premium, Enterprise add-on).")
    analytics: Literal["us", "de"] | None = Field(
        None, description="Count searches by Analytics, which sees too few: the region of its data."
    )
    base_url: str = Field("", description="Another address of all its APIs.", pattern="^(https?://.*)?$")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return records and size now, and search requests by day where they can be had.

    Raises:
        CollectError: Algolia cannot be reached or refuses, or nothing could be read.
    """
    try:
        indices, gaps = await _indices(poll, settings)
    except CollectError as error:
        if settings.usage_token is None:
            raise
        indices, gaps = [], [Gap("indices", str(error), ("records", "storage"))]
    else:
        gaps = [*gaps]
    kept = {"days": poll.previous["days"]} if "days" in poll.previous else {}
    pieces = []
    if settings.usage_token is not None:
        pieces.append(Piece("usage", partial(_usage, poll, settings), ("searches",), kept))
    elif settings.analytics is not None:
        names = [one.text("name") for one in indices if one.get("primary") is None]
        pieces.append(Piece("analytics", partial(_analytics, poll, settings, names), ("searches",), kept))
    else:
        why = (
            "on Free and Grow no API tells the number of search requests: state the dashboard's by hand, or "
            "write `analytics: us` (or de) for an estimate that is too low; on Premium write `usage_token:`"
        )
        gaps.append(Gap("searches", why, ("searches",)))
    readings = sizes(indices, poll.now) if not any(gap.what == "indices" for gap in gaps) else []
    try:
        more = await together(pieces) if pieces else Answer()
    except CollectError as error:
        if not readings:
            raise
        more = Answer(gaps=[Gap("searches", str(error), ("searches",))], keep=kept)
    return Answer([*readings, *more.readings], gaps=[*gaps, *more.gaps], keep=more.keep)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask what the key may, and when it ends.

    Raises:
        CollectError: It is refused.
    """
    key = settings.token.get_secret_value()
    body = Body((await _search(poll, settings, f"/1/keys/{quote(key, safe='')}")).ok().json(), WHERE)
    rights = tuple(one.text() for one in body["acl"].each())
    left = body.number("validity") or 0.0
    return Verified(
        whose=settings.app,
        rights=rights,
        broad=tuple(one for one in rights if one not in {"listIndexes", "analytics", "usage"}),
        expires=poll.now + timedelta(seconds=left) if 0 < left < 1e9 else None,
    )


async def _ask(poll: Poll, settings: Settings, url: str, key: SecretStr, right: str, **query: str) -> Reply:
    reply = await fetch(
        poll.http,
        url,
        where=WHERE,
        now=poll.now,
        headers={"x-algolia-application-id": settings.app, "x-algolia-api-key": key.get_secret_value()},
        params=query or None,
        right=right,
    )
    if reply.status == 402:
        raise Forbidden(f"{WHERE} answered 402: the plan does not have this API ({right})", right)
    if reply.status == 403 and b"Invalid Application-ID" in reply.body:
        raise TokenRefused(f"{WHERE} answered 403: `app` or the key is wrong; put valid ones in place")
    return reply


def hosts(settings: Settings) -> list[str]:
    """Return the application's hosts in the order in which they are tried."""
    if settings.base_url:
        return [settings.base_url.rstrip("/")]
    app = settings.app.lower()
    return [f"https://{app}-dsn.algolia.net", *(f"https://{app}-{n}.algolianet.com" for n in (1, 2, 3))]


async def _search(poll: Poll, settings: Settings, path: str, **query: str) -> Reply:
    failed: Unreachable | None = None
    for host in hosts(settings):
        try:
            reply = await _ask(poll, settings, host + path, settings.token, "listIndexes", **query)
        except Unreachable as error:
            failed = failed or error
            continue
        if reply.status < 500:
            return reply
        failed = failed or Unreachable(
            f"{WHERE} answered {reply.status}: it is in trouble; it is asked again"
        )
    raise failed or Unreachable(f"{WHERE} cannot be reached")


async def _indices(poll: Poll, settings: Settings) -> tuple[list[Body], list[Gap]]:
    found: list[Body] = []
    for page in range(_PAGES):
        reply = await _search(poll, settings, "/1/indexes", page=str(page), hitsPerPage=_PAGE)
        body = Body(reply.ok().json(), WHERE)
        names = {one.text("name") for one in found}
        new = [one for one in body["items"].each() if one.text("name") not in names]
        found += new
        if not new or page + 1 >= (body.number("nbPages") or 1):
            return found, []
    why = f"there are more than {_PAGES} pages of indices: their records cannot be added up"
    return found, [Gap("indices", why, ("records", "storage"))]


def _since(poll: Poll) -> datetime:
    today = utc_day(poll.now)
    if "days" not in poll.previous:
        return today - _FIRST
    return max(today - _FIRST, datetime.fromisoformat(str(poll.previous["days"])) - _SETTLES)


def _keep(poll: Poll) -> dict[str, str]:
    today = utc_day(poll.now)
    return {"days": today.isoformat()}


async def _usage(poll: Poll, settings: Settings) -> Answer:
    requests = await _statistic(poll, settings, _REQUESTS)
    gaps = []
    quality = Quality.MEASURED
    try:
        free = await _statistic(poll, settings, _SUGGESTIONS)
    except CollectError as error:
        why = f"requests for query suggestions, which are not billed, are counted too: {error}"
        gaps.append(Gap("query suggestions", why))
        free, quality = {}, Quality.ESTIMATED
    readings = [
        Reading("searches", max(value - free.get(start, 0.0), 0.0), min(start + _DAY, poll.now), start,
                quality=quality)
        for start, value in sorted(requests.items())
        if start < poll.now
    ]  # fmt: skip
    return Answer(readings, gaps=gaps, keep=_keep(poll))


async def _statistic(poll: Poll, settings: Settings, name: str) -> dict[datetime, float]:
    host = settings.base_url.rstrip("/") or "https://usage.algolia.com"
    key = settings.usage_token or settings.token
    reply = await _ask(
        poll,
        settings,
        f"{host}/1/usage/{name}",
        key,
        "usage API: Premium or Enterprise add-on",
        startDate=f"{_since(poll):%Y-%m-%dT%H:%M:%SZ}",
        endDate=f"{poll.now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        granularity="daily",
    )
    return by_day(Body(reply.ok().json(), WHERE), name)


async def _analytics(poll: Poll, settings: Settings, names: Sequence[str]) -> Answer:
    """Add up what Analytics counts of each index: fewer than are billed."""
    host = settings.base_url.rstrip("/") or f"https://analytics.{settings.analytics}.algolia.com"
    total: dict[datetime, float] = {}
    for name in names[:_MOST]:
        reply = await _ask(
            poll,
            settings,
            f"{host}/2/searches/count",
            settings.token,
            "analytics",
            index=name,
            startDate=f"{_since(poll):%Y-%m-%d}",
            endDate=f"{poll.now.astimezone(UTC):%Y-%m-%d}",
        )
        for row in Body(reply.ok().json(), WHERE)["dates"].each():
            start = row["date"].time()
            total[start] = total.get(start, 0.0) + (row["count"].number() or 0.0)
    readings = [
        Reading("searches", value, min(start + _DAY, poll.now), start, quality=Quality.ESTIMATED)
        for start, value in sorted(total.items())
        if start < poll.now
    ]
    gaps = []
    if len(names) > _MOST:
        gaps.append(
            Gap("searches", f"only the first {_MOST} of {len(names)} indices are counted", ("searches",))
        )
    return Answer(readings, gaps=gaps, keep=_keep(poll))
