"""Render: CPU, memory, disks, answers, bandwidth and restrictions of services, Postgres and Key Value.

API     GET /v1/metrics/<name> for each kind of value; GET /v1/services, /postgres, /key-value (by id, or
        listed by `cursor`) for size and standing; GET /v1/owners to verify.
Token   an API key of a user. There is no key that only reads: it sees and may change every workspace of that
        user.
Quirks  There is no bill, no plan of the workspace, no allowance and no price in the API: the plan is what
        advisor.yaml says. Every series names its unit, which is read and never assumed; one that is not
        known is a gap. Bandwidth comes by the hour, per service, and not for data stores, whose traffic is
        billed all the same. An empty list means that the value is not offered there. Too many points are
        answered with 500. History reaches 30 days back. No official description could be had: samples rest
        on the official client and its generated types. Not confirmed: whether a point's time is the start of
        its step (so here), whether cpu-limit and memory-limit are those of one instance (so here), which
        fields the labels have beyond `resource` and `instance`, the numbers of the rate limits.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from advisor.collectors._pieces import Piece, parsed, together
from advisor.collectors.render import inventory, series
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Reading
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Verified
from advisor.polling.fetch import get_json

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "render"
METRICS = tuple(
    VOCABULARY[name]
    for name in (
        "cpu", "memory", "disk_used", "disk_size", "instances", "connections", "replication_lag", "egress",
        "requests", "error_rate", "response_time", "restricted",
    )
)  # fmt: skip
SCOPES = ("API key",)
# No budget: Render answers with RateLimit-* headers, which are obeyed, and documents no numbers.
INTERVAL = 300.0
ABOUT = About(
    title="Render",
    access=(
        Access(
            Tier.PRIVILEGED,
            "API key",
            "sizes, standing and metrics of every service and data store",
            "everything its user may do in every workspace: deploy, delete, read variables and passwords",
        ),
    ),
    open=(
        "whether a point's time is the start of its step",
        "whether limits are those of one instance",
        "the numbers of the rate limits",
    ),
    dashboard="https://dashboard.render.com",
    delay="minutes; bandwidth an hour",
    connect=(
        "Invite a user of its own to the one workspace, and log in as it: the key can do what that user can.",
        "Open Account Settings, API Keys, and create one.",
        "Put it into `token:` as ${NAME}; the ids (srv-, dpg-, red-) stand in the dashboard's addresses.",
    ),
    example={"token": "rnd_example_token", "resource": ["srv-1", "dpg-1"]},
)

WHERE = "Render"
_MOST_PAGES = 50
_PAGE = 100
_MOST = 50  # Resources that are asked for at once.

_Id = Annotated[str, StringConstraints(pattern=r"^(srv|crn|dpg|red)-[A-Za-z0-9-]+$")]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) and value else value or []


class Settings(BaseModel):
    """What advisor.yaml says about services at Render."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="An API key.")
    resource: Annotated[tuple[_Id, ...], BeforeValidator(_listed)] = Field(
        (), description="One id or several: srv-..., dpg-... (Postgres), red-... (Key Value)."
    )
    owner: str = Field("", description="A workspace's id (tea-..., usr-...): all of its services.")
    base_url: str = Field("https://api.render.com", description="Another address of the API.")

    @model_validator(mode="after")
    def _names_something(self) -> "Settings":
        if bool(self.resource) is bool(self.owner):
            raise ValueError("name either `resource` (srv-..., dpg-..., red-...) or the workspace as `owner`")
        return self


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what the resources use now, and by step what is new since the last poll.

    Raises:
        CollectError: Render cannot be reached or refuses, or nothing could be read.
    """
    if settings.owner:
        listed, gaps = await _services(poll, settings)
    else:
        listed, gaps = [], []
    ids = [one.text("id") for one in listed] or list(settings.resource)
    if not ids:
        return Answer(gaps=[Gap("services", "the workspace has no service, or the key does not see it")])
    if len(ids) > _MOST:
        why = f"{len(ids) - _MOST} services are left out: a poll asks for {_MOST}; name them by `resource`"
        gaps.append(Gap("services", why))
        ids = ids[:_MOST]
    found = (
        parsed(lambda: inventory.standing(listed[:_MOST], poll.now))
        if listed
        else partial(_standing, poll, settings, ids)
    )
    services = [one for one in ids if one.startswith(("srv-", "crn-"))]
    pieces = [Piece("standing", found, ("restricted",))]
    pieces += [
        Piece(level.metric, partial(_level, poll, settings, level, asked), (level.metric,))
        for level in series.LEVELS
        if (asked := [one for one in ids if one.startswith(level.kinds)])
    ]
    kept: Mapping[str, float] = poll.previous.get("covered", {})
    pieces += [
        Piece(
            amount.key,
            partial(_amount, poll, settings, amount, services, kept.get(amount.key)),
            amount.metrics,
            {amount.key: kept[amount.key]} if amount.key in kept else {},
        )
        for amount in series.AMOUNTS
        if services
    ]
    answer = await together(pieces)
    return Answer(
        answer.readings, answer.terms, [*answer.gaps, *gaps], {"covered": dict(answer.keep)}, answer.evidence
    )


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask which workspaces the key sees; more than one is more than a stack needs."""
    body = await _get(poll, settings, "/owners", {"limit": str(_PAGE)})
    names = [one["owner"].text("name") for one in body.each()]
    return Verified(
        whose=", ".join(names),
        rights=("API key",),
        broad=tuple(f"workspace {name}" for name in names[1:]),
    )


async def _get(
    poll: Poll, settings: Settings, path: str, query: Mapping[str, str | Sequence[str]] | None = None
) -> Body:
    text = f"?{urlencode(query, doseq=True)}" if query else ""
    answer = await get_json(
        poll.http,
        f"{settings.base_url.rstrip('/')}/v1{path}{text}",
        where=WHERE,
        now=poll.now,
        headers={"Authorization": f"Bearer {settings.token.get_secret_value()}"},
        right="API key",
    )
    return Body(answer, WHERE)


async def _services(poll: Poll, settings: Settings) -> tuple[list[Body], list[Gap]]:
    """List the workspace's services: a page that is not full is the last."""
    found: list[Body] = []
    query = {"ownerId": settings.owner, "limit": str(_PAGE)}
    for _ in range(_MOST_PAGES):
        page = list((await _get(poll, settings, "/services", query)).each())
        found += [one["service"] for one in page]
        if len(page) < _PAGE:
            return found, []
        query["cursor"] = page[-1].text("cursor")
    why = f"the workspace has more than {_MOST_PAGES} pages of services; the rest is not seen"
    return found, [Gap("services", why)]


_KINDS = {"dpg": "postgres", "red": "key-value"}


async def _standing(poll: Poll, settings: Settings, ids: Sequence[str]) -> Answer:
    def path(one: str) -> str:
        return f"/{_KINDS.get(one.partition('-')[0], 'services')}/{quote(one, safe='')}"

    found = [await _get(poll, settings, path(one)) for one in ids]
    return inventory.standing(found, poll.now)


async def _level(poll: Poll, settings: Settings, level: series.Level, ids: Sequence[str]) -> Answer:
    query = {
        "resource": list(ids),
        "startTime": _stamp(poll.now - timedelta(minutes=15)),
        "endTime": _stamp(poll.now),
        "resolutionSeconds": "60",
    }
    value = await _get(poll, settings, f"/metrics/{level.name}", query)
    most = await _get(poll, settings, f"/metrics/{level.limit}", query) if level.limit else None
    return series.level(level, value, most)


async def _amount(
    poll: Poll, settings: Settings, amount: series.Amount, ids: Sequence[str], covered: float | None
) -> Answer:
    start, end = amount.span(poll.now, covered)
    if start >= end:
        return Answer(keep={amount.key: covered})
    query: dict[str, str | list[str]] = {
        "resource": list(ids),
        "startTime": _stamp(start),
        "endTime": _stamp(end),
        **amount.query,
    }
    found: list[Reading] = []
    gaps: list[Gap] = []
    for one in amount.ask:
        body = await _get(poll, settings, f"/metrics/{amount.name}", {**query, **one.query})
        answer = one.parse(body, amount.width, end)
        found += answer.readings
        gaps += answer.gaps
    return Answer(found, gaps=gaps, keep={amount.key: end.timestamp()})


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
