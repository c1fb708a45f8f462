"""Amplitude: events by day and active users of a project, counted by its Dashboard REST API.

API     GET /api/2/events/segmentation (totals of any event by day), GET /api/2/users (active users by month).
        Hosts amplitude.com and analytics.eu.amplitude.com; analytics.amplitude.com is the web app's.
Token   the project's API key and secret key.
Quirks  No endpoint tells the plan or what of it is used: everything here is counted by queries, and is
        estimated. Days are the project's time zone's; the day that runs is a part of one, late events change
        old days, so that the last three are asked each time. Users come by calendar month, not by 30 days:
        of the two months that the last 30 days touch the larger count is taken, and both together are the
        most that there can be. A query costs its days times its conditions, of 1,000 in five minutes and
        108,000 an hour. There is no official description; samples rest on the page "Dashboard REST API". Not
        confirmed: whether the first month's count starts with the day that was asked for, whether `_all` has
        events that are not billed.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._days import Zone, amounts, local_day
from advisor.collectors._pieces import Piece, together
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Quality, Reading
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Budget, Poll, Tier, Unexpected, Verified
from advisor.polling.fetch import basic, get_json, place

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "amplitude"
METRICS = tuple(VOCABULARY[name] for name in ("events", "active_users"))
SCOPES = ("API key and secret key",)
INTERVAL = 6 * 3600.0
ABOUT = About(
    title="Amplitude",
    access=(
        Access(Tier.NOTHING, "no key: plan in advisor.yaml", "the plan's allowance, for stated readings"),
        Access(
            Tier.PRIVILEGED,
            "the project's API key and secret key",
            "events by day, active users",
            "everything in that project: export of all events and users, sending and deleting data",
        ),
    ),
    open=(
        "whether the first month's count starts with the day that was asked for",
        "whether `_all` has events that are not billed",
    ),
    dashboard="https://app.amplitude.com/analytics/settings/plans-billing",
    delay="minutes; late events some days",
    connect=(
        "Open Settings, Organization settings, Projects, and choose the project.",
        "Put its API Key and Secret Key into `api_key:` and `secret_key:` as ${NAME}.",
        "There is no pair that only reads: if that is too much, state readings by hand instead.",
        "The same page shows the time zone: `zone:`. Is the data in the EU? Write `region: eu`.",
    ),
    example={"api_key": "amplitude_example_key", "secret_key": "amplitude_example_secret"},
    # 1,000 cost in five minutes, and the longest query costs its 31 days.
    budget=Budget(32, 300, "project", "docs, Dashboard REST API: rate limits"),
)

_HOSTS = {"us": "https://amplitude.com", "eu": "https://analytics.eu.amplitude.com"}
_FIRST = timedelta(days=30)
_AGAIN = timedelta(days=3)
_ACTIVE = 30


class Settings(BaseModel):
    """What advisor.yaml says about a project at Amplitude."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr = Field(description="The project's API key.")
    secret_key: SecretStr = Field(description="The project's secret key.")
    region: Literal["us", "eu"] = Field("us", description="Where the data is.")
    zone: Zone = Field("UTC", description="The project's time zone, as its settings show it.")
    base_url: str = Field("", description="Another address; empty: the region's.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return events by day, and who was active lately.

    Raises:
        CollectError: Amplitude cannot be reached or refuses, or nothing could be read.
    """
    kept = {key: poll.previous[key] for key in ("until",) if key in poll.previous}
    return await together(
        [
            Piece("events", partial(_events, poll, settings), ("events",), kept),
            Piece("active users", partial(_active, poll, settings), ("active_users",)),
        ],
        at_once=1,
    )


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for today's active users. Whose project it is is not told.

    Raises:
        CollectError: The keys are refused, or Amplitude cannot be reached.
    """
    today = f"{local_day(poll.now, settings.zone):%Y%m%d}"
    await _ask(poll, settings, "users", {"start": today, "end": today, "m": "active", "i": "1"})
    return Verified(
        "a project", SCOPES, ("export of all events, sending and deleting data: no pair has less",)
    )


async def _ask(poll: Poll, settings: Settings, path: str, query: Mapping[str, str]) -> Body:
    base = (settings.base_url or _HOSTS[settings.region]).rstrip("/")
    where = f"Amplitude at {place(base)}"
    pair = basic(settings.api_key.get_secret_value(), settings.secret_key.get_secret_value())
    headers = {"Authorization": pair}
    url = f"{base}/api/2/{path}"
    return Body(
        await get_json(poll.http, url, where=where, now=poll.now, headers=headers, params=query), where
    )


async def _events(poll: Poll, settings: Settings) -> Answer:
    today = local_day(poll.now, settings.zone)
    since = today - _FIRST
    if "until" in poll.previous:
        since = max(since, date.fromisoformat(poll.previous["until"]) - _AGAIN)
    query = {
        "e": json.dumps({"event_type": "_all"}),
        "m": "totals",
        "i": "1",
        "start": f"{since:%Y%m%d}",
        "end": f"{today:%Y%m%d}",
    }
    days = series(await _ask(poll, settings, "events/segmentation", query))
    readings = amounts("events", days, settings.zone, poll.now, Quality.ESTIMATED)
    return Answer(readings, keep={"until": f"{today}"})


async def _active(poll: Poll, settings: Settings) -> Answer:
    today = local_day(poll.now, settings.zone)
    start = today - timedelta(days=_ACTIVE - 1)
    query = {"start": f"{start:%Y%m%d}", "end": f"{today:%Y%m%d}", "m": "active", "i": "30"}
    reading = active(await _ask(poll, settings, "users", query), poll.now)
    if reading is None:
        return Answer(
            gaps=[Gap("active users", "Amplitude told no month, which is not zero", ("active_users",))]
        )
    return Answer([reading])


def active(body: Body, now: datetime) -> Reading | None:
    """Return the active users of the larger month, at most those of all together; None of none. Pure."""
    months = series(body).values()
    if not months:
        return None
    low, high = max(months), sum(months)
    return Reading("active_users", low, now, low=low, high=high, quality=Quality.ESTIMATED)


def series(body: Body) -> dict[date, float]:
    """Return the values of all series by their dates; a null is none. Pure."""
    data = body["data"]
    dates = [_date(one) for one in data["xValues"].each()]
    found: dict[date, float] = {}
    for line in data["series"].each():
        values = list(line.each())
        if len(values) != len(dates):
            raise Unexpected(f"{line.where}: `{line.path}` has {len(values)} values for {len(dates)} dates")
        for day, value in zip(dates, values, strict=True):
            number = value.number()
            if number is not None:
                found[day] = found.get(day, 0.0) + number
    return found


def _date(body: Body) -> date:
    return body.time().date()
