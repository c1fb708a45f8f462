"""Auth0: users who were active in 30 days, and how many there are.

API     POST /oauth/token (client credentials), GET /api/v2/stats/active-users, /api/v2/stats/daily, and with
        `users: true` /api/v2/users?include_totals=true.
Token   a machine-to-machine application that may use the Management API with read:stats; read:users only for
        `users: true`. Or a Management API token of a day, to try it.
Quirks  Active users come as a bare number, of the last 30 days as they roll; the bill counts the calendar
        month, and by kind of connection, so that it may differ. Logins and sign-ups of each UTC day are shown
        as evidence. No plan and no limit is told. An access token lasts a day and is not kept: each poll asks
        for one. There is no official description; samples rest on the reference pages and the official
        clients. Not confirmed: whether such tokens count against a plan's machine-to-machine tokens (four a
        day here), the fields of a day beyond date, logins and signups, the rate limit of free tenants (two a
        second is quoted).
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from advisor.collectors._pieces import Piece, together
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Reading
from advisor.polling.body import Body
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    Budget,
    Poll,
    Tier,
    TokenRefused,
    Verified,
)
from advisor.polling.fetch import fetch, place

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "auth0"
METRICS = tuple(VOCABULARY[name] for name in ("active_users", "users"))
SCOPES = ("read:stats", "read:users")
INTERVAL = 6 * 3600.0
ABOUT = About(
    title="Auth0",
    access=(
        Access(Tier.READ, "read:stats", "active users, logins by day", "how many people log in"),
        Access(
            Tier.READ,
            "read:users, with `users: true`",
            "registered users",
            "every user's profile: names, e-mail addresses, metadata",
        ),
    ),
    open=(
        "whether these tokens count against a plan's machine-to-machine tokens",
        "the fields of a day beyond date, logins and signups",
        "the rate limit of free tenants",
    ),
    dashboard="https://manage.auth0.com",
    delay="a day at most",
    connect=(
        "Open Applications, Create Application, Machine to Machine, and choose the Auth0 Management API.",
        "Tick read:stats, and read:users only for `users: true`.",
        "Put its Client ID and Secret into `client_id:` and `client_secret:` as ${NAME}.",
        "Put the tenant's own domain (acme.eu.auth0.com, not a custom one) into `domain:`.",
    ),
    example={
        "domain": "acme.eu.auth0.com",
        "client_id": "client_1",
        "client_secret": "auth0_example_secret",
        "users": True,
    },
    budget=Budget(120, 60, "tenant", "commonly quoted for free tenants, not confirmed"),
)

_DAYS = timedelta(days=7)


class Settings(BaseModel):
    """What advisor.yaml says about a tenant at Auth0."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    domain: str = Field(
        description="The tenant's own domain: acme.eu.auth0.com.", pattern=r"^[A-Za-z0-9.-]+$"
    )
    client_id: str = Field("", description="Of a machine-to-machine application.")
    client_secret: SecretStr | None = Field(None, description="Its secret.")
    token: SecretStr | None = Field(None, description="Instead: a Management API token, which ends in a day.")
    users: bool = Field(False, description="Whether registered users are counted (read:users).")
    base_url: str = Field("", description="Another address of the API; empty: the domain's.")

    @model_validator(mode="after")
    def _can_ask(self) -> "Settings":
        if self.token is None and (self.client_secret is None or not self.client_id):
            raise ValueError("`client_id` and `client_secret` are needed, or a `token`")
        return self


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return how many users were active, and how many there are.

    Raises:
        CollectError: Auth0 cannot be reached or refuses, or nothing could be read.
    """
    token, _ = await _token(poll, settings)
    pieces = [
        Piece("active users", partial(_active, poll, settings, token), ("active_users",)),
        Piece("logins", partial(_daily, poll, settings, token)),
    ]
    if settings.users:
        pieces.append(Piece("users", partial(_users, poll, settings, token), ("users",)))
    return await together(pieces)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for an access token, whose answer names its rights, and for the active users.

    Raises:
        CollectError: It is refused, or Auth0 cannot be reached.
    """
    token, rights = await _token(poll, settings)
    await _get(poll, settings, token, "stats/active-users", "read:stats")
    needed = {"read:stats", "read:users"} if settings.users else {"read:stats"}
    broad = tuple(right for right in rights if right not in needed)
    return Verified(f"tenant {settings.domain}", rights or ("read:stats",), broad)


def _base(settings: Settings) -> str:
    return (settings.base_url or f"https://{settings.domain}").rstrip("/")


async def _token(poll: Poll, settings: Settings) -> tuple[str, tuple[str, ...]]:
    """Return an access token and its rights, empty where they are not told."""
    if settings.client_secret is None:
        return settings.token.get_secret_value() if settings.token is not None else "", ()
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.client_id,
        "client_secret": settings.client_secret.get_secret_value(),
        "audience": f"https://{settings.domain}/api/v2/",
    }
    where = f"Auth0 at {place(_base(settings))}"
    url = f"{_base(settings)}/oauth/token"
    reply = await fetch(poll.http, url, where=where, now=poll.now, method="POST", form=form)
    if reply.status in (401, 403):
        raise TokenRefused(
            f"{where} gives no access token ({reply.status}): check client id and secret, and that the "
            "application is authorised for the Management API"
        )
    body = Body(reply.ok().json(), where)
    scope = body.get("scope")
    return body.text("access_token"), tuple(scope.text().split()) if scope is not None else ()


async def _get(
    poll: Poll, settings: Settings, token: str, path: str, right: str, query: Mapping[str, str] | None = None
) -> Body:
    where = f"Auth0 at {place(_base(settings))}"
    url = f"{_base(settings)}/api/v2/{path}"
    headers = {"Authorization": f"Bearer {token}"}
    reply = await fetch(poll.http, url, where=where, now=poll.now, headers=headers, params=query, right=right)
    return Body(reply.ok().json(), where)


async def _active(poll: Poll, settings: Settings, token: str) -> Answer:
    value = (await _get(poll, settings, token, "stats/active-users", "read:stats")).number()
    return Answer([Reading("active_users", value, poll.now)] if value is not None else [])


async def _daily(poll: Poll, settings: Settings, token: str) -> Answer:
    query = {"from": f"{poll.now - _DAYS:%Y%m%d}", "to": f"{poll.now:%Y%m%d}"}
    return daily(await _get(poll, settings, token, "stats/daily", "read:stats", query))


def daily(body: Body) -> Answer:
    """Return logins and sign-ups of each day, for people. Pure."""
    rows = []
    for day in body.each():
        counts = {name: day.number(name) for name in ("logins", "signups")}
        shown = {name: f"{count:.0f}" for name, count in counts.items() if count is not None}
        rows.append({"day": f"{day.time('date'):%Y-%m-%d}", **shown})
    return Answer(evidence={"Logins and sign-ups by day": rows} if rows else {})


async def _users(poll: Poll, settings: Settings, token: str) -> Answer:
    query = {"include_totals": "true", "per_page": "1", "fields": "user_id", "include_fields": "true"}
    total = (await _get(poll, settings, token, "users", "read:users", query))["total"].number()
    return Answer([Reading("users", total, poll.now)] if total is not None else [])
