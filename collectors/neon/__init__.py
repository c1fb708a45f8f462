"""Neon: storage, compute hours, egress and branches of a project, and whether its compute sleeps.

API     GET /projects/{id} with its branches and endpoints; usage on Free from the project's counters, on paid
        plans from /consumption_history/v2/projects, on older ones from /consumption_history/projects. No call
        wakes a sleeping compute, and this collector never connects to the database.
Token   an API key, best of the one project. Neon has no key that only reads.
Quirks  On paid plans the project's own counters stay 0, which is not nothing, so they are not read. Metrics
        without use are left out of an hour, which is 0. What is called `bytes_month` is byte-hours. Figures
        lag by about 15 minutes, so the last six hours are asked again. CPU, memory and latency are not in the
        API. That a free project's compute is suspended for its quota cannot be read, so `restricted` is left
        out while it sleeps. Not confirmed: whether a project's key may ask /consumption_history (if not, that
        is said); the rate limit of v2; whether the older endpoints still answer. The saved official
        description is older than v2, which rests on the reference pages.
"""

from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._pieces import Piece, parsed, together
from advisor.collectors.neon.asking import API, Api
from advisor.collectors.neon.consumption import history, legacy
from advisor.collectors.neon.project import (
    Branches,
    branches,
    computes,
    counters,
    free,
    own_limits,
    plan_of,
)
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Term
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

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "neon"
METRICS = tuple(
    VOCABULARY[name]
    for name in ("storage", "compute_hours", "egress", "branches", "instances", "idle_time", "restricted")
)
SCOPES = ("API key of the project",)
INTERVAL = 900.0
ABOUT = About(
    title="Neon",
    access=(
        Access(
            Tier.NOTHING, "no key: plan in advisor.yaml", "the plan's quotas, to hold stated readings against"
        ),
        Access(
            Tier.PRIVILEGED,
            "an API key of the one project",
            "plan, storage, branches, sleep, usage on Free",
            "change and read all of the project, its passwords included; not delete it",
        ),
        Access(
            Tier.PRIVILEGED,
            "an API key of the organisation",
            "usage on paid plans, should the project's key not be enough",
            "change, read and delete all projects of the organisation",
        ),
    ),
    spec="neon/neon-api-v2.openapi.2025-10.json",
    open=(
        "whether a project's key may ask /consumption_history",
        "the rate limit of /consumption_history/v2",
        "whether the older /consumption_history endpoints still answer",
        "how a suspension for the free quota shows",
    ),
    dashboard="https://console.neon.tech/app/projects",
    delay="about 15 minutes",
    connect=(
        "Open the organisation's settings, API keys, in https://console.neon.tech.",
        "Create a project-scoped key for the project that is watched.",
        "Put it into `token:` as ${NAME}, and the project's id (name-name-12345678) into `project:`.",
    ),
    example={"token": "napi_example_token", "project": "quiet-tree-12345678"},
    budget=Budget(700, 60, "account", "docs on API rate limits"),
)


class Settings(BaseModel):
    """What advisor.yaml says about a project at Neon."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr | None = Field(None, description="An API key, best of the one project.")
    org: str = Field("", description="The organisation's id (org-...); empty: the project's own.")
    project: str = Field("", description="The project's id; empty: the only one that the key sees.")
    base_url: str = Field(API, description="Another address of the API.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what Neon reports now of one project, and of paid plans the hours since the last poll.

    Raises:
        CollectError: The key is refused, nothing can be reached, or the project cannot be read.
    """
    if settings.token is None:
        why = "no `token:` is given: nothing is asked of Neon; make an API key of the one project"
        return Answer(gaps=[Gap("Neon", why, tuple(metric.name for metric in METRICS))])
    api = Api(poll, settings.token, settings.base_url)
    name = settings.project or await _only_project(api, settings.org)
    project = (await api.get(f"/projects/{name}"))["project"]
    org = settings.org or _text(project, "org_id")
    plan = plan_of(_text(project, "owner", "subscription_type"))
    is_free = free(_text(project, "owner", "subscription_type"))
    if not plan and org:
        plan = plan_of(_text(await api.get(f"/organizations/{org}"), "plan"))
        is_free = is_free and plan in {"", "free"}
    terms = [Term("plan", plan, "provider API", poll.now)] if plan else []
    terms += own_limits(project, poll.now, is_free=is_free)
    seen = Branches()

    async def ask_branches() -> Answer:
        nonlocal seen
        pages = await api.pages(f"/projects/{name}/branches", "branches", {"limit": "1000"})
        answer, seen = branches(pages, poll.now, with_storage=is_free)
        return answer

    async def ask_computes() -> Answer:
        body = await api.get(f"/projects/{name}/endpoints")
        return computes(body, project, seen, poll.now, is_free=is_free)

    def told() -> Answer:
        if not is_free:
            return Answer(terms=terms)
        kept = poll.previous.get("counters") or {}
        used = counters(project, ("compute_hours", "egress"), poll.now, kept, doubtful=not plan)
        return replace(used, terms=terms)

    pieces = [
        Piece("project", parsed(told)),
        Piece("branches", ask_branches, ("branches", *(("storage",) if is_free else ()))),
        Piece("computes", ask_computes, ("instances", "idle_time", "restricted")),
    ]
    if not is_free:
        usage = ("compute_hours", "egress", "storage")
        pieces.append(Piece("usage", lambda: _paid(api, project, org), usage))
    answer = await together(pieces, at_once=1)  # In turn: branches tell which compute is the default one's.
    return replace(answer, keep={**poll.previous, **answer.keep})


async def _paid(api: Api, project: Body, org: str) -> Answer:
    """Read the usage of a paid plan: of today's plans, else of the older ones."""
    if not org:
        raise Unexpected(f"{api.where}: usage is asked by organisation; write its id (org-...) as `org:`")
    try:
        return await history(api, project, org)
    except Forbidden as refused:
        try:
            found = await legacy(api, project, org)
        except (Forbidden, Unexpected):
            raise refused from None
    kept = api.poll.previous.get("counters") or {}
    sent = counters(project, ("egress",), api.poll.now, kept, doubtful=True)
    return Answer(
        [*found.readings, *sent.readings], gaps=[*found.gaps, *sent.gaps], keep={**found.keep, **sent.keep}
    )


async def _only_project(api: Api, org: str) -> str:
    params = {"limit": "400", **({"org_id": org} if org else {})}
    names = [one.text("id") for one in await api.pages("/projects", "projects", params)]
    if len(names) == 1:
        return names[0]
    some = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    told = f"sees {len(names)} projects ({some})" if names else "sees no project"
    raise Unexpected(f"{api.where}: the key {told}; write the one of this service as `project:`")


def _text(body: Body, *keys: str) -> str:
    found = body.get(*keys)
    return found.text() if found is not None else ""


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Return whose key it is, and whether it reaches more than one project.

    Raises:
        CollectError: It is refused, or Neon cannot be reached.
    """
    if settings.token is None:
        return Verified(whose="nobody: no key is given")
    body = await Api(poll, settings.token, settings.base_url).get("/auth")
    kind = body.text("auth_method")
    broad = {
        "api_key_user": ("everything that its owner may do, in all organisations",),
        "api_key_org": ("all projects of the organisation, unless the key is of one project",),
    }
    return Verified(body.text("account_id"), (kind,), broad.get(kind, ()))
