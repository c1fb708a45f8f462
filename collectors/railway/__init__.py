"""Railway: CPU, memory, volumes, traffic, answers and cost, of a project, an environment or a service.

API     POST /graphql/v2 on backboard.railway.com: workspace, usage, metrics, environment,
        httpDurationMetrics, httpMetricsGroupedByStatus.
Token   workspace token (Bearer); a project token (a header of its own) sees one environment, no workspace.
Quirks  Errors come with status 200. The same measurement is GB-minutes in usage() and GB in metrics().
        usage() reaches 90 days back and has no steps: what the billing period has used so far is a counter
        here, read at each poll. `currentUsage` is the workspace's, in dollars, and cached. What a project or
        service costs is estimated from its usage at list price; the subscription is not in it, and a bill is
        the larger of the two. Durations are milliseconds. Live values are those of all replicas of a service
        together. Not confirmed: whether GB is 10⁹ or 2³⁰ bytes (10⁹ here), whether a sample's time is the
        start of its step (so here), what `hasExhaustedFreePlan` means beyond its name, whether the ids of
        deleted services stay in usage(), the shape of subscriptionPlanLimit (not read).
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from advisor.collectors._pieces import Piece, together
from advisor.collectors.railway import bill, live, queries
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap
from advisor.polling import graphql
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

__all__ = [
    "ABOUT",
    "INTERVAL",
    "METRICS",
    "PROVIDER",
    "SCOPES",
    "Settings",
    "collect",
    "verify",
]

PROVIDER = "railway"
METRICS = tuple(
    VOCABULARY[name]
    for name in (
        "cpu", "memory", "disk_used", "disk_size", "instances", "egress", "compute_hours", "gb_hours", "cost",
        "requests", "error_rate", "response_time", "restricted",
    )
)  # fmt: skip
SCOPES = ("workspace token",)
INTERVAL = 600.0
ABOUT = About(
    title="Railway",
    access=(
        Access(
            Tier.READ,
            "project token",
            "live metrics, answers and usage of one environment; no plan, no bill",
            "everything in that environment: it can deploy, and read its variables",
        ),
        Access(
            Tier.PRIVILEGED,
            "workspace token",
            "plan, billing period, limits and what the workspace has used",
            "everything in the workspace: Railway has no token that only reads",
        ),
    ),
    spec="railway/schema.introspection.json",
    open=(
        "whether GB is 10⁹ or 2³⁰ bytes",
        "whether a sample's time is the start of its step",
    ),
    dashboard="https://railway.com/workspace/usage",
    delay="minutes; the dollars are cached",
    connect=(
        "Open the workspace's settings, Tokens, and create one for this workspace.",
        "Put it into `token:` as ${NAME}; the ids stand in the addresses of the dashboard.",
    ),
    example={
        "token": "railway_example_token",
        "workspace": "w1",
        "project": "p1",
        "environment": "e1",
        "service": "s1",
    },
    # Hobby's; Free has 100 an hour, Pro 10,000.
    budget=Budget(1000, 3600, "account", "Railway docs, public API: rate limits"),
)

_MOST_PAGES = 20
WHERE = "Railway"


class Settings(BaseModel):
    """What advisor.yaml says about a service at Railway."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="A workspace token, or with `credential: project` a project token.")
    credential: Literal["workspace", "account", "project"] = "workspace"
    workspace: str = Field("", description="The workspace's id: for plan, period, limits and dollars.")
    project: str = Field("", description="The project's id; empty: only the workspace as a whole.")
    environment: str = Field("", description="The environment's id; empty: the project's oldest.")
    service: str = Field("", description="The service's id; empty: all of the environment.")
    base_url: str = Field("https://backboard.railway.com", description="Another address of the API.")

    @model_validator(mode="after")
    def _names_something(self) -> "Settings":
        if not (self.workspace or self.project):
            raise ValueError("name a `workspace` or a `project` by its id")
        return self


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what is used now, and what was used since the last poll.

    Raises:
        CollectError: Railway cannot be reached or refuses, or nothing could be read.
    """
    kept = poll.previous
    workspace = Answer()
    gaps: list[Gap] = []
    begun = bill.begun(kept, poll.now)
    if settings.workspace:
        try:
            data = await _ask(poll, settings, queries.WORKSPACE, {"workspace": settings.workspace})
            workspace = bill.workspace(data.body, poll.now, kept, whole=not settings.project)
            begun = bill.period(data.body) or begun
        except (TokenRefused, Unexpected) as error:
            if not settings.project:
                raise
            gaps.append(Gap("workspace", str(error), ("restricted",)))
        else:
            gaps += [Gap("workspace", f"{WHERE}: {fault}") for fault in data.faults]
    if not settings.project:
        return Answer(workspace.readings, workspace.terms, gaps, workspace.keep)
    environment = (
        settings.environment or str(kept.get("environment", "")) or await _environment(poll, settings)
    )
    pieces = [
        Piece(
            "usage",
            partial(_usage, poll, settings, environment, begun),
            ("egress", "compute_hours", "gb_hours", "cost"),
            {"usage": kept["usage"]} if "usage" in kept else {},
        ),
        Piece(
            "live metrics",
            partial(_live, poll, settings, environment),
            ("cpu", "memory"),
        ),
        Piece(
            "environment",
            partial(_instances, poll, settings, environment),
            ("instances", "disk_used", "disk_size"),
        ),
    ]
    if settings.service:
        pieces.append(
            Piece(
                "answers",
                partial(_http, poll, settings, environment),
                ("requests", "error_rate", "response_time"),
            )
        )
    else:
        why = "Railway tells answers and their durations by service: write `service:`"
        gaps.append(Gap("answers", why, ("requests", "error_rate", "response_time")))
    answer = await together(pieces)
    return Answer(
        [*workspace.readings, *answer.readings],
        [*workspace.terms, *answer.terms],
        [*answer.gaps, *gaps],
        {**answer.keep, "environment": environment},
    )


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask what the token is for; one of an account, or of several workspaces, is broader than needed."""
    if settings.credential == "project":
        data = await _ask(poll, settings, queries.WHOSE_PROJECT, {})
        return Verified(
            whose=data.body["projectToken"]["project"].text("name"),
            rights=("project token",),
        )
    data = await _ask(poll, settings, queries.WHOSE, {})
    names = [one.text("name") for one in data.body["apiToken"]["workspaces"].each()]
    broad = tuple(f"workspace {name}" for name in names[1:])
    return Verified(whose=", ".join(names), rights=("workspace token",), broad=broad)


async def _ask(poll: Poll, settings: Settings, document: str, variables: Mapping[str, Any]) -> graphql.Data:
    token = settings.token.get_secret_value()
    headers = (
        {"Project-Access-Token": token}
        if settings.credential == "project"
        else {"Authorization": f"Bearer {token}"}
    )
    return await graphql.ask(
        poll.http,
        f"{settings.base_url.rstrip('/')}/graphql/v2",
        document,
        variables,
        where=WHERE,
        now=poll.now,
        headers=headers,
        right="workspace token",
    )


async def _environment(poll: Poll, settings: Settings) -> str:
    data = await _ask(poll, settings, queries.PROJECT, {"project": settings.project})
    return data.body["project"].text("primaryEnvironmentId")


async def _usage(poll: Poll, settings: Settings, environment: str, begun: datetime) -> Answer:
    """Read the period's counter, and where the last poll was in another period, what that one ended with."""

    async def total(since: datetime, until: datetime) -> dict[str, float]:
        variables = {
            "project": settings.project,
            "from": queries.stamp(since),
            "to": queries.stamp(until),
        }
        data = await _ask(poll, settings, queries.USAGE, variables)
        return bill.usage(data.body, settings.project, settings.service, environment)

    return await bill.since_last(poll.previous.get("usage"), begun, poll.now, total)


async def _live(poll: Poll, settings: Settings, environment: str) -> Answer:
    variables = {
        "environment": environment,
        "service": settings.service or None,
        "project": settings.project,
        "from": queries.stamp(poll.now - live.LOOK_BACK),
        "to": queries.stamp(poll.now),
    }
    data = await _ask(poll, settings, queries.METRICS, variables)
    return live.metrics(data.body, settings.service)


async def _instances(poll: Poll, settings: Settings, environment: str) -> Answer:
    """Read services and volumes of the environment, page by page."""
    services: list[Body] = []
    volumes: list[Body] = []
    after: dict[str, str | None] = {"services": None, "volumes": None}
    over: set[str] = set()
    for _ in range(_MOST_PAGES):
        variables = {"environment": environment, "project": settings.project, **after}
        body = (await _ask(poll, settings, queries.ENVIRONMENT, variables)).body["environment"]
        for key, field, found in (
            ("services", "serviceInstances", services),
            ("volumes", "volumeInstances", volumes),
        ):
            page = body[field]
            if key not in over:
                found += [edge["node"] for edge in page["edges"].each()]
            if page["pageInfo"]["hasNextPage"].value is not True:
                over.add(key)
            cursor = page.get("pageInfo", "endCursor")
            after[key] = cursor.text() if cursor is not None else after[key]
        if len(over) == len(after):
            return live.instances(services, volumes, settings.service, poll.now)
    answer = live.instances(services, volumes, settings.service, poll.now)
    why = (
        f"the environment has more than {_MOST_PAGES} pages of services and volumes; the rest is not counted"
    )
    return Answer(
        answer.readings,
        answer.terms,
        [*answer.gaps, Gap("environment", why, ("instances", "disk_used"))],
    )


async def _http(poll: Poll, settings: Settings, environment: str) -> Answer:
    since = live.first_step(poll.now, poll.since)
    variables = {
        "environment": environment,
        "service": settings.service,
        "from": queries.stamp(since),
        "to": queries.stamp(poll.now),
        "step": live.STEP,
    }
    data = await _ask(poll, settings, queries.HTTP, variables)
    answer = live.answers(data.body, poll.now)
    return Answer(
        answer.readings,
        gaps=[Gap("answers", f"{WHERE}: {fault}") for fault in data.faults],
    )
