"""Supabase: plan, disk, restrictions, backups and requests of a project; with more rights its machine.

API     Management API v1 at api.supabase.com (organisation, project, add-ons, disk, poolers, read-only mode,
        health, backups, requests by hour). With `secret_key` the project's own metrics endpoint (Prometheus
        text, refreshed every minute). With `query` one SELECT
        by POST to the same API, with `dsn` one on auth.users and auth.sessions to the database itself.
Token   `token`: an access token, best a scoped one with the rights of SCOPES. `secret_key` is opt-in: it may
        do everything to the project's data.
Quirks  Egress, billed active users, invocations and realtime messages have no official API: they stand on the
        dashboard only. Active users are counted by SQL over 30 days, which misses users who were deleted or
        whose sessions ended, so the bill may say more. The Management API knows the whole disk, write-ahead
        log included, and not the database's size. A paused project is asked nothing more. Where a spend cap
        or quota is used up, only the metrics endpoint says so (402). CPU is what was used of what the machine
        was given: stolen time is taken off. Not confirmed: whether read-only mode counts as on while
        overridden (it does here); the shape of add-ons' `meta` and of a query's rows, which the spec leaves
        open; what the metrics endpoint answers for a paused project; that MB in its older series are MiB. The
        disk's usage was seen refused to OAuth tokens.
"""

from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._pieces import Piece, together
from advisor.collectors.supabase.active import active_users, by_query
from advisor.collectors.supabase.asking import API, Management, organisation_of, scrape
from advisor.collectors.supabase.found import of_product
from advisor.collectors.supabase.machine import machine
from advisor.collectors.supabase.management import management, project_of
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap
from advisor.polling.contract import About, Access, Answer, Budget, Forbidden, Poll, Tier, Verified

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "supabase"
METRICS = tuple(
    VOCABULARY[name]
    for name in (
        "storage", "disk_used", "disk_size", "connections", "cpu", "memory", "restricted", "requests",
        "idle_time", "backup_age", "users", "active_users",
    )
)  # fmt: skip
SCOPES = (
    "organization_admin_read",
    "project_admin_read",
    "infra_add_ons_read",
    "infra_disk_config_read",
    "database_config_read",
    "database_pooling_config_read",
    "database_readonly_config_read",
    "analytics_usage_read",
    "backups_read",
)
INTERVAL = 900.0
ABOUT = About(
    title="Supabase",
    access=(
        Access(
            Tier.NOTHING,
            "no key: plan in advisor.yaml",
            "the plan's quotas, to hold stated readings against",
        ),
        Access(
            Tier.READ,
            "an access token with " + ", ".join(SCOPES),
            "plan, disk, limit of connections, restrictions, requests, backups",
            "names, sizes and settings of the projects; no rows",
        ),
        Access(
            Tier.READ,
            "database_read besides, with `query: true`",
            "the database's size, connections, files, users, active users",
            "every row of the database",
        ),
        Access(
            Tier.READ,
            "a `dsn` whose role may read auth.users and auth.sessions",
            "active users, counted",
            "e-mail addresses of the users, unless the role sees a view without them",
        ),
        Access(
            Tier.PRIVILEGED,
            "a secret key (`secret_key`) of its own, revoked alone",
            "CPU, memory, connections, the database's size, files, users, restrictions by quota",
            "all data of the project: reading, changing, deleting",
        ),
    ),
    products=("supabase", "supabase-auth", "supabase-storage"),
    spec="supabase/management-api-v1.openapi.json",
    open=(
        "whether read-only mode stays on while it is overridden",
        "the keys of an add-on's meta",
        "that a query's answer is a list of rows",
        "what the metrics endpoint answers for a paused project",
        "that MB in pg_database_size_mb and storage_storage_size_mb are MiB",
    ),
    dashboard="https://supabase.com/dashboard/org/_/usage",
    delay="disk and requests some minutes, the dashboard's usage about an hour",
    connect=(
        "Open https://supabase.com/dashboard/account/tokens and make a scoped token for this organisation.",
        "Give it reading rights only: " + ", ".join(SCOPES) + ".",
        "Put it into `token:` as ${NAME}, and the project's reference (20 letters) into `project:`.",
        "For CPU and memory: make a secret key under Settings, API keys, and put it into `secret_key:`.",
    ),
    example={
        "token": "sbp_example0000000000000000000000000000",
        "project": "abcdefghijklmnopqrst",
        "query": True,
        "secret_key": "sb_secret_example",
    },
    budget=Budget(120, 60, "user", "docs on the Management API's rate limits"),
)


class Settings(BaseModel):
    """What advisor.yaml says about a project at Supabase."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr | None = Field(None, description="An access token that may read the project.")
    org: str = Field("", description="The organisation's slug; empty: the project's own.")
    project: str = Field("", description="The project's reference; empty: the only one that the token sees.")
    secret_key: SecretStr | None = Field(
        None, description="A secret key (or the service_role key), for the project's metrics. Opt-in."
    )
    dsn: SecretStr | None = Field(None, description="The database's address, to count active users.")
    query: bool = Field(
        False,
        description="Ask size, connections and users by SQL through the API. The token needs database_read.",
    )
    base_url: str = Field(API, description="Another address of the API and of the projects.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what Supabase reports now of one project.

    What is refused or of another shape is a gap and leaves the rest alone.

    Raises:
        CollectError: The token is refused, nothing can be reached, or nothing could be read.
    """
    ref, asleep, files = settings.project, False, _product(poll) == "storage"
    pieces: list[Piece] = []
    gaps: list[Gap] = []
    if settings.token is not None:
        api = Management(poll, settings.token, settings.base_url)
        project, gaps = await project_of(api, settings.org, ref)
        ref, asleep = project.ref, project.asleep
        pieces += management(api, project)
        if settings.query and not asleep:
            asked = ("storage", "connections", "users", "active_users")
            pieces.append(Piece("query", lambda: by_query(api, ref, files=files), asked))
    if (key := settings.secret_key) is not None and not asleep:
        if ref:
            told = ("cpu", "memory", "connections", "storage", "users")
            pieces.append(
                Piece("metrics endpoint", lambda: _machine(poll, key, ref, settings, files=files), told)
            )
        else:
            why = "`secret_key:` needs the project's reference: write it as `project:`"
            gaps.append(Gap("metrics endpoint", why, ("cpu", "memory", "connections")))
    if (dsn := settings.dsn) is not None and not asleep:
        pieces.append(Piece("active users", lambda: active_users(dsn, poll.now), ("active_users",)))
    if settings.token is None and settings.secret_key is None:
        why = "no `token:` is given: plan, disk and restrictions are not asked; make one that may only read"
        gaps.append(Gap("Management API", why, ("restricted", "disk_used", "disk_size")))
    found = await together(pieces, at_once=1) if pieces else Answer()
    found = replace(found, gaps=[*gaps, *found.gaps], keep={**poll.previous, **found.keep})
    return of_product(found, _product(poll), poll.now)


async def _machine(poll: Poll, key: SecretStr, ref: str, settings: Settings, *, files: bool) -> Answer:
    text = await scrape(poll, key, ref, settings.base_url)
    return machine(text, ref, poll, files=files) if isinstance(text, str) else text


def _product(poll: Poll) -> str:
    """Return which product of Supabase the service uses: "" the database, "auth", "storage"."""
    return poll.service.provider.partition("-")[2]


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Return which organisations the token reaches, and whether it sees more than its project.

    Raises:
        CollectError: It is refused, or Supabase cannot be reached.
    """
    if settings.token is None:
        if settings.secret_key is None or not settings.project:
            return Verified(whose="nobody: no key is given")
        await scrape(poll, settings.secret_key, settings.project, settings.base_url)
        return Verified(f"project {settings.project}", ("metrics",), ("all data of the project",))
    api = Management(poll, settings.token, settings.base_url)
    try:
        projects = await api.projects()
    except Forbidden:
        if not settings.project:
            raise
        project = await api.get(f"/v1/projects/{settings.project}", "project_admin_read")
        return Verified(organisation_of(project), ("project_admin_read",))
    others = [ref for ref, _ in projects if settings.project and ref != settings.project]
    return Verified(
        whose=", ".join(sorted({org for _, org in projects})),
        rights=("projects_read",),
        broad=(f"{len(others)} other project{'s' if len(others) > 1 else ''}",) if others else (),
    )
