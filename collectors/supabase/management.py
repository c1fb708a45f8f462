"""What the Management API says of one project: asked part by part, parsed purely."""

from dataclasses import dataclass
from datetime import datetime

from advisor.collectors._pieces import Piece, parsed
from advisor.collectors.supabase.asking import Management, organisation_of
from advisor.collectors.supabase.found import READ_ONLY, level, limit, restricted
from advisor.collectors.supabase.requests import requests
from advisor.core.model import Gap, Limit, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer, Unexpected

__all__ = ["Project", "backups", "compute", "disk", "health", "management", "project_of"]

_PAUSED = {"INACTIVE", "PAUSING"}
#: No database answers then; RESIZING, UPGRADING and the like do not last, so they are asked all the same.
_GONE = {"COMING_UP", "GOING_DOWN", "INIT_FAILED", "REMOVED", "RESTORING", "RESTORE_FAILED"}
_SERVICES = ("db", "pooler", "auth", "rest", "storage", "realtime")


@dataclass(frozen=True, slots=True)
class Project:
    """The project's reference, its organisation, and what Supabase calls its state."""

    ref: str
    org: str
    status: str

    @property
    def asleep(self) -> bool:
        """Say whether no database answers."""
        return self.status in _PAUSED or self.status in _GONE


async def project_of(api: Management, org: str, ref: str) -> tuple[Project, list[Gap]]:
    """Ask for the project, the only one where none is named.

    Raises:
        CollectError: The project itself cannot be asked.
    """
    gaps: list[Gap] = []
    if not ref:
        ref = await _only_project(api, org, gaps)
    project = await api.get(f"/v1/projects/{ref}", "project_admin_read")
    return Project(ref, org or organisation_of(project), project.text("status")), gaps


async def _only_project(api: Management, org: str, gaps: list[Gap]) -> str:
    refs = [ref for ref, _ in await api.projects(org, gaps)]
    if len(refs) == 1:
        return refs[0]
    some = ", ".join(refs[:5]) + (", …" if len(refs) > 5 else "")
    told = f"sees {len(refs)} projects ({some})" if refs else "sees no project"
    raise Unexpected(f"{api.where}: the token {told}; write the one of this service as `project:`")


def management(api: Management, project: Project) -> list[Piece]:
    """Return all that is asked of a project; of one that sleeps the plan."""
    base, now = f"/v1/projects/{project.ref}", api.poll.now

    async def plan() -> Answer:
        body = await api.get(f"/v1/organizations/{project.org}", "organization_admin_read")
        name = body.get("plan")
        return Answer(terms=[] if name is None else [Term("plan", name.text(), "provider API", now)])

    async def readonly() -> Answer:
        body = await api.get(f"{base}/readonly", "database_readonly_config_read")
        if not isinstance(body["enabled"].value, bool):
            raise body["enabled"].unexpected("a yes or no")
        return Answer(restricted(int(body["enabled"].value), now, READ_ONLY))

    async def size() -> Answer:
        return disk(await api.get(f"{base}/config/disk/util", "infra_disk_config_read"), now)

    async def addons() -> Answer:
        return compute(await api.get(f"{base}/billing/addons", "infra_add_ons_read"), now)

    async def config() -> Answer:
        body = await api.get(f"{base}/config/database/postgres", "database_config_read")
        return Answer(terms=limit("connections", Limit.MAX, body.number("max_connections"), now))

    async def pooler() -> Answer:
        body = await api.get(f"{base}/config/database/pooler", "database_pooling_config_read")
        sizes = [one.number("default_pool_size") for one in body.each() if _is_primary(one)]
        largest = max([size for size in sizes if size], default=None)
        return Answer(terms=limit("connections", Limit.POOL, largest, now))

    async def services() -> Answer:
        query = "&".join(f"services={one}" for one in _SERVICES)
        return health(await api.get(f"{base}/health?{query}", "project_admin_read"))

    async def saved() -> Answer:
        return backups(await api.get(f"{base}/database/backups", "backups_read"), now)

    if project.asleep:
        return [Piece("state", parsed(lambda: _sleeps(api, project.status))), Piece("plan", plan)]
    return [
        Piece("plan", plan),
        Piece("read-only mode", readonly, ("restricted",)),
        Piece("disk", size, ("disk_used", "disk_size")),
        Piece("compute", addons),
        Piece("limit of connections", config, ("connections",)),
        Piece("pool", pooler, ("connections",)),
        Piece("requests", lambda: requests(api, base), ("requests", "idle_time")),
        Piece("health", services),
        Piece("backups", saved, ("backup_age",)),
    ]


def _sleeps(api: Management, status: str) -> Answer:
    if status in _PAUSED:
        readings = restricted(1, api.poll.now, "paused")
        why = (
            f"{api.where}: the project is paused, so nothing of it can be asked; restore it in the dashboard"
        )
    else:
        readings = []
        why = f"{api.where}: the project is {status.lower().replace('_', ' ')}, so nothing of it can be asked"
    return Answer(readings, gaps=[Gap("project", why, ("disk_used", "disk_size", "requests", "idle_time"))])


def _is_primary(pooler: Body) -> bool:
    kind = pooler.get("database_type")
    return kind is None or kind.value == "PRIMARY"


def disk(body: Body, now: datetime) -> Answer:
    """Read the whole disk, logs and system included; bytes."""
    metrics = body["metrics"]
    at = min(body.time("timestamp"), now)
    size, used = metrics.number("fs_size_bytes"), metrics.number("fs_used_bytes")
    readings = [*level("disk_used", used, at), *level("disk_size", size, at)]
    return Answer(readings, limit("disk_used", Limit.AVAILABLE, size, now))


def compute(body: Body, now: datetime) -> Answer:
    """Read the compute size in use, and for people those to choose from with their prices.

    No compute among the selected add-ons means the free default (Nano). The spec leaves `meta` open, so
    what is not there is left out.
    """
    selected = [one["variant"] for one in body["selected_addons"].each() if _is_compute(one)]
    offered = [
        _variant(variant)
        for one in body["available_addons"].each()
        if _is_compute(one)
        for variant in one["variants"].each()
    ]
    chosen = [_variant(one) for one in selected]
    evidence = {"Compute": chosen or [{"size": "the plan's own (Nano on Free)"}]}
    if offered:
        evidence["Compute to choose from"] = offered
    terms: list[Term] = []
    for one in selected:
        meta = one.get("meta")
        if meta is not None and isinstance(meta.value, dict):
            terms += limit("connections", Limit.QUOTA, meta.number("connections_direct"), now)
    return Answer(terms=terms, evidence=evidence)


def _is_compute(addon: Body) -> bool:
    return addon.text("type") == "compute_instance"


def _variant(variant: Body) -> dict[str, str]:
    amount = variant["price"].number("amount")
    row = {"size": variant.text("name")}
    if amount is not None:
        row["price"] = f"${amount:g} {variant.text('price', 'interval')}"
    meta = variant.get("meta")
    if meta is None or not isinstance(meta.value, dict):
        return row
    told = (
        ("cores", "cpu_cores", ""),
        ("memory", "memory_gb", " GB"),
        ("direct connections", "connections_direct", ""),
        ("pooler connections", "connections_pooler", ""),
        ("disk baseline", "baseline_disk_io_mbs", " MB/s"),
        ("disk burst", "max_disk_io_mbs", " MB/s"),
    )
    for title, key, unit in told:
        value = meta.value.get(key)
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            row[title] = f"{value}{unit}"
    if isinstance(meta.value.get("cpu_dedicated"), bool):
        row["cpu"] = "dedicated" if meta.value["cpu_dedicated"] else "shared, bursts"
    return row


def health(body: Body) -> Answer:
    """Keep for people which of the project's services are well."""
    rows = []
    for one in body.each():
        error = one.get("error")
        row = {"service": one.text("name"), "status": one.text("status")}
        rows.append({**row, "error": error.text()[:200]} if error is not None else row)
    return Answer(evidence={"Health": rows} if rows else {})


def backups(body: Body, now: datetime) -> Answer:
    """Read how old the newest point is to which the database can be brought back."""
    times: list[datetime] = [
        one.time("inserted_at") for one in body["backups"].each() if one["status"].value == "COMPLETED"
    ]
    latest = body["physical_backup_data"].get("latest_physical_backup_date_unix")
    if latest is not None:
        times.append(latest.time())
    if not times:
        why = f"{body.where} lists no finished backup, which is no age; the Free plan makes none"
        return Answer(gaps=[Gap("backups", why, ("backup_age",))])
    return Answer(level("backup_age", max(0.0, (now - max(times)).total_seconds()), now))
