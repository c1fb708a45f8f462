"""Clerk: registered and active users of an instance, text messages and domains as billed.

API     GET /v1/users/count with a secret key; with a platform token and the application's id GET
        /v1/platform/applications/{id}/instances/{instance}/usage (beta), what is billed in this cycle.
Token   the instance's secret key (sk_live_...), which may do everything; or a platform token with
        application_usage:read, which only reads.
Quirks  Billed are users who come back a day or more after they signed up, once a billing cycle: the platform
        tells that. A count of users active in 30 days is more, and is marked as estimated; days are UTC's.
        Text messages are told as the cycle's total and become amounts. Each instance counts for itself,
        development apart from production. No plan and no limit is told. Not confirmed: the rate limits
        (1,000 in 10 s in production and 100 in development are quoted), who may have a platform token while
        that API is in beta.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from advisor.collectors._pieces import Piece, together
from advisor.collectors._totals import grown
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Quality, Reading
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Budget, Poll, Tier, Verified
from advisor.polling.fetch import get_json

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "clerk"
METRICS = tuple(VOCABULARY[name] for name in ("users", "active_users", "messages", "domains"))
SCOPES = ("application_usage:read", "secret key")
INTERVAL = 3600.0
ABOUT = About(
    title="Clerk",
    access=(
        Access(
            Tier.READ,
            "a platform token with application_usage:read",
            "active users as billed, text messages, domains",
            "how much each application of the workspace is used",
        ),
        Access(
            Tier.PRIVILEGED,
            "the instance's secret key",
            "registered users, users active in 30 days",
            "everything: users and their data, sessions, signing in as anybody",
        ),
    ),
    spec="clerk/bapi-2026-05-12.yml",
    open=("the rate limits", "who may have a platform token while that API is in beta"),
    dashboard="https://dashboard.clerk.com",
    delay="minutes",
    connect=(
        "For what is billed: make a platform token with application_usage:read for `platform_token:`; the "
        "application's id (app_...) goes into `application:`.",
        "Without one: open Configure, API keys, and put the secret key into `token:` as ${NAME}. It may do "
        "everything, for Clerk has none that only reads.",
    ),
    example={
        "token": "sk_live_example",
        "platform_token": "platform_example_token",
        "application": "app_1",
    },
    budget=Budget(1000, 10, "instance", "commonly quoted for production, not confirmed"),
)

WHERE = "Clerk"
_VERSION = "2026-05-12"
_ACTIVE = timedelta(days=30)


class Settings(BaseModel):
    """What advisor.yaml says about an instance at Clerk."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr | None = Field(None, description="The instance's secret key, to count users.")
    platform_token: SecretStr | None = Field(
        None, description="A token with application_usage:read, for what is billed."
    )
    application: str = Field("", description="The application's id, with `platform_token`.")
    instance: str = Field("production", description="`production`, `development` or an instance's id.")
    base_url: str = Field("https://api.clerk.com", description="Another address of the API.")

    @model_validator(mode="after")
    def _can_ask(self) -> "Settings":
        if self.token is None and self.platform_token is None:
            raise ValueError("a `token` (secret key) or a `platform_token` is needed")
        if (self.platform_token is None) is not (not self.application):
            raise ValueError("`platform_token` and `application` (app_...) belong together")
        return self


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return how many users there are, how many are active, and what else is billed.

    Raises:
        CollectError: Clerk cannot be reached or refuses, or nothing could be read.
    """
    pieces = []
    if settings.platform_token is not None:
        kept = {"sms": poll.previous["sms"]} if "sms" in poll.previous else {}
        metrics = ("active_users", "messages", "domains")
        pieces.append(Piece("billed usage", partial(_usage, poll, settings), metrics, kept))
    if settings.token is not None:
        pieces.append(Piece("users", partial(_users, poll, settings), ("users",)))
    if settings.token is not None and settings.platform_token is None:
        pieces.append(Piece("active users", partial(_active, poll, settings), ("active_users",)))
    answer = await together(pieces)
    if settings.token is not None:
        return answer
    gap = Gap("users", "registered users are counted with the instance's secret key: `token:`", ("users",))
    return Answer(answer.readings, answer.terms, [*answer.gaps, gap], answer.keep)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for the instance, or for what is billed.

    Raises:
        CollectError: The key or token is refused, or Clerk cannot be reached.
    """
    if settings.platform_token is not None:
        await _platform(poll, settings)
    if settings.token is None:
        return Verified(f"application {settings.application}", SCOPES[:1])
    kind = (await _ask(poll, settings, "/v1/instance", {})).text("environment_type")
    return Verified(
        f"a {kind} instance", ("secret key",), ("writing: users, sessions and settings, as every secret key",)
    )


async def _ask(poll: Poll, settings: Settings, path: str, query: Mapping[str, str]) -> Body:
    token = settings.token.get_secret_value() if settings.token is not None else ""
    headers = {"Authorization": f"Bearer {token}", "Clerk-API-Version": _VERSION}
    url = settings.base_url.rstrip("/") + path
    return Body(
        await get_json(poll.http, url, where=WHERE, now=poll.now, headers=headers, params=query), WHERE
    )


async def _platform(poll: Poll, settings: Settings) -> Body:
    token = settings.platform_token.get_secret_value() if settings.platform_token is not None else ""
    application, instance = quote(settings.application, safe=""), quote(settings.instance, safe="")
    url = f"{settings.base_url.rstrip('/')}/v1/platform/applications/{application}/instances/{instance}/usage"
    headers = {"Authorization": f"Bearer {token}"}
    right = "application_usage:read"
    return Body(
        await get_json(poll.http, url, where=WHERE, now=poll.now, headers=headers, right=right), WHERE
    )


async def _usage(poll: Poll, settings: Settings) -> Answer:
    return usage(await _platform(poll, settings), poll)


def usage(body: Body, poll: Poll) -> Answer:
    """Return what is billed in the cycle that runs; `poll` tells when, and what was told before. Pure."""
    now = poll.now
    readings = [
        Reading(metric, value, now)
        for metric, value in (
            ("active_users", body["mau"].number("total_billable_usage")),
            ("domains", body["custom_domains"].number("total_usage")),
        )
        if value is not None
    ]
    total = body["sms_messages"].number("total_usage")
    if total is None:
        return Answer(readings)
    period = body.time("period_start")
    sent, kept = grown("messages", total, period, now, poll.previous.get("sms", {}))
    return Answer([*readings, *sent], keep={"sms": kept})


async def _users(poll: Poll, settings: Settings) -> Answer:
    count = (await _ask(poll, settings, "/v1/users/count", {}))["total_count"].number()
    return Answer([Reading("users", count, poll.now)] if count is not None else [])


async def _active(poll: Poll, settings: Settings) -> Answer:
    since = f"{(poll.now - _ACTIVE).timestamp() * 1000:.0f}"  # Milliseconds.
    count = (await _ask(poll, settings, "/v1/users/count", {"last_active_at_after": since}))["total_count"]
    value = count.number()
    return Answer(
        [Reading("active_users", value, poll.now, quality=Quality.ESTIMATED)] if value is not None else []
    )
