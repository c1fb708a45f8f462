"""What the Management API says of one project: asked part by part, parsed purely."""

from datetime import datetime

from advisor.collectors.supabase.asking import Management, organisation_of
from advisor.collectors.supabase.found import Found
from advisor.collectors.supabase.requests import requests
from advisor.core.model import Gap, Limit, Reading
from advisor.polling.body import Body
from advisor.polling.contract import Unexpected

__all__ = ["backups", "compute", "disk", "health", "management"]

_PAUSED = {"INACTIVE", "PAUSING"}
#: No database answers then; RESIZING, UPGRADING and the like do not last, so they are asked all the same.
_GONE = {"COMING_UP", "GOING_DOWN", "INIT_FAILED", "REMOVED", "RESTORING", "RESTORE_FAILED"}
_SERVICES = ("db", "pooler", "auth", "rest", "storage", "realtime")


async def management(found: Found, api: Management, org: str, ref: str) -> tuple[str, bool]:
    """Ask all that there is of a project; return its reference, and whether it sleeps.

    Raises:
        CollectError: The project itself cannot be asked.
    """
    if not ref:
        ref = await _only_project(found, api, org)
    project = await api.get(f"/v1/projects/{ref}", "project_admin_read")
    status = project.text("status")
    org = org or organisation_of(project)

    async def plan() -> None:
        body = await api.get(f"/v1/organizations/{org}", "organization_admin_read")
        if body.get("plan") is not None:
            found.plan(body.text("plan"))

    await found.attempt("plan", (), plan())
    if status in _PAUSED or status in _GONE:
        _sleeps(found, api, status)
        return ref, True
    await _sections(found, api, ref)
    return ref, False


async def _only_project(found: Found, api: Management, org: str) -> str:
    refs = [ref for ref, _ in await api.projects(org, found.gaps)]
    if len(refs) == 1:
        return refs[0]
    some = ", ".join(refs[:5]) + (", …" if len(refs) > 5 else "")
    told = f"sees {len(refs)} projects ({some})" if refs else "sees no project"
    raise Unexpected(f"{api.where}: the token {told}; write the one of this service as `project:`")


def _sleeps(found: Found, api: Management, status: str) -> None:
    if status in _PAUSED:
        found.restricted(1)
        why = (
            f"{api.where}: the project is paused, so nothing of it can be asked; restore it in the dashboard"
        )
    else:
        why = f"{api.where}: the project is {status.lower().replace('_', ' ')}, so nothing of it can be asked"
    found.gaps.append(Gap("project", why, ("disk_used", "disk_size", "requests", "idle_time")))


async def _sections(found: Found, api: Management, ref: str) -> None:
    base = f"/v1/projects/{ref}"

    async def readonly() -> None:
        body = await api.get(f"{base}/readonly", "database_readonly_config_read")
        if not isinstance(body["enabled"].value, bool):
            raise body["enabled"].unexpected("a yes or no")
        found.restricted(int(body["enabled"].value))

    async def size() -> None:
        disk(found, await api.get(f"{base}/config/disk/util", "infra_disk_config_read"))

    async def addons() -> None:
        compute(found, await api.get(f"{base}/billing/addons", "infra_add_ons_read"))

    async def config() -> None:
        body = await api.get(f"{base}/config/database/postgres", "database_config_read")
        found.limit("connections", Limit.MAX, body.number("max_connections"))

    async def pooler() -> None:
        body = await api.get(f"{base}/config/database/pooler", "database_pooling_config_read")
        sizes = [one.number("default_pool_size") for one in body.each() if _is_primary(one)]
        known = [size for size in sizes if size]
        found.limit("connections", Limit.POOL, max(known, default=None))

    async def calls() -> None:
        await requests(found, api, base)

    async def services() -> None:
        query = "&".join(f"services={one}" for one in _SERVICES)
        health(found, await api.get(f"{base}/health?{query}", "project_admin_read"))

    async def saved() -> None:
        backups(found, await api.get(f"{base}/database/backups", "backups_read"))

    await found.attempt("read-only mode", ("restricted",), readonly())
    await found.attempt("disk", ("disk_used", "disk_size"), size())
    await found.attempt("compute", (), addons())
    await found.attempt("limit of connections", ("connections",), config())
    await found.attempt("pool", ("connections",), pooler())
    await found.attempt("requests", ("requests", "idle_time"), calls())
    await found.attempt("health", (), services())
    await found.attempt("backups", ("backup_age",), saved())


def _is_primary(pooler: Body) -> bool:
    kind = pooler.get("database_type")
    return kind is None or kind.value == "PRIMARY"


def disk(found: Found, body: Body) -> None:
    """Read the whole disk, logs and system included; bytes."""
    metrics = body["metrics"]
    at = min(body.time("timestamp"), found.now)
    size, used = metrics.number("fs_size_bytes"), metrics.number("fs_used_bytes")
    for name, value in (("disk_used", used), ("disk_size", size)):
        if value is not None:
            found.readings.append(Reading(name, value, at))
    found.limit("disk_used", Limit.AVAILABLE, size)


def compute(found: Found, body: Body) -> None:
    """Read the compute size in use, and for people those to choose from with their prices.

    No compute among the selected add-ons means the free default (Nano). The spec leaves `meta` open, so
    what is not there is left out.
    """
    chosen = [_variant(one["variant"]) for one in body["selected_addons"].each() if _is_compute(one)]
    offered = [
        _variant(variant)
        for one in body["available_addons"].each()
        if _is_compute(one)
        for variant in one["variants"].each()
    ]
    found.evidence["Compute"] = chosen or [{"size": "the plan's own (Nano on Free)"}]
    if offered:
        found.evidence["Compute to choose from"] = offered
    for one in body["selected_addons"].each():
        meta = one["variant"].get("meta") if _is_compute(one) else None
        if meta is not None and isinstance(meta.value, dict):
            found.limit("connections", Limit.QUOTA, meta.number("connections_direct"))


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


def health(found: Found, body: Body) -> None:
    """Keep for people which of the project's services are well."""
    rows = []
    for one in body.each():
        error = one.get("error")
        row = {"service": one.text("name"), "status": one.text("status")}
        rows.append({**row, "error": error.text()[:200]} if error is not None else row)
    if rows:
        found.evidence["Health"] = rows


def backups(found: Found, body: Body) -> None:
    """Read how old the newest point is to which the database can be brought back."""
    times: list[datetime] = [
        one.time("inserted_at") for one in body["backups"].each() if one["status"].value == "COMPLETED"
    ]
    latest = body["physical_backup_data"].get("latest_physical_backup_date_unix")
    if latest is not None:
        times.append(latest.time())
    if not times:
        why = f"{body.where} lists no finished backup, which is no age; the Free plan makes none"
        found.gaps.append(Gap("backups", why, ("backup_age",)))
        return
    found.level("backup_age", max(0.0, (found.now - max(times)).total_seconds()))
