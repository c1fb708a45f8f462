"""Inngest: executions (runs and their steps), runs and failures by day.

API     GET /v1/prom/{environment}, Prometheus text with counters by day, on paid plans. Where that is
        refused, GET /v2/runs by cursor counts the runs since the last poll.
Token   the environment's signing key; Inngest has none that only reads.
Quirks  There is no public API for usage, plan or limits: the plan is what advisor.yaml says. One
        execution is a run or a step, and each is a request to your SDK, so that the requests that ended
        stand for `steps`, as an estimate. Counters carry the day as a label and end with it. The list of
        runs does not have their steps: it gives `invocations`, and `steps` only where `steps_per_run`
        says how many a run has, as an estimate. Events are not counted anywhere. Each environment is
        asked with its own key; the plan's allowance is for all of them. Insights (SQL) is in beta and its
        tables are not described, so it is not asked. The saved descriptions do not have the Prometheus
        endpoint, and that of /v2/runs is no OpenAPI: samples rest on the docs and on that file. Not
        confirmed: that days are UTC's, how retries and parallel steps are billed, rate limits, the plan's
        interval between new figures (15 minutes on some).
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._days import utc_day, utc_days
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Quality, Reading
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Unexpected, Verified
from advisor.polling.fetch import fetch
from advisor.polling.reply import Reply

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "inngest"
METRICS = tuple(VOCABULARY[name] for name in ("steps", "invocations", "error_rate"))
SCOPES: tuple[str, ...] = ("signing key",)
# No budget: Inngest documents no rate limits of its API; it recommends 30 s or more between scrapes.
INTERVAL = 300.0
ABOUT = About(
    title="Inngest",
    access=(
        Access(Tier.NOTHING, "no key: plan in advisor.yaml", "the plan's quotas, for stated readings"),
        Access(
            Tier.PRIVILEGED,
            "signing key",
            "executions, runs and failures by day (paid plans); runs counted one by one (all plans)",
            "everything in that environment: read runs and events, cancel and start runs, sign as Inngest",
        ),
    ),
    open=(
        "that days are UTC's",
        "how retries and parallel steps are billed",
        "the rate limits of the API",
    ),
    dashboard="https://app.inngest.com/billing/usage",
    delay="minutes; 15 on some plans",
    connect=(
        "Open Settings, Signing Key, of the environment, and copy the key (signkey-...).",
        "Put it into `token:` as ${NAME}, the environment's slug into `env:` (default: production).",
        "On the free plan, write `steps_per_run:`, how many steps a run has on average.",
    ),
    example={"token": "signkey-prod-example"},
)

WHERE = "Inngest"
_PAGES = 50
_PAGE = "100"
_DAY = timedelta(days=1)
_LINE = re.compile(r"(inngest_\w+)\{(.*)\}\s+(\S+)(?:\s+-?\d+)?\s*")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ENDED = "inngest_function_run_ended_total"
_STEPS = "inngest_sdk_req_ended_total"


class Settings(BaseModel):
    """What advisor.yaml says about an environment at Inngest."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="The environment's signing key.")
    env: str = Field("production", min_length=1, description="The environment's slug.")
    steps_per_run: float | None = Field(
        None, ge=0, description="Steps of a run on average; needed on the free plan only."
    )
    base_url: str = Field(
        "https://api.inngest.com", description="Another address of the API.", pattern="^https?://"
    )


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return executions, runs and failures by day, or where that is not offered the runs since the last poll.

    Raises:
        CollectError: Inngest cannot be reached or refuses.
    """
    reply = await _ask(poll, settings, f"/v1/prom/{quote(settings.env, safe='')}")
    if reply.status in {402, 403, 404}:
        return await _listed(poll, settings)
    answer = by_day(reply.ok().body.decode("utf-8", "replace"), poll.now)
    return Answer(answer.readings, gaps=answer.gaps, keep={})


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for the account of the key.

    Raises:
        CollectError: It is refused.
    """
    body = Body((await _ask(poll, settings, "/v2/account")).ok().json(), WHERE)
    return Verified(whose=body["data"].text("name"), rights=("signing key",))


async def _ask(poll: Poll, settings: Settings, path: str, **query: str) -> Reply:
    return await fetch(
        poll.http,
        settings.base_url.rstrip("/") + path,
        where=WHERE,
        now=poll.now,
        headers={"Authorization": f"Bearer {settings.token.get_secret_value()}"},
        params=query or None,
        right="signing key",
    )


def by_day(text: str, now: datetime) -> Answer:
    """Turn the counters into amounts of their day, the running one up to now. Pure.

    Raises:
        Unexpected: There is text, and no metric of Inngest in it.
    """
    totals: dict[tuple[str, datetime], float] = {}
    failed: dict[datetime, float] = {}
    known = False
    for line in text.splitlines():
        known = known or "inngest_" in line
        match = _LINE.fullmatch(line.strip())
        if match is None or match[1] not in {_ENDED, _STEPS}:
            continue
        labels = dict(_LABEL.findall(match[2]))
        day, value = _day(labels.get("date", "")), _number(match[3])
        if day is None or value is None or day >= now:
            continue
        key = (match[1], day)
        totals[key] = totals.get(key, 0.0) + value
        if match[1] == _ENDED and labels.get("status", "").casefold() == "failed":
            failed[day] = failed.get(day, 0.0) + value
    if text.strip() and not known:
        raise Unexpected(f"{WHERE} sent no metrics of its own: check `env:` and `base_url:`")
    readings = []
    for (name, day), value in sorted(totals.items()):
        end = min(day + _DAY, now)
        if name == _STEPS:
            readings.append(Reading("steps", value, end, day, quality=Quality.ESTIMATED))
        else:
            readings.append(Reading("invocations", value, end, day))
            readings.append(Reading("error_rate", failed.get(day, 0.0), end, day, of=value))
    gaps = []
    if not readings:
        why = "Inngest has no counters of runs yet; that is not zero"
        gaps.append(Gap("runs", why, tuple(metric.name for metric in METRICS)))
    return Answer([one for one in readings if one.of != 0], gaps=gaps)


def _day(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


async def _listed(poll: Poll, settings: Settings) -> Answer:
    """Count the runs that were queued since the last poll, the first time since midnight (UTC)."""
    since = utc_day(poll.now)
    last = poll.previous.get("listed")
    if last is not None and last["env"] == settings.env:
        # The free plan keeps runs for a day; what is older cannot be counted any more.
        since = max(datetime.fromisoformat(last["at"]), poll.now - _DAY)
    if since >= poll.now:
        return Answer(keep=poll.previous)
    query = {"limit": _PAGE, "from": _stamp(since), "until": _stamp(poll.now)}
    queued: list[datetime] = []
    gaps: list[Gap] = []
    for page in range(_PAGES + 1):
        if page == _PAGES:
            why = f"more than {_PAGES} pages of runs since the last poll; a shorter `interval:` avoids it"
            gaps.append(Gap("runs", why, ("invocations", "steps")))
            since = min(queued, default=since)
            break
        body = Body((await _ask(poll, settings, "/v2/runs", **query)).ok().json(), WHERE)
        queued += [one["queuedAt"].time() for one in body["data"].each()]
        cursor = body.get("page", "cursor")
        more = body.get("page", "hasMore")
        if more is None or more.value is not True or cursor is None:
            break
        query["cursor"] = cursor.text()
    if settings.steps_per_run is None:
        why = (
            "counters are for paid plans, and the list of runs does not have their steps: write "
            "`steps_per_run:`, how many a run has on average"
        )
        gaps.append(Gap("steps", why, ("steps",)))
    keep = {"listed": {"env": settings.env, "at": poll.now.isoformat()}}
    return Answer(runs(queued, since, poll.now, settings.steps_per_run), gaps=gaps, keep=keep)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def runs(
    queued: Sequence[datetime], since: datetime, now: datetime, steps_per_run: float | None
) -> list[Reading]:
    """Return the runs by UTC day from `since` to `now`, and their executions where steps are stated. Pure."""
    readings = []
    for start, end in utc_days(since, now):
        count = float(sum(start <= at < end for at in queued))
        readings.append(Reading("invocations", count, end, start))
        if steps_per_run is not None:
            steps = count * (1 + steps_per_run)
            readings.append(Reading("steps", steps, end, start, quality=Quality.ESTIMATED))
    return readings
