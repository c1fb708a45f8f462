"""Axiom: bytes loaded by dataset and hour, query compute, monitors, plan, allowances, the bill.

API     GET /v2/orgs (plan, allowances, billing period), GET /v2/monitors, and one APL query on the data set
        axiom-audit: POST /v1/datasets/_apl?format=tabular. The query's own headers tell what is left of the
        period's query compute.
Token   an advanced API token that may query axiom-audit and read monitors; the plan needs a personal access
        token of an owner (`xapt-`, with `org`), which may do everything.
Quirks  No endpoint tells usage. The audit log has what was loaded in each hour by data set, and keeps three
        days unless more is paid for: a longer silence of ours is lost, and said. GB are 2^30 bytes in Axiom's
        own examples; query compute is in GB-milliseconds in headers and GB-hours in the plan. Answers are
        column by column. The description types cells as objects, so that no real answer satisfies it: the
        query's sample is not held to it. Not confirmed: whether an hour's row stands in its own hour or at
        its end (it is taken as its own), which right of an API token shows the plan, how much is stored.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._pieces import Piece, together
from advisor.collectors._totals import grown
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Limit, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Forbidden, Poll, Tier, Unexpected, Verified
from advisor.polling.fetch import fetch, place
from advisor.polling.reply import Reply

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "axiom"
METRICS = tuple(VOCABULARY[name] for name in ("logs", "gb_hours", "monitors", "restricted"))
SCOPES = ("query axiom-audit", "monitors: read")
INTERVAL = 1800.0
ABOUT = About(
    title="Axiom",
    access=(
        Access(Tier.NOTHING, "no token: plan in advisor.yaml", "the plan's allowances, for stated readings"),
        Access(
            Tier.READ,
            "an advanced API token: query on axiom-audit, read on monitors",
            "bytes loaded, query compute, monitors",
            "who did what in the organisation within three days, and the monitors' queries",
        ),
        Access(
            Tier.PRIVILEGED,
            "a personal access token of an owner, and `org`",
            "plan, allowances, billing period, standing of the bill",
            "everything its owner may: reading and deleting all data and tokens",
        ),
    ),
    spec="axiom/v2.json",
    open=(
        "whether the audit log is open to an API token, or to an owner's token only",
        "which right of an API token shows the plan",
        "whether an hour's usage is dated in its hour or at its end",
        "how much is stored: no endpoint tells",
    ),
    dashboard="https://app.axiom.co/settings/usage",
    delay="an hour or two",
    connect=(
        "Open Settings, API tokens, and make an advanced token.",
        "Let it query the data set axiom-audit and read monitors, nothing else; give it an end.",
        "Put it into `token:` as ${NAME}.",
        "For plan and allowances only a personal token of an owner is known to do: Settings, Profile; then "
        "write the organisation's id as `org:`.",
    ),
    example={"token": "xapt-example-token", "org": "acme-x1y2"},
)

_GIB = 2**30
_GB_MS_PER_HOUR = 3.6e6
_HOUR = timedelta(hours=1)
_LONGEST = timedelta(days=400)  # Of a billing period.
_KEPT = timedelta(days=3)
_SETTLES = 3 * _HOUR
_SOURCE = "provider API: Axiom organisation"
_APL = (
    "['axiom-audit'] | where action == 'usageCalculated' "
    "| extend dataset = tostring(['properties.dataset']), bytes = tolong(['properties.hourlyIngestBytes']) "
    "| summarize bytes = sum(bytes) by bin(_time, 1h), dataset"
)


class Settings(BaseModel):
    """What advisor.yaml says about an organisation at Axiom."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="An advanced API token, or a personal access token of an owner.")
    org: str = Field("", description="The organisation's id; a personal access token needs it.")
    dataset: str = Field("", description="One data set; empty: all.")
    base_url: str = Field(
        "https://api.axiom.co", description="Another address of the API.", pattern="^https?://.*$"
    )


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return the hours that are new since the last poll, and what the organisation may and has.

    Raises:
        CollectError: Axiom cannot be reached or refuses, or nothing could be read.
    """
    kept = {key: poll.previous[key] for key in ("covered", "compute") if key in poll.previous}
    learnt, period = await _organisation(poll, settings)
    pieces = [
        Piece("monitors", lambda: _monitors(poll, settings), ("monitors",)),
        Piece("usage", lambda: _usage(poll, settings, kept, period), ("logs", "gb_hours"), kept),
    ]
    answer = await together(pieces)
    return Answer(
        [*learnt.readings, *answer.readings], learnt.terms, [*learnt.gaps, *answer.gaps], answer.keep
    )


async def _organisation(poll: Poll, settings: Settings) -> tuple[Answer, datetime | None]:
    why = "Axiom tells it to a personal access token only; state `plan:`"
    if _personal(settings):
        try:
            return org(await _get(poll, settings, "/v2/orgs"), settings.org, poll.now)
        except (Forbidden, Unexpected) as error:
            why = str(error)
    return Answer(gaps=[Gap("plan", why, ("restricted", "gb_hours"))]), None


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for monitors, or for the organisations where the token is a person's, which is more than is needed.

    Raises:
        CollectError: It is refused, or Axiom cannot be reached.
    """
    if not _personal(settings):
        await _get(poll, settings, "/v2/monitors")
        return Verified(rights=("monitors: read",))
    found = _chosen(await _get(poll, settings, "/v2/orgs"), settings.org)
    return Verified(
        found.text("name"), ("all that its owner may",), ("changing and deleting data, monitors and tokens",)
    )


def _personal(settings: Settings) -> bool:
    return settings.token.get_secret_value().startswith("xapt-")


async def _ask(poll: Poll, settings: Settings, path: str, right: str, body: Any = None) -> Reply:
    base = settings.base_url.rstrip("/")
    headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
    if settings.org and _personal(settings):
        headers["X-Axiom-Org-Id"] = settings.org
    if body is not None:
        headers["Content-Type"] = "application/json"
    reply = await fetch(
        poll.http,
        base + path,
        where=f"Axiom at {place(base)}",
        now=poll.now,
        method="GET" if body is None else "POST",
        headers=headers,
        content=None if body is None else json.dumps(body).encode(),
        right=right,
    )
    return reply.ok()


async def _get(poll: Poll, settings: Settings, path: str) -> Body:
    reply = await _ask(poll, settings, path, "monitors: read" if path.endswith("monitors") else "owner")
    return Body(reply.json(), reply.where)


async def _monitors(poll: Poll, settings: Settings) -> Answer:
    body = await _get(poll, settings, "/v2/monitors")
    return Answer([Reading("monitors", float(sum(1 for _ in body.each())), poll.now)])


async def _usage(
    poll: Poll, settings: Settings, before: Mapping[str, Any], period: datetime | None
) -> Answer:
    now = poll.now
    covered = datetime.fromisoformat(str(before["covered"])) if "covered" in before else None
    oldest = now - _KEPT
    start = oldest if covered is None else max(oldest, covered - _SETTLES)
    gaps = []
    if covered is not None and covered < oldest:
        gaps.append(
            Gap("usage", f"the audit log begins {oldest:%Y-%m-%d %H:%M} UTC; before it is lost", ("logs",))
        )
    start = start.replace(minute=0, second=0, microsecond=0)
    wanted = {"apl": _APL, "startTime": f"{start:%Y-%m-%dT%H:%M:%SZ}", "endTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    path = "/v1/datasets/_apl?format=tabular"
    reply = await _ask(poll, settings, path, "query axiom-audit", wanted)
    body = Body(reply.json(), reply.where)
    readings = loaded(body, settings.dataset, now)
    keep: dict[str, Any] = dict(before)
    if body["status"]["isPartial"].value is True:
        gaps.append(Gap("usage", "Axiom said that the answer is partial; it is asked again", ("logs",)))
    else:
        keep["covered"] = now.isoformat()
    spent = _spent(reply)
    if spent is not None and period is not None:
        more, keep["compute"] = grown("gb_hours", spent, period, now, before.get("compute", {}))
        readings += more
    return Answer(readings, gaps=gaps, keep=keep)


def _spent(reply: Reply) -> float | None:
    """Return the GB-hours of query compute of this period, as the answer's headers tell them."""
    try:
        limit, left = (float(reply.headers[f"x-querylimit-{what}"]) for what in ("limit", "remaining"))
    except (KeyError, ValueError):
        return None
    return max(0.0, limit - left) / _GB_MS_PER_HOUR if limit > 0 else None


def loaded(body: Body, dataset: str, now: datetime) -> list[Reading]:
    """Return the bytes loaded by hour and data set; an hour that still runs ends now. Pure.

    Raises:
        Unexpected: It is no table of `_time`, `dataset` and `bytes`.
    """
    tables = [table for table in body["tables"].each() if table.text("name") != "_totals"]
    if not tables:
        return []
    names = [one.text("name") for one in tables[0]["fields"].each()]
    columns = dict(zip(names, (list(column.each()) for column in tables[0]["columns"].each()), strict=False))
    for name in ("_time", "dataset", "bytes"):
        if name not in columns:
            raise Unexpected(f"{body.where}: `tables[0].fields` has no `{name}`")
    readings = []
    for at, of, size in zip(columns["_time"], columns["dataset"], columns["bytes"], strict=False):
        start, part, value = at.time(), "" if of.value is None else of.text(), size.number()
        if value is not None and start < now and (not dataset or part == dataset):
            readings.append(Reading("logs", value, min(start + _HOUR, now), start, part=part))
    return readings


def _chosen(body: Body, wanted: str) -> Body:
    found = list(body.each())
    fitting = [one for one in found if one.text("id") == wanted] if wanted else found
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(one.text("id") for one in found) or "none"
    raise Unexpected(f"{body.where}: which organisation? Write one of these as `org:`: {names}")


def org(body: Body, wanted: str, now: datetime) -> tuple[Answer, datetime | None]:
    """Return plan, allowances and standing of an organisation, and when its billing period began. Pure.

    An allowance of 0 is left out: nobody says whether it is none or no limit. A period may have no beginning
    (not there, or the year 1).
    """
    found = _chosen(body, wanted)
    licence = found["license"]
    terms = [Term("plan", _PLANS.get(found.text("plan"), found.text("plan")), _SOURCE, now)]
    for key, metric, factor, part in _ALLOWANCES:
        value = licence.number(key)
        if value:
            terms.append(Term("limit", value * factor, _SOURCE, now, metric, Limit.QUOTA, part))
    status, begun = found.get("paymentStatus"), licence.get("billingPeriodStart")
    period = begun.time() if begun is not None else None
    blocked = [Reading("restricted", float(status.text() == "blocked"), now)] if status is not None else []
    return Answer(blocked, terms), period if period is not None and period > now - _LONGEST else None


_PLANS = {"axiomCloud": "axiom-cloud"}
_ALLOWANCES = (
    ("monthlyIngestGb", "logs", _GIB, "month"),
    ("monthlyQueryGbHours", "gb_hours", 1, "month"),
    ("storageAllowanceGB", "storage", _GIB, ""),
    ("maxUsers", "seats", 1, ""),
    ("maxMonitors", "monitors", 1, ""),
)
