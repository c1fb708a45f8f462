"""UptimeRobot: monitors, uptime and downtime from their logs, response times; plan and number of monitors.

API     POST /v2/getMonitors as a form (logs, response times, ratios), paged by `offset` and `total`. GET
        /v3/user/me: plan and limit.
Token   the read-only API key of the account.
Quirks  v2 answers 200 with `stat: fail`, and repeats the key in that answer: it is not shown. Free accounts
        may ask ten times a minute in all. Logs and response times beyond 24 hours are kept for paid plans
        only, so the month before the first poll comes from ratios by day, which tell uptime and not how
        outages overlap. Answers hold keys and passwords of monitors, which are left alone. v3 has no
        confirmed way to older uptime, so v2 is asked, although it is the old one. There is no official
        description; samples rest on docs and clients. Not confirmed: whether logs' times are UTC for accounts
        of another time zone, how long v2 lasts, that one read-only key serves both versions.
"""

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors import _outages
from advisor.collectors._pieces import Piece, together
from advisor.collectors.uptimerobot.monitors import latency, names, open_since, past, seen, watched
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Limit, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    Budget,
    Poll,
    Throttled,
    Tier,
    TokenRefused,
    Unexpected,
    Verified,
)
from advisor.polling.fetch import fetch, place
from advisor.polling.reply import Reply, plain

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "uptimerobot"
METRICS = tuple(VOCABULARY[name] for name in ("monitors", "uptime", "downtime", "latency"))
SCOPES = ("read-only API key",)
INTERVAL = 300.0
ABOUT = About(
    title="UptimeRobot",
    access=(
        Access(Tier.NOTHING, "no key: plan in advisor.yaml", "the plan's quotas, for stated readings"),
        Access(
            Tier.READ,
            "the read-only API key",
            "monitors, uptime, downtime, response times, plan",
            "addresses of the monitors, with user names and passwords they check with; who is alerted",
        ),
        Access(
            Tier.PRIVILEGED,
            "the main API key",
            "nothing",
            "changing and deleting monitors and alerts",
        ),
    ),
    open=(
        "whether times in logs are UTC for accounts of another time zone",
        "how long version 2 of the API lasts",
        "that one read-only key serves both versions",
    ),
    dashboard="https://dashboard.uptimerobot.com/monitors",
    delay="one check: up to five minutes on the free plan",
    connect=(
        "Open UptimeRobot, Integrations & API, API.",
        "Make the read-only key (its name begins with ur).",
        "Put it into `token:` as ${NAME}; name the stack's own monitors as `monitors:`.",
    ),
    example={"token": "ur123456-example", "monitors": ["shop-api"]},
    budget=Budget(10, 60, "account", "UptimeRobot REST API: the free plan; paid ones have more"),
)

_PAGES = 40
_PAGE = 50
_DAY = timedelta(days=1)
_DAYS = 30
_ROWS = 10
_SOURCE = "provider API: UptimeRobot account"


class Settings(BaseModel):
    """What advisor.yaml says about an account at UptimeRobot."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="The account's read-only API key.")
    monitors: tuple[str, ...] = Field((), description="Numbers, names or addresses of monitors; empty: all.")
    base_url: str = Field(
        "https://api.uptimerobot.com", description="Another address of the API.", pattern="^https?://.*$"
    )


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return whether the chosen monitors answered since the last poll, and what the account has.

    Raises:
        CollectError: UptimeRobot cannot be reached or refuses, or nothing could be read.
    """
    return await together(
        [
            Piece(
                "monitors",
                lambda: _monitored(poll, settings),
                ("uptime", "downtime", "latency"),
                poll.previous,
            ),
            Piece("account", lambda: _account(poll, settings), ("monitors",)),
        ]
    )


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for the account. What else the key may is not told; only its first letters hint at it.

    Raises:
        CollectError: It is refused, or UptimeRobot cannot be reached.
    """
    body = await _me(poll, settings)
    main = settings.token.get_secret_value().startswith("u") and not _read_only(settings)
    return Verified(
        whose=f"an account with {body.number('monitorsCount') or 0:.0f} monitors",
        rights=SCOPES if _read_only(settings) else (),
        broad=("changing and deleting monitors: take the read-only key",) if main else (),
    )


def _read_only(settings: Settings) -> bool:
    return settings.token.get_secret_value().startswith("ur")


async def _me(poll: Poll, settings: Settings) -> Body:
    base = settings.base_url.rstrip("/")
    where = f"UptimeRobot at {place(base)}"
    reply = await fetch(
        poll.http,
        f"{base}/v3/user/me",
        where=where,
        now=poll.now,
        headers={"Authorization": f"Bearer {settings.token.get_secret_value()}"},
        right=SCOPES[0],
    )
    return Body(reply.ok().json(), where)


async def _account(poll: Poll, settings: Settings) -> Answer:
    return account(await _me(poll, settings), poll.now)


def account(body: Body, now: datetime) -> Answer:
    """Return the number of monitors, its limit, and the plan where there is a subscription. Pure."""
    count = body.number("monitorsCount")
    readings = [Reading("monitors", count, now)] if count is not None else []
    terms = []
    limit = body.number("monitorLimit")
    if limit is not None:
        terms.append(Term("limit", limit, _SOURCE, now, "monitors", Limit.QUOTA))
    plan = body.get("activeSubscription", "plan")
    if plan is not None:
        terms.append(Term("plan", plan.text().casefold(), _SOURCE, now))
    return Answer(readings, terms)


async def _monitored(poll: Poll, settings: Settings) -> Answer:
    now = poll.now
    same = poll.previous.get("of") == list(settings.monitors)
    last = datetime.fromisoformat(str(poll.previous["at"])) if same and "at" in poll.previous else None
    recent = now.replace(minute=0, second=0, microsecond=0) - _DAY + timedelta(hours=1)
    since = recent if last is None or last < recent else _outages.start_of(last, now)
    begun = datetime.fromisoformat(str(poll.previous["open"])) if same and "open" in poll.previous else since
    form = {
        "logs": "1",
        "log_types": "1-99",
        "logs_start_date": f"{min(since, begun).timestamp():.0f}",
        "logs_end_date": f"{now.timestamp():.0f}",
        "response_times": "1",
        "custom_uptime_ratios": str(_DAYS),
    }
    ranges = _days(last, recent) if since == recent else []
    if ranges:
        form["custom_uptime_ranges"] = "-".join(
            f"{start.timestamp():.0f}_{end.timestamp():.0f}" for start, end in ranges
        )
    numbers = [one for one in settings.monitors if one.isdecimal()]
    if numbers and len(numbers) == len(settings.monitors):
        form["monitors"] = "-".join(numbers)
    found, gaps = await _pages(poll, settings, form)
    chosen = [one for one in found if not settings.monitors or names(one) & set(settings.monitors)]
    if not chosen:
        why = "none of `monitors:` is known to UptimeRobot; write number, name or address as it has them"
        if not settings.monitors:
            why = "the account has no monitors"
        gaps.append(Gap("monitors", why, ("uptime", "downtime", "latency")))
        return Answer(gaps=gaps, keep=dict(poll.previous))
    if any(one.get("logs") is None for one in chosen):
        gaps.append(Gap("uptime", "UptimeRobot sent no logs of some monitors: they count as up", ("uptime",)))
    keep: dict[str, Any] = {"of": list(settings.monitors), "at": now.isoformat()}
    if (oldest := open_since(chosen, now)) is not None:
        keep["open"] = oldest.isoformat()
    if ranges and any(one.get("custom_uptime_ranges") is None for one in chosen):
        gaps.append(
            Gap("uptime", "UptimeRobot sent no ratios of the days before; they stay unknown", ("uptime",))
        )
        ranges = []
    readings = [
        *past(chosen, ranges),
        *_outages.readings([watched(one, now) for one in chosen], since, now),
        *latency(chosen, max(since, recent), now),
    ]
    evidence = {"Monitors": [seen(one) for one in chosen[:_ROWS]]}
    return Answer(readings, gaps=gaps, keep=keep, evidence=evidence)


def _days(last: datetime | None, recent: datetime) -> list[_outages.Span]:
    """Return the days before `recent`, oldest first: back to the last poll, at most 30."""
    oldest = recent - _DAYS * _DAY if last is None else max(last, recent - _DAYS * _DAY)
    days = []
    while recent > oldest:
        days.append((max(oldest, recent - _DAY), recent))
        recent -= _DAY
    return days[::-1]


async def _pages(poll: Poll, settings: Settings, form: dict[str, str]) -> tuple[list[Body], list[Gap]]:
    found: list[Body] = []
    for _ in range(_PAGES):
        page = await _page(poll, settings, {**form, "offset": str(len(found)), "limit": str(_PAGE)})
        more = list(page["monitors"].each())
        found += more
        total = page.number("pagination", "total")
        if not more or total is None or len(found) >= total:
            return found, []
    return found, [Gap("monitors", f"more than {_PAGES * _PAGE} monitors are not read; name yours by number")]


async def _page(poll: Poll, settings: Settings, form: dict[str, str]) -> Body:
    base = settings.base_url.rstrip("/")
    reply = await fetch(
        poll.http,
        f"{base}/v2/getMonitors",
        where=f"UptimeRobot at {place(base)}",
        now=poll.now,
        method="POST",
        form={"api_key": settings.token.get_secret_value(), "format": "json", **form},
        right=SCOPES[0],
    )
    return sound(reply.ok())


def sound(reply: Reply) -> Body:
    """Return the answer of v2 where it is none of its failures, which come with 200. Pure.

    Raises:
        TokenRefused: The key is wrong.
        Throttled: Too many requests.
        Unexpected: Something else failed; only the kind of failure is told, the rest may hold the key.
    """
    body = Body(reply.json(), reply.where)
    if body.text("stat") == "ok":
        return body
    error = body.get("error")
    kind = error.get("type") if error is not None else None
    said = plain(kind.text()) if kind is not None else "no kind"
    about = error.get("parameter_name") if error is not None else None
    if about is not None and about.text() == "api_key":
        raise TokenRefused(f"{reply.where}: the key is wrong; put the account's read-only key in place")
    if "limit" in said:
        raise Throttled(f"{reply.where}: asked too often; a longer `interval:` avoids it")
    raise Unexpected(f"{reply.where} failed ({said}); the API may have changed")
