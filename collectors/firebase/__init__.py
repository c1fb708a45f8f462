"""Firebase Analytics, which is Google Analytics 4: active users of 30 days, events by day.

API     POST /v1beta/properties/{property}:runReport on analyticsdata.googleapis.com; with `key` first POST
        /token on oauth2.googleapis.com, signed with the key (RS256, in plain Python: no library is added).
Token   a service account that is Viewer of the property, scope analytics.readonly; or an access token of
        one's own, which lasts an hour.
Quirks  Numbers come as texts, days in the property's time zone, and are final after one to two days: until
        then they are estimated, as are those that Google sampled or held back for small groups. Active users
        of a range are counted once; days are never summed to them. Ad blockers and refused consent are not
        in them. Other products of Firebase (Firestore, Functions) are not read. There is no official
        description in a form that could be checked; samples rest on the docs and the public proto. Not
        confirmed: how late a day may still change.
"""

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from advisor.collectors._pieces import Piece, together
from advisor.collectors.firebase.assertion import BadKey, assertion, service_key
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Quality, Reading
from advisor.polling.body import Body
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    Budget,
    Poll,
    Tier,
    TokenRefused,
    Unexpected,
    Verified,
)
from advisor.polling.fetch import fetch

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "firebase"
METRICS = tuple(VOCABULARY[name] for name in ("active_users", "events"))
SCOPES = ("https://www.googleapis.com/auth/analytics.readonly",)
INTERVAL = 21600.0
ABOUT = About(
    title="Firebase Analytics (GA4)",
    access=(
        Access(Tier.NOTHING, "no key", "nothing is limited; users may be counted by SQL instead"),
        Access(
            Tier.READ,
            "a service account's key, Viewer of the property",
            "active users, events",
            "all reports of the property",
        ),
        Access(
            Tier.READ,
            "an access token with analytics.readonly",
            "the same for an hour, to try it",
            "all reports of the properties that its owner sees, for an hour",
        ),
    ),
    products=("firebase-analytics",),
    open=("how late a day may still change",),
    dashboard="https://analytics.google.com/",
    delay="one to two days",
    connect=(
        "In the Google Cloud console make a service account without roles, and a JSON key for it.",
        "Enable the Google Analytics Data API in that project.",
        "In Google Analytics, Admin, Property access, add the account's address as Viewer.",
        "Write the JSON as `key: file:/run/secrets/...`, and the property's number as `property:`.",
    ),
    example={"token": "ya29.example-token", "property": "123456789"},
    budget=Budget(4000, 3600, "property", "PropertyQuota: 40,000 tokens an hour, ten a report at most"),
)

_DATA = "https://analyticsdata.googleapis.com"
_OAUTH = "https://oauth2.googleapis.com"
_WHERE = "Google Analytics"
_FIRST, _AGAIN = 31, 3  # Days that a first poll takes, and that a later one asks again.
_FINAL = timedelta(days=2)


class Settings(BaseModel):
    """What advisor.yaml says about a property of Google Analytics 4."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    property: str = Field(description="The property's number.", pattern=r"^\d+$")
    key: SecretStr | None = Field(None, description="The JSON key of a service account.")
    token: SecretStr | None = Field(None, description="An access token instead; it lasts an hour.")
    base_url: str = Field(
        "", description="Another address, for both hosts; empty: Google's.", pattern="^(https?://.*)?$"
    )

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if self.key is None and self.token is None:
            raise ValueError("write `key:` (a service account's JSON), or `token:` to try it for an hour")
        return self


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return the active users of 30 days, and the events of the days that are new or may have changed.

    Raises:
        CollectError: Google cannot be reached or refuses, or nothing could be read.
    """
    token = await _token(poll, settings)
    return await together(
        [
            Piece("active users", lambda: _users(poll, settings, token), ("active_users",)),
            Piece("events", lambda: _events(poll, settings, token), ("events",), poll.previous),
        ]
    )


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for one number of yesterday. Whose an access token is is not told.

    Raises:
        CollectError: It is refused, or Google cannot be reached.
    """
    token = await _token(poll, settings)
    await _report(poll, settings, token, {"metrics": [{"name": "activeUsers"}], "dateRanges": [_range(1, 1)]})
    whose = service_key(settings.key.get_secret_value()).email if settings.key is not None else ""
    expires = None if settings.key is not None else poll.now + timedelta(hours=1)
    return Verified(whose, SCOPES, expires=expires)


def _base(settings: Settings, host: str) -> str:
    return (settings.base_url or host).rstrip("/")


async def _token(poll: Poll, settings: Settings) -> str:
    """Return an access token: the one that is given, else a new one. It is never kept."""
    if settings.key is None:
        return settings.token.get_secret_value() if settings.token is not None else ""
    try:
        key = service_key(settings.key.get_secret_value())
    except BadKey as error:
        raise TokenRefused(
            f"{_WHERE}: `key` is no service account's key ({error}); take the JSON as Google gave it"
        ) from None
    reply = await fetch(
        poll.http,
        f"{_base(settings, _OAUTH)}/token",
        where="Google's sign-in",
        now=poll.now,
        method="POST",
        form={
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": assertion(key, SCOPES[0], f"{_OAUTH}/token", poll.now),
        },
    )
    if reply.status == 400:  # invalid_grant: the key was deleted, or the clock is wrong.
        raise TokenRefused("Google's sign-in refuses `key`: it was deleted, or the clock here is wrong")
    return Body(reply.ok().json(), "Google's sign-in").text("access_token")


def _range(oldest: int, newest: int) -> dict[str, str]:
    names = {0: "today", 1: "yesterday"}
    return {
        "startDate": names.get(oldest, f"{oldest}daysAgo"),
        "endDate": names.get(newest, f"{newest}daysAgo"),
    }


async def _report(poll: Poll, settings: Settings, token: str, wanted: dict[str, Any]) -> Body:
    reply = await fetch(
        poll.http,
        f"{_base(settings, _DATA)}/v1beta/properties/{quote(settings.property, safe='')}:runReport",
        where=_WHERE,
        now=poll.now,
        method="POST",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        content=json.dumps(wanted).encode(),
        right="Viewer of the property",
    )
    if reply.status in {400, 404}:
        raise Unexpected(f"{_WHERE} knows no such report of property {settings.property}; check `property:`")
    return Body(reply.ok().json(), _WHERE)


async def _users(poll: Poll, settings: Settings, token: str) -> Answer:
    wanted = {"metrics": [{"name": "activeUsers"}], "dateRanges": [_range(30, 1)]}
    return users(await _report(poll, settings, token, wanted), poll.now)


async def _events(poll: Poll, settings: Settings, token: str) -> Answer:
    known = poll.previous.get("property") == settings.property
    last = datetime.fromisoformat(str(poll.previous["at"])) if known else None
    days = _FIRST if last is None else min(_FIRST, max(0, (poll.now - last).days) + _AGAIN)
    wanted = {
        "dimensions": [{"name": "date"}],
        "metrics": [{"name": "eventCount"}],
        "dateRanges": [_range(days, 0)],
        "orderBys": [{"dimension": {"dimensionName": "date"}}],
    }
    answer = events(await _report(poll, settings, token, wanted), poll.now)
    keep = {"property": settings.property, "at": poll.now.isoformat()}
    return Answer(answer.readings, gaps=answer.gaps, keep=keep)


def users(body: Body, now: datetime) -> Answer:
    """Return the users that were active in the last 30 whole days. Pure.

    No row is a gap: it also stands for fewer users than Google shows.
    """
    rows = body.get("rows")
    value = next((_value(row) for row in rows.each()), None) if rows is not None else None
    if value is None:
        why = "Google Analytics has no row for the last 30 days: no users yet, or too few to be shown"
        return Answer(gaps=[Gap("active users", why, ("active_users",))])
    return Answer([Reading("active_users", value, now, quality=_quality(body))])


def _value(row: Body) -> float | None:
    return next((one.number("value") for one in row["metricValues"].each()), None)


def _quality(body: Body) -> Quality:
    about = body.get("metadata")
    if about is None:
        return Quality.MEASURED
    held = about.get("subjectToThresholding")
    sampled = about.get("samplingMetadatas")
    if (held is not None and held.value is True) or (sampled is not None and any(sampled.each())):
        return Quality.ESTIMATED
    return Quality.MEASURED


def events(body: Body, now: datetime) -> Answer:
    """Return the events of each day in the property's zone; days that may still change are estimated. Pure.

    Raises:
        Unexpected: The zone is unknown, or a row has no date.
    """
    zone = _zone(body)
    quality = _quality(body)
    readings = []
    rows = body.get("rows")
    for row in rows.each() if rows is not None else ():
        day = _day(row)
        start = datetime.combine(day, time(), zone).astimezone(UTC)
        end = min(now, datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC))
        value = _value(row)
        if value is None or start >= end:
            continue
        final = end <= now - _FINAL
        readings.append(Reading("events", value, end, start, quality=quality if final else Quality.ESTIMATED))
    if readings:
        return Answer(readings)
    return Answer(gaps=[Gap("events", "Google Analytics has no row for these days", ("events",))])


def _zone(body: Body) -> ZoneInfo:
    said = body["metadata"]["timeZone"]
    try:
        return ZoneInfo(said.text())
    except (ZoneInfoNotFoundError, ValueError):
        raise said.unexpected("a time zone") from None


def _day(row: Body) -> date:
    for one in row["dimensionValues"].each():
        try:
            return datetime.strptime(one.text("value"), "%Y%m%d").replace(tzinfo=UTC).date()
        except ValueError:
            raise one["value"].unexpected("a day") from None
    raise row["dimensionValues"].unexpected("a list with a day")
