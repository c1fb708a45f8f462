"""Mixpanel: events by day and active users of a project, counted by its Query API.

API     GET /api/query/events/names (what there is), /api/query/events (counts by day) and, with
        `active_event`, /api/query/segmentation (different users of that event). Hosts mixpanel.com,
        eu.mixpanel.com, in.mixpanel.com. The raw export is not used: it would fetch every event.
Token   a service account (user and secret) with the role Consumer in the project.
Quirks  No endpoint tells the plan or what of it is used: everything here is counted by queries, and is
        estimated. Days are the project's time zone's; late and imported events change old ones, so that the
        last five are asked for each time. Without `events` those that occurred in the last 31 days are
        counted, 255 at most. The Query API allows a project 60 queries an hour, five at a time: this asks two
        to eight every six hours. Not confirmed: what the answer holds where the plan has no API (402 is
        likely), whether 429 says when to ask again, that a bucket of 30 days ends today.
"""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._days import Zone, amounts, local_day
from advisor.collectors._pieces import Piece, together
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Quality, Reading
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Forbidden, Poll, Tier, Verified
from advisor.polling.fetch import basic, fetch, place

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "mixpanel"
METRICS = tuple(VOCABULARY[name] for name in ("events", "active_users"))
SCOPES = ("service account, role Consumer",)
# No budget: one is shared out by the quarter of an hour, and a tenth of 60 an hour is less than one poll.
INTERVAL = 6 * 3600.0
ABOUT = About(
    title="Mixpanel",
    access=(
        Access(Tier.NOTHING, "no account: plan in advisor.yaml", "the plan's allowance, for stated readings"),
        Access(
            Tier.READ,
            "a service account with the role Consumer in one project",
            "events by day, active users of one event",
            "every report and profile of that project",
        ),
    ),
    spec="mixpanel/query.openapi.yaml",
    open=(
        "what the answer is where the plan has no API",
        "whether 429 says when to ask again",
        "that a bucket of 30 days ends today",
    ),
    dashboard="https://mixpanel.com/settings/org/usage",
    delay="minutes; late events some days",
    connect=(
        "Open Organization Settings, Service Accounts; add one as Consumer of this project only.",
        "Put its user name and secret into `username:` and `secret:` as ${NAME}.",
        "Project Settings shows the project's id and time zone: `project:`, `zone:`.",
    ),
    example={
        "username": "advisor.1a2b.mp-service-account",
        "secret": "mixpanel_example_secret",
        "project": 12345,
        "active_event": "Opened",
    },
)

_HOSTS = {"us": "https://mixpanel.com", "eu": "https://eu.mixpanel.com", "in": "https://in.mixpanel.com"}
_MOST_NAMES = 255
_AT_ONCE = 50  # Names in one query, for they stand in its address.
_FIRST = timedelta(days=31)
_AGAIN = timedelta(days=5)
_ACTIVE = 30


class Settings(BaseModel):
    """What advisor.yaml says about a project at Mixpanel."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    username: str = Field(description="The service account's name.")
    secret: SecretStr = Field(description="Its secret.")
    project: int = Field(description="The project's id.")
    region: Literal["us", "eu", "in"] = Field("us", description="Where the data is.")
    zone: Zone = Field("UTC", description="The project's time zone, as its settings show it.")
    events: tuple[str, ...] = Field((), description="Names of events to count; empty: all that occur.")
    active_event: str = Field("", description="Whoever has this event counts as an active user.")
    base_url: str = Field("", description="Another address; empty: the region's.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return events by day, and who was active in 30 days.

    Raises:
        CollectError: Mixpanel cannot be reached or refuses, or nothing could be read.
    """
    kept = {key: poll.previous[key] for key in ("until",) if key in poll.previous}
    pieces = [Piece("events", partial(_events, poll, settings), ("events",), kept)]
    if settings.active_event:
        pieces.append(Piece("active users", partial(_active, poll, settings), ("active_users",)))
    answer = await together(pieces, at_once=1)
    if settings.active_event:
        return answer
    gap = Gap("active users", "no event stands for activity: name one as `active_event:`", ("active_users",))
    return Answer(answer.readings, answer.terms, [*answer.gaps, gap], answer.keep)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for one event's name; it costs one of the hour's 60 queries. The account's role is not told.

    Raises:
        CollectError: It is refused, or Mixpanel cannot be reached.
    """
    await _query(poll, settings, "events/names", {"type": "general", "limit": "1"})
    return Verified(f"project {settings.project}", SCOPES)


async def _query(poll: Poll, settings: Settings, path: str, query: Mapping[str, str]) -> Body:
    base = (settings.base_url or _HOSTS[settings.region]).rstrip("/")
    where = f"Mixpanel at {place(base)}"
    reply = await fetch(
        poll.http,
        f"{base}/api/query/{path}",
        where=where,
        now=poll.now,
        headers={"Authorization": basic(settings.username, settings.secret.get_secret_value())},
        params={"project_id": f"{settings.project}", **query},
        right="Consumer, in this project",
    )
    if reply.status == 402:
        raise Forbidden(f"{where} answered 402: the plan has no Query API; state readings by hand", "plan")
    return Body(reply.ok().json(), where)


async def _events(poll: Poll, settings: Settings) -> Answer:
    names, gaps = list(settings.events), []
    if not names:
        query = {"type": "general", "limit": f"{_MOST_NAMES}"}
        names = [name.text() for name in (await _query(poll, settings, "events/names", query)).each()]
        if len(names) >= _MOST_NAMES:
            why = (
                f"only the {_MOST_NAMES} most common events are counted; name those that matter as `events:`"
            )
            gaps.append(Gap("rarer events", why))
    today = local_day(poll.now, settings.zone)
    since = today - _FIRST
    if "until" in poll.previous:
        since = max(since, date.fromisoformat(poll.previous["until"]) - _AGAIN)
    days: dict[date, float] = {}
    span = {"from_date": f"{since}", "to_date": f"{today}", "unit": "day", "type": "general"}
    for first in range(0, len(names), _AT_ONCE):
        asked = json.dumps(names[first : first + _AT_ONCE])
        body = await _query(poll, settings, "events", {"event": asked, **span})
        for day, count in counted(body).items():
            days[day] = days.get(day, 0.0) + count
    readings = amounts("events", days, settings.zone, poll.now, Quality.ESTIMATED)
    return Answer(readings, gaps=gaps, keep={"until": f"{today}"})


def counted(body: Body) -> dict[date, float]:
    """Return the events of each day that the answer is about; a day without a count had none. Pure."""
    data = body["data"]
    days = {_day(one): 0.0 for one in data["series"].each()}
    by_event = dict(data["values"].items())
    for counts in by_event.values():
        for name, count in counts.items():
            day = _day(Body(name, count.where, count.path))
            days[day] = days.get(day, 0.0) + (count.number() or 0.0)
    return days


def _day(body: Body) -> date:
    return body.time().date()


async def _active(poll: Poll, settings: Settings) -> Answer:
    today = local_day(poll.now, settings.zone)
    query = {
        "event": settings.active_event,
        "from_date": f"{today - timedelta(days=_ACTIVE - 1)}",
        "to_date": f"{today}",
        "type": "unique",
        "interval": f"{_ACTIVE}",
    }
    users = active(await _query(poll, settings, "segmentation", query))
    if users is None:
        why = "the query gave no count: is `active_event` written as it is sent?"
        return Answer(gaps=[Gap("active users", why, ("active_users",))])
    return Answer([Reading("active_users", users, poll.now, quality=Quality.ESTIMATED)])


def active(body: Body) -> float | None:
    """Return the different users of the fullest bucket, None where there is none. Pure."""
    counts = [count.number() for _, buckets in body["data"]["values"].items() for _, count in buckets.items()]
    return max((count for count in counts if count is not None), default=None)
