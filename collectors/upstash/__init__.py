"""Upstash Redis: commands, reads and writes a day, bytes sent, storage, connections, plan and limits.

API     GET /v2/redis/databases (all, unpaged), then /v2/redis/stats/{id} of each that is watched.
Token   e-mail and API key of the account (HTTP Basic), not the database's own token. The key may change and
        delete databases; whether a read-only one exists is not confirmed.
Quirks  The list of databases may carry their passwords: nothing of it is kept but names, plan, state and
        limits. Points in time are written as Go prints them. Amounts are those of the running UTC day; days
        before come from the daily series, where Upstash has them (about a week), as estimates, and so does
        what the month had before these, which the first poll takes from the month's total. Reads and writes
        have no such series, so that the last minutes of their day may be missing. Where eviction is on, a
        full database drops keys instead of refusing writes. A limit of more than 10¹⁵ is none.
        Not confirmed: the unit of latencies (left out), the zone of days (UTC is taken), whether bytes
        written to other regions count, rate limits of the API.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._days import utc_day, utc_month
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Limit, Quality, Reading, Term
from advisor.errors import InputError
from advisor.polling.body import Body
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    Budget,
    Forbidden,
    Poll,
    Tier,
    Unexpected,
    Verified,
)
from advisor.polling.fetch import basic, get_json

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "upstash"
METRICS = tuple(
    VOCABULARY[name]
    for name in (
        "commands",
        "reads",
        "writes",
        "egress",
        "storage",
        "connections",
        "cache_hit_rate",
        "restricted",
    )
)
SCOPES = ("Developer API key",)
INTERVAL = 900.0
ABOUT = About(
    title="Upstash",
    access=(
        Access(
            Tier.PRIVILEGED,
            "Developer API key",
            "commands, bandwidth, storage, plan and limits of every database",
            "reading passwords, changing plans and deleting databases: keep it where few can read it",
        ),
    ),
    spec="upstash/developer-api-openapi.yml",
    open=("the unit of latencies", "the zone of a day", "rate limits of the API"),
    dashboard="https://console.upstash.com/redis",
    delay="a few minutes",
    connect=(
        "Open the console, Account, Management API, Create API key.",
        "Put the e-mail of the account into `email:` and the key into `api_key:` as ${NAME}.",
    ),
    example={"email": "ops@example.com", "api_key": "upstash_example_key", "database": "cache"},
    budget=Budget(60, 60.0, "account", "none is documented; this one is careful"),
)

_WHERE = "Upstash"
_NO_LIMIT = 1e15
_MOST = 50  #: Databases of one poll.


class Settings(BaseModel):
    """What advisor.yaml says about a database at Upstash."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    email: str = Field(description="The e-mail of the account, the user's name of the API.")
    api_key: SecretStr = Field(description="The account's API key.")
    database: str = Field("", description="Name or id of the database; empty: all of the account.")
    base_url: str = Field("https://api.upstash.com", description="Another address of the API.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what the database used today, and its plan and limits.

    Raises:
        CollectError: Upstash cannot be reached or refuses, or no database could be read.
        InputError: There is no database of that name.
    """
    chosen = _chosen(await _get(poll, settings, "/v2/redis/databases"), settings.database)
    readings: list[Reading] = []
    terms: list[Term] = []
    gaps: list[Gap] = []
    failed: Forbidden | Unexpected | None = None
    alone = len(chosen) == 1
    month = f"{poll.now.astimezone(UTC):%Y-%m}"
    begun: dict[str, str] = {}
    for database in chosen[:_MOST]:
        part = "" if alone else database.text("database_name")
        readings += state(database, part, poll.now)
        if alone:
            terms += limits(database, poll.now)
        name = database.text("database_id")
        known = poll.previous.get("month", {}).get(name, "")
        try:
            body = await _get(poll, settings, f"/v2/redis/stats/{quote(name)}")
            found = stats(body, part, poll.now)
            readings += found if known else [*found, *earlier(body, found, part, poll.now)]
            begun[name] = known or month
        except (Forbidden, Unexpected) as error:
            begun |= {name: known} if known else {}
            failed = error
            gaps.append(Gap(f"usage of {database.text('database_name')}", str(error)))
    if failed is not None and len(gaps) == len(chosen):
        raise failed
    if len(chosen) > _MOST:
        gaps.append(
            Gap("databases", f"{_WHERE}: {len(chosen)} databases, of which {_MOST} are asked; name one")
        )
    return Answer(readings, terms, gaps, {"month": begun})


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Return that the key is good, and that it may more than we need.

    Raises:
        CollectError: It is refused, or Upstash cannot be reached.
    """
    await _get(poll, settings, "/v2/redis/databases")
    return Verified(settings.email, SCOPES, ("changing and deleting databases",))


async def _get(poll: Poll, settings: Settings, path: str) -> Body:
    url = f"{settings.base_url.rstrip('/')}{path}"
    headers = {"Authorization": basic(settings.email, settings.api_key.get_secret_value())}
    got = await get_json(poll.http, url, where=_WHERE, now=poll.now, headers=headers, right=SCOPES[0])
    return Body(got, _WHERE)


def _chosen(databases: Body, name: str) -> list[Body]:
    found = list(databases.each())
    if not name:
        return found
    fitting = [one for one in found if name in (one.text("database_id"), one.text("database_name"))]
    if not fitting:
        raise InputError(
            f"{_WHERE} has no database of that name that this key sees; a team's need its own key",
            key="database",
        )
    return fitting[:1]


def state(database: Body, part: str, now: datetime) -> list[Reading]:
    """Return whether a database is suspended. Pure."""
    found = database.get("state")
    return (
        [] if found is None else [Reading("restricted", float(found.text() == "suspended"), now, part=part)]
    )


def limits(database: Body, now: datetime) -> list[Term]:
    """Return plan and limits as the database itself tells them. Pure."""
    terms = []
    plan = database.get("type")
    if plan is not None:
        terms.append(Term("plan", plan.text(), "provider API", now))
    for key, metric, limit, period in (
        ("db_request_limit", "commands", Limit.QUOTA, "month"),
        ("db_disk_threshold", "storage", Limit.QUOTA, ""),
        ("db_max_clients", "connections", Limit.MAX, ""),
    ):
        value = database.number(key)
        if value is not None:
            most = None if value > _NO_LIMIT else value
            terms.append(Term("limit", most, "provider API", now, metric, limit, period))
    return terms


#: A metric with its total of the day, its series by day, and its total of the month.
_AMOUNTS = (
    ("commands", "daily_net_commands", "dailyrequests", "total_monthly_requests"),
    ("reads", "daily_read_requests", "", "total_monthly_read_requests"),
    ("writes", "daily_write_requests", "", "total_monthly_write_requests"),
    ("egress", "dailybandwidth", "bandwidths", "total_monthly_bandwidth"),
)


def earlier(body: Body, found: Iterable[Reading], part: str, now: datetime) -> list[Reading]:
    """Return what the month had before the days that were `found`: the rest of its total, estimated. Pure."""
    month = utc_month(now)
    readings = []
    for metric, _, _, key in _AMOUNTS:
        total = body.number(key)
        days = [
            (one.since, one.value)
            for one in found
            if one.metric == metric and one.since is not None and one.since >= month
        ]
        if total is None or not days:
            continue
        first = min(since for since, _ in days)
        rest = max(total - sum(value for _, value in days), 0.0)
        if first > month:
            readings.append(Reading(metric, rest, first, month, part, quality=Quality.ESTIMATED))
    return readings


def stats(body: Body, part: str, now: datetime) -> list[Reading]:
    """Turn `/redis/stats` into readings. Pure."""
    today = utc_day(now)
    readings = []
    for metric, key, series, _ in _AMOUNTS:
        value = body.number(key)
        if value is not None and today < now:
            readings.append(Reading(metric, value, now, today, part))
        for at, past in points(body, series) if series else ():
            day = utc_day(at)
            if day < today:
                end = day + timedelta(days=1)
                readings.append(Reading(metric, past, end, day, part, quality=Quality.ESTIMATED))
    stored = body.number("current_storage")
    if stored is not None:
        readings.append(Reading("storage", stored, now, part=part))
    open_now = list(points(body, "connection_count"))
    if open_now:
        at, count = max(open_now)
        readings.append(Reading("connections", count, min(at, now), part=part))
    readings += _hit_rate(list(points(body, "hits")), list(points(body, "misses")), part, now)
    return readings


def _hit_rate(
    hits: list[tuple[datetime, float]], misses: list[tuple[datetime, float]], part: str, now: datetime
) -> Iterable[Reading]:
    """Yield the hits over all, of the moments that both series have."""
    missed = dict(misses)
    both = [(at, hit, missed[at]) for at, hit in hits if at in missed]
    whole = sum(hit + miss for _, hit, miss in both)
    if len(both) > 1 and whole > 0:
        since, end = min(both)[0], min(max(both)[0], now)
        value = sum(hit for _, hit, _ in both)
        if since < end:
            yield Reading("cache_hit_rate", value, end, since, part, of=whole, quality=Quality.ESTIMATED)


def points(body: Body, name: str) -> Iterable[tuple[datetime, float]]:
    """Yield the points of a series, whose times are as Go prints them; one without a value is left out.

    Raises:
        Unexpected: A time is written in another way.
    """
    series = body.get(name)
    for point in series.each() if series is not None else ():
        value = point.number("y")
        written = point["x"]
        try:
            clock, zone = written.text()[:19], written.text().partition(" ")[2].split(" ")[1]
            at = datetime.strptime(f"{clock} {zone}", "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
        except (ValueError, IndexError):
            raise written.unexpected("a time such as 2026-11-21 10:59:23.4 +0000 UTC") from None
        if value is not None:
            yield at, value
