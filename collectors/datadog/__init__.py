"""Datadog: hosts by the hour and bytes of log, as its usage metering has them.

API     GET /api/v2/usage/hourly_usage for the product families infra_hosts and logs, pages by
        `page[next_record_id]`. Hosts by site: api.datadoghq.com, api.datadoghq.eu, api.us3.datadoghq.com, ...
Token   an API key, and an application key with the scope usage_read.
Quirks  Use is up to 72 hours late, so that the last three days are asked for each time; null is not zero.
        Hosts bill by the 99th percentile of the month's hourly counts: they are told as they are, hour by
        hour, and never added up; a host in two regions counts in each. Free organisations have no usage API.
        Of several organisations a day can be asked at a time, so that with `children` four days are read at
        most. What is committed to, the plan and limits are not told; estimated cost is for parent
        organisations alone, and its unit nobody confirmed: it is not read. Not confirmed: which rate limit
        usage metering has (its headers are obeyed), that a host's hour is UTC's everywhere. The official
        description of version 2 could not be had; samples rest on the reference page and the official client.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Reading
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Unexpected, Verified
from advisor.polling.fetch import fetch, place

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "datadog"
METRICS = tuple(VOCABULARY[name] for name in ("instances", "logs"))
SCOPES = ("usage_read",)
# A day: readings stay fresh for three, as late as they come.
INTERVAL = 86400.0
ABOUT = About(
    title="Datadog",
    access=(
        Access(Tier.NOTHING, "no key: plan in advisor.yaml", "the plan's price, for stated readings"),
        Access(
            Tier.READ,
            "usage_read, of an application key, and an API key",
            "hosts by the hour, bytes of log",
            "what the organisation uses of each product; the API key alone can send data",
        ),
    ),
    open=("the rate limit of usage metering", "that a host's hour is UTC's everywhere"),
    dashboard="https://app.datadoghq.com/billing/usage",
    delay="up to 72 hours",
    connect=(
        "Add a service account whose role has Usage Read alone: Organization Settings, Service Accounts.",
        "Make an application key for it, with the scope usage_read.",
        "Put it into `app_key:` and an API key into `api_key:` as ${NAME}.",
        "Write the site that stands in your dashboard's address: `site: datadoghq.eu`.",
    ),
    example={"api_key": "datadog_example_api_key", "app_key": "datadog_example_app_key"},
)

_HOUR = timedelta(hours=1)
_LATE = timedelta(days=3)
_FIRST = timedelta(days=31)
_FAMILIES = "infra_hosts,logs"
_PAGE = 500
_MOST_PAGES = 20
_HOSTS = "host_count"
_LOGS = ("billable_ingested_bytes", "ingested_events_bytes")  # The first that is told.

Site = Literal[
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "datadoghq.eu",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "uk1.datadoghq.com",
    "ddog-gov.com",
]


class Settings(BaseModel):
    """What advisor.yaml says about an organisation at Datadog."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr = Field(description="An API key of the organisation.")
    app_key: SecretStr = Field(description="An application key with usage_read.")
    site: Site = Field("datadoghq.com", description="The site, as it stands in the dashboard's address.")
    children: bool = Field(False, description="Whether child organisations are counted in (of the parent).")
    base_url: str = Field("", description="Another address of the API; empty: the site's.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return the hours that are new or may have changed.

    Raises:
        CollectError: Datadog cannot be reached or refuses.
    """
    end = poll.now.replace(minute=0, second=0, microsecond=0)
    since = end - _LATE - timedelta(days=1) if settings.children else end - _FIRST
    if "until" in poll.previous:
        since = max(since, datetime.fromisoformat(poll.previous["until"]) - _LATE)
    hours: dict[datetime, Hour] = {}
    step = timedelta(days=1) if settings.children else end - since
    gaps: list[Gap] = []
    start = since
    while start < end and not gaps:
        query = _query(start, min(start + step, end), settings)
        for _ in range(_MOST_PAGES):
            body = await _ask(poll, settings, query)
            add(body, hours)
            following = body.get("meta", "pagination", "next_record_id")
            if following is None:
                break
            query = {**query, "page[next_record_id]": following.text()}
        else:
            why = f"there are more than {_MOST_PAGES} pages from {start:%Y-%m-%d} on: the rest is not read"
            gaps.append(Gap("later hours", why))
            hours.pop(max(hours), None)  # Some organisations of it may be missing.
        start += step
    answer = readings(hours, poll.now)
    return Answer(answer.readings, gaps=[*answer.gaps, *gaps], keep={"until": end.isoformat()})


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for one hour of hosts: usage metering has no smaller question.

    Raises:
        CollectError: The keys are refused or lack usage_read, or Datadog cannot be reached.
    """
    end = poll.now.replace(minute=0, second=0, microsecond=0) - _LATE
    query = _query(end - _HOUR, end, settings) | {"filter[product_families]": "infra_hosts"}
    rows = list((await _ask(poll, settings, query))["data"].each())
    name = rows[0].get("attributes", "org_name") if rows else None
    return Verified("" if name is None else name.text(), SCOPES)


def _query(since: datetime, until: datetime, settings: Settings) -> dict[str, str]:
    query = {
        "filter[timestamp][start]": f"{since:%Y-%m-%dT%H}",
        "filter[timestamp][end]": f"{until:%Y-%m-%dT%H}",
        "filter[product_families]": _FAMILIES,
        "page[limit]": f"{_PAGE}",
    }
    return query | {"filter[include_descendants]": "true"} if settings.children else query


async def _ask(poll: Poll, settings: Settings, query: Mapping[str, str]) -> Body:
    base = (settings.base_url or f"https://api.{settings.site}").rstrip("/")
    where = f"Datadog at {place(base)}"
    headers = {
        "DD-API-KEY": settings.api_key.get_secret_value(),
        "DD-APPLICATION-KEY": settings.app_key.get_secret_value(),
        "Accept": "application/json;datetime-format=rfc3339",
    }
    url = f"{base}/api/v2/usage/hourly_usage"
    right = "usage_read, with keys of this site and of a paid plan"
    reply = await fetch(poll.http, url, where=where, now=poll.now, headers=headers, params=query, right=right)
    if reply.status == 400:
        raise Unexpected(f"{where} answered 400: leave `children` out where the keys are no parent's")
    return Body(reply.ok().json(), where)


@dataclass(slots=True)
class Hour:
    """What was used in an hour, over organisations and regions; None where none told it."""

    hosts: float | None = None
    logs: float | None = None


def add(body: Body, hours: dict[datetime, Hour]) -> None:
    """Add a page to `hours`, by the hour's beginning. Pure but for that."""
    for row in body["data"].each():
        attributes = row["attributes"]
        told = {
            one.text("usage_type"): value
            for one in attributes["measurements"].each()
            if (value := one.number("value")) is not None
        }
        family = attributes.text("product_family")
        hour = hours.setdefault(attributes.time("timestamp"), Hour())
        if family == "infra_hosts" and _HOSTS in told:
            hour.hosts = (hour.hosts or 0.0) + told[_HOSTS]
        size = next((told[name] for name in _LOGS if name in told), None)
        if family == "logs" and size is not None:
            hour.logs = (hour.logs or 0.0) + size


def readings(hours: Mapping[datetime, Hour], now: datetime) -> Answer:
    """Return hosts as of each hour's end and the bytes of log in it. Pure."""
    found, gaps = [], []
    for start, hour in sorted(hours.items()):
        end = min(start + _HOUR, now)
        if start >= now:
            continue
        if hour.hosts is not None:
            found.append(Reading("instances", hour.hosts, end))
        if hour.logs is not None:
            found.append(Reading("logs", hour.logs, end, start))
    for metric in ("instances", "logs"):
        if not any(one.metric == metric for one in found):
            why = "Datadog tells none of the hours asked for, which is not zero: the product may not be used"
            gaps.append(Gap(metric, why, (metric,)))
    return Answer(found, gaps=gaps)
