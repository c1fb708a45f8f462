"""Acme Postgres: storage and egress of a project, the plan, and whether it is paused.

API     GET /v2/projects/{id}/usage by UTC day, paged by `cursor`; GET /v2/token says whose a token is.
Token   read-only, scope `projects:read`.
Quirks  Storage is refreshed hourly; a paused project reports none. The last day grows until it is over, so
        it is asked again. Acme publishes no machine-readable description. Not confirmed: its rate limit.
"""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.core.metrics import VOCABULARY
from advisor.core.model import Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Verified
from advisor.polling.fetch import get_json, place

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "parse", "verify"]

PROVIDER = "acme"
METRICS = tuple(VOCABULARY[name] for name in ("storage", "egress", "restricted"))
SCOPES = ("projects:read",)
INTERVAL = 900.0
ABOUT = About(
    title="Acme",
    access=(Access(Tier.READ, "projects:read", "storage, egress, the plan", "names and sizes of projects"),),
    open=("its rate limit",),
    dashboard="https://acme.example/usage",
    delay="an hour",
    connect=(
        "Open Settings, API tokens, in https://acme.example.",
        "Create one with projects:read and nothing else.",
        "Put it into `token:` as ${NAME}.",
    ),
    example={"token": "acme_example_token", "project": "abcd"},
)


class Settings(BaseModel):
    """What advisor.yaml says about a project at Acme."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="A token that may read projects.")
    project: str = Field(description="The project.")
    base_url: str = Field("https://api.acme.example", description="Another address of the API.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what Acme reports now of one project.

    Raises:
        CollectError: The token is refused, Acme cannot be reached, or it answers in another shape.
    """
    page = await _get(poll, settings, f"/v2/projects/{settings.project}/usage")
    readings = parse(page, poll.now)
    terms = [Term("plan", page.text("plan"), "provider API", poll.now)]
    while (cursor := page.get("next_cursor")) is not None:
        page = await _get(poll, settings, f"/v2/projects/{settings.project}/usage", cursor=cursor.text())
        readings += parse(page, poll.now)
    return Answer(readings, terms)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask Acme whose the token is.

    Raises:
        CollectError: It is refused, or Acme cannot be reached.
    """
    token = await _get(poll, settings, "/v2/token")
    rights = tuple(scope.text() for scope in token["scopes"].each())
    ends = token.get("expires_at")
    return Verified(
        token.text("owner"),
        rights,
        tuple(right for right in rights if right not in SCOPES),
        ends.time() if ends is not None else None,
    )


def parse(page: Body, now: datetime) -> list[Reading]:
    """Turn one page of usage into readings. Pure."""
    readings = []
    if (size := page.number("storage_bytes")) is not None:  # Absent is not zero.
        readings.append(Reading("storage", size, now))
    if (paused := page.get("paused")) is not None:
        readings.append(Reading("restricted", float(paused.value is True), now))
    for day in page["egress"].each():
        start = day.time("day")
        end = min(start + timedelta(days=1), now)
        if (sent := day.number("bytes")) is not None and start < end:
            readings.append(Reading("egress", sent, end, start))
    return readings


async def _get(poll: Poll, settings: Settings, path: str, **params: str) -> Body:
    where = f"Acme at {place(settings.base_url)}"
    found = await get_json(
        poll.http,
        settings.base_url.rstrip("/") + path,
        where=where,
        now=poll.now,
        headers={"Authorization": f"Bearer {settings.token.get_secret_value()}"},
        params=params or None,
        right=SCOPES[0],
    )
    return Body(found, where)
