"""Expo EAS: builds, the traffic and users of updates, plan, limits and overage of an Expo account.

API     POST /graphql on api.expo.dev: what Expo's own command line asks for `eas account:usage`.
Token   an access token of a robot user with the role Viewer in the account.
Quirks  Nobody documents this API; its schema lies open in the command line's repository and may change
        without notice. Numbers are those of the billing period so far: counters here, which become amounts
        between two polls; they lag up to a day. Money is in cents. A service whose figures could not be had
        is left out of them and named. Builds that were cancelled come off again; that is no use below zero.
        Not confirmed: whether a value stops at its limit once there is overage (where it does, the overage is
        added), whether bandwidth is bytes (so the command line now) or GiB (so it was once): a limit below
        2²⁰ can only be GiB; what a limit of 0 means (no limit is told then); rate limits; how a wrong token
        is refused.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors.eas.usage import closing, parse
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Reading
from advisor.polling import graphql
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Verified

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "eas"
METRICS = tuple(VOCABULARY[name] for name in ("builds", "egress", "active_users", "cost", "restricted"))
SCOPES = ("Viewer",)
# No budget: rate limits are not documented, and the figures lag up to a day.
INTERVAL = 3600.0
ABOUT = About(
    title="Expo EAS",
    access=(
        Access(
            Tier.READ,
            "robot user, Viewer",
            "use, limits, plan and overage of the account",
            "names of projects, builds and updates",
        ),
        Access(
            Tier.PRIVILEGED,
            "personal token",
            "nothing",
            "everything that its user may do in every account: build, publish updates, read secrets",
        ),
    ),
    spec="expo_eas/graphql.schema.introspection.json",
    open=(
        "whether a value stops at its limit once there is overage",
        "whether bandwidth is bytes or GiB",
        "what a limit of 0 means",
        "rate limits",
    ),
    dashboard="https://expo.dev/accounts/[account]/settings/billing",
    delay="up to a day",
    connect=(
        "Open the account's settings, Access tokens, and add a robot user with the role Viewer.",
        "Create a token of it, and put it into `token:` as ${NAME}.",
        "Write the account's name as `owner:`, as app.json has it.",
    ),
    example={"token": "expo_example_token", "owner": "acme"},
)

WHERE = "Expo"
_USAGE = """
query Usage($owner: String!, $now: DateTime!) {
  account {
    byName(accountName: $owner) {
      isDisabled
      subscription { name recurringCents concurrencies { total } }
      usageMetrics {
        byBillingPeriod(date: $now) {
          billingPeriod { start end }
          planMetrics {
            service serviceMetric metricType value limit
            platformBreakdown { ios { value limit } android { value limit } }
          }
          overageMetrics { service serviceMetric metricType value totalCost }
          totalCost
          unavailableServiceUsageMetrics { service message }
        }
      }
    }
  }
}
"""
_WHOSE = "query Whose { meActor { __typename displayName accounts { name } } }"


class Settings(BaseModel):
    """What advisor.yaml says about an Expo account."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="An access token, best of a robot user.")
    owner: str = Field(min_length=1, description="The account's name, as `owner` in app.json.")
    base_url: str = Field("https://api.expo.dev", description="Another address of the API.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what was used since the last poll, and what the plan holds.

    Raises:
        CollectError: Expo cannot be reached or refuses, or answers in another shape.
    """
    now = poll.now.astimezone(UTC)
    data = await _ask(poll, settings, _USAGE, {"owner": settings.owner, "now": _stamp(now)})
    answer = parse(data.body["account"]["byName"], poll.now, poll.previous)
    ended: list[Reading] = []
    if "period" in poll.previous and answer.keep["period"] > poll.previous["period"]:
        # The last period ended since: what it came to in the end is asked for once.
        then = datetime.fromtimestamp(poll.previous["at"], UTC)
        old = await _ask(poll, settings, _USAGE, {"owner": settings.owner, "now": _stamp(then)})
        ended = closing(old.body["account"]["byName"], poll.previous)
    gaps = [*answer.gaps, *(Gap("usage", f"{WHERE}: {fault}") for fault in data.faults)]
    return Answer([*ended, *answer.readings], answer.terms, gaps, answer.keep, answer.evidence)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask whose the token is: a person's, or one that sees several accounts, is broader than needed."""
    actor = (await _ask(poll, settings, _WHOSE, {})).body["meActor"]
    others = [name for one in actor["accounts"].each() if (name := one.text("name")) != settings.owner]
    broad = [f"account {name}" for name in others]
    if actor.text("__typename") != "Robot":
        broad.insert(0, "all rights of a person")
    return Verified(whose=actor.text("displayName"), broad=tuple(broad))


async def _ask(poll: Poll, settings: Settings, document: str, variables: Mapping[str, Any]) -> graphql.Data:
    return await graphql.ask(
        poll.http,
        f"{settings.base_url.rstrip('/')}/graphql",
        document,
        variables,
        where=WHERE,
        now=poll.now,
        headers={"Authorization": f"Bearer {settings.token.get_secret_value()}"},
        right="Viewer",
    )


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
