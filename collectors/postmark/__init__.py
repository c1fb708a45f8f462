"""Postmark: e-mails sent by every server, by day, how many of today's bounced, domains.

API     GET /stats/outbound/sends and /stats/outbound for each server; with an account's token GET
        /servers (paged by `offset`), which gives each server's own token, and /domains.
Token   a server's token (X-Postmark-Server-Token), or the account's (X-Postmark-Account-Token) for all
        servers. Neither can be narrowed to reading.
Quirks  No API tells plan, quota or what is left: the plan is what advisor.yaml says. Days are those of US
        Eastern time, and one without mail may be missing, which is none sent. Statistics are by server
        and for all time where no dates are given, so that every request has them. Received mails, which
        the plan counts too, are no part of the statistics, so `emails` is what was sent. No official
        description could be had: samples rest on Postmark's reference pages and on answers recorded by a
        client. Not confirmed: whether Eastern time means the zone with its summer time (taken so) or
        UTC-5 all year, the billing cycle, rate limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from advisor.collectors._days import local_day, midnight
from advisor.collectors._pieces import Piece, together
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Reading
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Verified
from advisor.polling.fetch import get_json

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "postmark"
METRICS = tuple(VOCABULARY[name] for name in ("emails", "error_rate", "domains"))
SCOPES: tuple[str, ...] = ("server token",)
# No budget: Postmark documents no numbers.
INTERVAL = 900.0
ABOUT = About(
    title="Postmark",
    access=(
        Access(Tier.NOTHING, "no token: plan in advisor.yaml", "the plan's quotas, for stated readings"),
        Access(
            Tier.PRIVILEGED,
            "server token",
            "what one server sent by day, and bounces",
            "send in your name through that server, read its messages and templates",
        ),
        Access(
            Tier.PRIVILEGED,
            "account token",
            "all servers at once, domains",
            "everything: every server's token, create and delete servers and domains",
        ),
    ),
    open=(
        "whether days follow summer time",
        "the billing cycle",
        "the rate limits",
    ),
    dashboard="https://account.postmarkapp.com/subscription",
    delay="none that is documented",
    connect=(
        "Open the server, API Tokens, and copy its token into `token:` as ${NAME}.",
        "Do several servers send? The account's token (Account, API Tokens) into `account_token:` sees all.",
        "Write `plan:` and `billing_day:` on the account: no API tells them.",
    ),
    example={"token": "postmark-example-token"},
)

WHERE = "Postmark"
_EASTERN = "America/New_York"
_FIRST = 62  # Days: a billing cycle and what came before it.
_SETTLES = 2
_PAGES = 20
_PAGE = 100


class Settings(BaseModel):
    """What advisor.yaml says about a server or an account at Postmark."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr | None = Field(None, description="One server's token.")
    account_token: SecretStr | None = Field(None, description="The account's token: all servers, domains.")
    base_url: str = Field(
        "https://api.postmarkapp.com", description="Another address of the API.", pattern="^https?://"
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> "Settings":
        if (self.token is None) is (self.account_token is None):
            raise ValueError("write either a server's `token` or the account's `account_token`")
        return self


@dataclass(frozen=True, slots=True)
class Server:
    """A server: its name ("" where there is but one) and the header that asks for it."""

    name: str
    headers: Mapping[str, str]


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what every server sent by day since the last poll, today's bounces, and the domains.

    Raises:
        CollectError: Postmark cannot be reached or refuses, or nothing could be read.
    """
    gaps: list[Gap] = []
    pieces: list[Piece] = []
    if settings.token is not None:
        servers = [Server("", {"X-Postmark-Server-Token": settings.token.get_secret_value()})]
    else:
        servers, gaps = await _servers(poll, settings)
        pieces.append(Piece("domains", partial(_domains, poll, settings), ("domains",)))
    today = local_day(poll.now, _EASTERN)
    known: Mapping[str, str] = poll.previous.get("sent", {})
    for server in servers:
        last = known.get(server.name)
        since = today - timedelta(days=_FIRST)
        if last is not None:
            since = max(since, date.fromisoformat(last) - timedelta(days=_SETTLES))
        ask = partial(_sent, poll, settings, server, since, today)
        kept = {server.name: last} if last is not None else {}
        pieces.append(Piece(f"server {server.name}".strip(), ask, ("emails", "error_rate"), kept))
    answer = await together(pieces) if pieces else Answer()
    return Answer(answer.readings, gaps=[*gaps, *answer.gaps], keep={"sent": dict(answer.keep)})


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for the server, or for the account's servers.

    Raises:
        CollectError: It is refused.
    """
    if settings.token is not None:
        headers = {"X-Postmark-Server-Token": settings.token.get_secret_value()}
        return Verified(
            whose=(await _get(poll, settings, "/server", headers)).text("Name"), rights=("server token",)
        )
    servers, _ = await _servers(poll, settings)
    return Verified(", ".join(one.name for one in servers), ("account token",))


async def _get(poll: Poll, settings: Settings, path: str, headers: Mapping[str, str], **query: str) -> Body:
    answer = await get_json(
        poll.http,
        settings.base_url.rstrip("/") + path,
        where=WHERE,
        now=poll.now,
        headers={"Accept": "application/json", **headers},
        params=query or None,
        right="server token",
    )
    return Body(answer, WHERE)


def _account(settings: Settings) -> dict[str, str]:
    token = settings.account_token
    return {"X-Postmark-Account-Token": token.get_secret_value()} if token is not None else {}


async def _servers(poll: Poll, settings: Settings) -> tuple[list[Server], list[Gap]]:
    """Return the account's servers, each with its own token."""
    found: list[Server] = []
    gaps: list[Gap] = []
    for page in range(_PAGES):
        body = await _get(
            poll, settings, "/servers", _account(settings), count=str(_PAGE), offset=str(page * _PAGE)
        )
        rows = list(body["Servers"].each())
        for row in rows:
            name = row.text("Name")
            tokens = list(row["ApiTokens"].each())
            if tokens:
                found.append(Server(name, {"X-Postmark-Server-Token": tokens[0].text()}))
            else:
                why = f"the server `{name}` has no token, so that its statistics cannot be asked for"
                gaps.append(Gap(name, why, ("emails", "error_rate")))
        total = body.number("TotalCount")
        if not rows or (total is not None and (page + 1) * _PAGE >= total):
            return found, gaps
    why = f"there are more than {_PAGES * _PAGE} servers; the rest is not seen"
    return found, [*gaps, Gap("servers", why, ("emails", "error_rate"))]


async def _domains(poll: Poll, settings: Settings) -> Answer:
    body = await _get(poll, settings, "/domains", _account(settings), count="1", offset="0")
    total = body["TotalCount"].number()
    return Answer([] if total is None else [Reading("domains", total, poll.now)])


async def _sent(poll: Poll, settings: Settings, server: Server, since: date, today: date) -> Answer:
    span = {"fromdate": since.isoformat(), "todate": today.isoformat()}
    readings = by_day(
        await _get(poll, settings, "/stats/outbound/sends", server.headers, **span),
        since,
        poll.now,
        server.name,
    )
    one_day = {"fromdate": today.isoformat(), "todate": today.isoformat()}
    overview = await _get(poll, settings, "/stats/outbound", server.headers, **one_day)
    readings += bounced(overview, today, poll.now, server.name)
    return Answer(readings, keep={server.name: today.isoformat()})


def by_day(body: Body, since: date, now: datetime, server: str) -> list[Reading]:
    """Return what was sent on each day from `since`, the running one up to now; no row is none. Pure."""
    sent: dict[date, float] = {}
    for row in body["Days"].each():
        day = row["Date"].time().date()
        sent[day] = sent.get(day, 0.0) + (row["Sent"].number() or 0.0)
    readings = []
    day = since
    while (start := midnight(day, _EASTERN)) < now:
        following = day + timedelta(days=1)
        end = min(midnight(following, _EASTERN), now)
        readings.append(Reading("emails", sent.get(day, 0.0), end, start, part=server))
        day = following
    return readings


def bounced(body: Body, today: date, now: datetime, server: str) -> list[Reading]:
    """Return today's bounces over what was sent; none where nothing was. Pure."""
    sent, failed = body.number("Sent"), body.number("Bounced")
    start = midnight(today, _EASTERN)
    if not sent or failed is None or start >= now:
        return []
    # What bounces today may have been sent before.
    return [Reading("error_rate", min(failed, sent), now, start, part=server, of=sent)]
