"""Better Stack: monitors, uptime and downtime from incidents, log sources whose intake is paused.

API     GET /api/v2/monitors and /api/v3/incidents on uptime.betterstack.com, both paged by
        `pagination.next`; with `telemetry_token` GET /api/v1/sources on telemetry.betterstack.com.
Token   an Uptime API token of the team. Better Stack sells no read-only one: it may change monitors too.
Quirks  Uptime and downtime are worked out from incidents of monitors, because the availability call knows
        whole days only and needs a request for each monitor. An incident that a person ends early or late
        moves them. Pauses before the present one are not told, so they count as up. Plan and quotas cannot be
        read, and no endpoint tells the bytes of log that were taken in. There is no official description;
        samples rest on the docs. Not confirmed: whether paused monitors count for the plan, whether a paused
        intake is always Better Stack's doing, the number of requests allowed, the shape of response times.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors import _outages
from advisor.collectors._pieces import Piece, together
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Reading
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Verified
from advisor.polling.fetch import get_json, place

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "better-stack"
METRICS = tuple(VOCABULARY[name] for name in ("monitors", "uptime", "downtime", "restricted"))
SCOPES = ("Uptime API token",)
INTERVAL = 300.0
ABOUT = About(
    title="Better Stack",
    access=(
        Access(Tier.NOTHING, "no token: plan in advisor.yaml", "the plan's quotas, for stated readings"),
        Access(
            Tier.PRIVILEGED,
            "the team's Uptime API token (there is no read-only one)",
            "monitors, uptime, downtime",
            "changing and deleting monitors, incidents, who is on call",
        ),
        Access(
            Tier.PRIVILEGED,
            "the team's Telemetry API token (`telemetry_token`)",
            "whether the intake of logs is paused",
            "changing sources and reading their tokens, which let anyone write logs",
        ),
    ),
    open=(
        "whether paused monitors count for the plan",
        "whether a paused intake is always Better Stack's doing",
        "how many requests are allowed",
        "bytes of log taken in: no endpoint tells",
    ),
    dashboard="https://uptime.betterstack.com/team/0/monitors",
    delay="a check and its confirmation: some minutes",
    connect=(
        "Open Better Stack, Settings, API tokens, and choose the team.",
        "Make an Uptime API token; it can change monitors, so keep it for the advisor alone.",
        "Put it into `token:` as ${NAME}; name the stack's own monitors as `monitors:`.",
    ),
    example={"token": "uptime_example_token", "monitors": ["shop-api"]},
)

_UPTIME = "https://uptime.betterstack.com"
_TELEMETRY = "https://telemetry.betterstack.com"
_PAGES = 40
_WATCHED = ("monitors", "uptime", "downtime")


class Settings(BaseModel):
    """What advisor.yaml says about a team at Better Stack."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="The team's Uptime API token.")
    monitors: tuple[str, ...] = Field((), description="Numbers, names or addresses of monitors; empty: all.")
    telemetry_token: SecretStr | None = Field(None, description="The team's Telemetry API token. Opt-in.")
    base_url: str = Field(
        "", description="Another address, for both hosts; empty: Better Stack's.", pattern="^(https?://.*)?$"
    )


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return how many monitors there are, and by five minutes whether the chosen ones answered.

    Raises:
        CollectError: Better Stack cannot be reached or refuses, or nothing could be read.
    """
    pieces = [Piece("monitors", lambda: _monitored(poll, settings), _WATCHED, poll.previous)]
    if settings.telemetry_token is not None:
        token = settings.telemetry_token
        pieces.append(Piece("log sources", lambda: _sources(poll, settings, token), ("restricted",)))
    return await together(pieces)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for the first page of monitors. Whose the token is and when it ends is not told.

    Raises:
        CollectError: It is refused, or Better Stack cannot be reached.
    """
    await anext(_pages(poll, settings, _UPTIME, "/api/v2/monitors", settings.token))
    return Verified(
        rights=("Uptime API",), broad=("changing monitors and incidents; no smaller right exists",)
    )


async def _pages(
    poll: Poll,
    settings: Settings,
    host: str,
    path: str,
    token: SecretStr,
    params: Mapping[str, str] | None = None,
) -> AsyncIterator[Body]:
    """Yield page after page; of the address of the next one only the query is taken."""
    base = (settings.base_url or host).rstrip("/")
    where = f"Better Stack at {place(base)}"
    url = base + path
    for _ in range(_PAGES):
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        answer = await get_json(
            poll.http, url, where=where, now=poll.now, headers=headers, params=params, right="API token"
        )
        body = Body(answer, where)
        yield body
        following = body.get("pagination", "next")
        if following is None:
            return
        url, params = f"{base}{path}?{urlsplit(following.text()).query}", None
    raise _TooManyPages


class _TooManyPages(Exception):
    """There is more than we ask for; what was read is good."""


async def _items(
    poll: Poll,
    settings: Settings,
    host: str,
    path: str,
    token: SecretStr,
    params: Mapping[str, str] | None = None,
) -> tuple[list[Body], list[Gap]]:
    found: list[Body] = []
    try:
        async for page in _pages(poll, settings, host, path, token, params):
            found += page["data"].each()
    except _TooManyPages:
        return found, [Gap(path, f"more than {_PAGES} pages are not read; the rest is missing")]
    return found, []


async def _monitored(poll: Poll, settings: Settings) -> Answer:
    monitors, gaps = await _items(poll, settings, _UPTIME, "/api/v2/monitors", settings.token)
    answer = [Reading("monitors", float(len(monitors)), poll.now)]
    chosen = [one for one in monitors if not settings.monitors or _names(one) & set(settings.monitors)]
    if settings.monitors and not chosen:
        why = "none of `monitors:` is known to Better Stack; write number, name or address as it has them"
        gaps.append(Gap("uptime", why, ("uptime", "downtime")))
        return Answer(answer, gaps=gaps, keep=dict(poll.previous))
    same = poll.previous.get("of") == list(settings.monitors)
    last = datetime.fromisoformat(str(poll.previous["at"])) if same and "at" in poll.previous else None
    since = _outages.start_of(last, poll.now)
    # Incidents are found by the day on which they began, so one that still runs is asked from its own.
    begun = datetime.fromisoformat(str(poll.previous["open"])) if same and "open" in poll.previous else since
    asked = {"from": f"{min(since, begun):%Y-%m-%d}", "per_page": "50"}
    found, more = await _items(poll, settings, _UPTIME, "/api/v3/incidents", settings.token, asked)
    outages, running = incidents(found, poll.now)
    watched = [monitor(one, outages.get(one.text("id"), ()), poll.now) for one in chosen]
    mine = [begin for name, begin in running if name in {one.text("id") for one in chosen}]
    keep = {"of": list(settings.monitors), "at": poll.now.isoformat()}
    if mine:
        keep["open"] = min(mine).isoformat()
    states = [
        {"monitor": _called(one), "state": one["attributes"].text("status")}
        for one in chosen
        if one["attributes"].text("status") != "up"
    ]
    return Answer(
        [*answer, *_outages.readings(watched, since, poll.now)],
        gaps=[*gaps, *more],
        keep=keep,
        evidence={"Monitors that are not up": states[:10]} if states else {},
    )


def _called(monitor: Body) -> str:
    name = monitor["attributes"].get("pronounceable_name")
    return name.text() if name is not None else monitor.text("id")


def _names(monitor: Body) -> set[str]:
    address = monitor["attributes"].get("url")
    return {monitor.text("id"), _called(monitor), *([address.text()] if address is not None else [])}


def incidents(
    found: Sequence[Body], now: datetime
) -> tuple[dict[str, list[_outages.Span]], list[tuple[str, datetime]]]:
    """Return the outages by monitor's number, and those that still run with their beginning. Pure.

    Incidents of heartbeats and those that people opened belong to no monitor and are left out.
    """
    outages: dict[str, list[_outages.Span]] = {}
    running: list[tuple[str, datetime]] = []
    for one in found:
        of = one.get("relationships", "monitor", "data")
        if of is None:
            continue
        start = one["attributes"].time("started_at")
        ended = one["attributes"].get("resolved_at")
        if ended is None:
            running.append((of.text("id"), start))
        outages.setdefault(of.text("id"), []).append((start, ended.time() if ended is not None else now))
    return outages, running


def monitor(one: Body, down: Sequence[_outages.Span], now: datetime) -> _outages.Watched:
    """Return since when a monitor watches, and its present pause. Pure."""
    about = one["attributes"]
    created, paused = about.get("created_at"), about.get("paused_at")
    away = [(paused.time(), now)] if paused is not None else []
    if not away and about.text("status") in {"paused", "pending"}:
        away = [(now - _outages.FIRST, now)]  # Since when is not told: better nothing than a wrong number.
    return _outages.Watched(created.time() if created is not None else now - _outages.FIRST, down, away)


async def _sources(poll: Poll, settings: Settings, token: SecretStr) -> Answer:
    found, gaps = await _items(poll, settings, _TELEMETRY, "/api/v1/sources", token)
    paused = [
        {"source": one["attributes"].text("name"), "state": "intake paused"}
        for one in found
        if (state := one["attributes"].get("ingesting_paused")) is not None and state.value is True
    ]
    reading = Reading("restricted", float(len(paused)), poll.now)
    return Answer([reading], gaps=gaps, evidence={"Log sources": paused} if paused else {})
