"""Supabase: the Management API of one project, and its metrics endpoint."""

from datetime import timedelta
from typing import Any

from advisor.demo.wire import DAY, HOUR, NOT_FOUND, Answered, Asked, hours, midnight, stamp
from advisor.demo.world import World

__all__ = ["PROJECT", "answer"]

PROJECT = "abcdefghijklmnopqrst"
_BASE = f"/v1/projects/{PROJECT}"
_KINDS = ("auth", "realtime", "rest", "storage")
#: Of the requests to the project's APIs, the share of each.
SHARES = {"auth": 0.12, "realtime": 0.05, "rest": 0.75, "storage": 0.08}


def answer(asked: Asked, world: World) -> Answered:
    """Answer as the Management API does, or at the metrics' path as the project."""
    if asked.path == "/customer/v1/privileged/metrics":
        return Answered(text=_scrape(asked, world), headers={"content-type": "text/plain"})
    found = _management(asked, world)
    return NOT_FOUND if found is None else Answered(found)


def _management(asked: Asked, world: World) -> Any:
    now, plan = asked.now, world.plans["supabase"]
    match asked.path.removeprefix(_BASE):
        case "":
            return _project(world)
        case "/v1/organizations/acme":
            return {
                "id": "acme",
                "name": "Acme",
                "plan": plan,
                "opt_in_tags": [],
                "allowed_release_channels": ["ga"],
            }
        case "/readonly":
            return {"enabled": False, "override_enabled": False, "override_active_until": ""}
        case "/config/disk/util":
            size, used = (world.level("supabase", name, now) for name in ("disk_size", "disk_used"))
            metrics = {"fs_size_bytes": size, "fs_avail_bytes": size - used, "fs_used_bytes": used}
            return {"timestamp": stamp(now - timedelta(minutes=2)), "metrics": metrics}
        case "/billing/addons":
            return {"selected_addons": [], "available_addons": []}
        case "/config/database/postgres":
            return {"max_connections": world.level("supabase", "max_connections", now)}
        case "/config/database/pooler":
            return [{"identifier": PROJECT, "database_type": "PRIMARY", "default_pool_size": 15,
                     "max_client_conn": None, "pool_mode": "transaction"}]  # fmt: skip
        case "/analytics/endpoints/usage.api-counts":
            return {"result": _requests(asked, world)}
        case "/health":
            return [{"name": name, "healthy": True, "status": "ACTIVE_HEALTHY"} for name in ("db", "auth")]
        case "/database/backups":
            return _backups(asked, plan)
    return None


def _project(world: World) -> Any:
    return {
        "id": PROJECT, "ref": PROJECT, "organization_id": "1", "organization_slug": "acme", "name": "shop",
        "region": "eu-central-1", "created_at": stamp(world.at(-70)), "status": "ACTIVE_HEALTHY",
        "database": {"host": f"db.{PROJECT}.supabase.co", "version": "17.4", "postgres_engine": "17"},
    }  # fmt: skip


def _requests(asked: Asked, world: World) -> list[dict[str, Any]]:
    first = (asked.now - DAY).replace(minute=0, second=0, microsecond=0)
    return [
        {
            "timestamp": stamp(since),
            **{
                f"total_{kind}_requests": world.count("supabase", f"{kind}_requests", since, until)
                for kind in _KINDS
            },
        }
        for since, until in hours(first, asked.now, HOUR)
    ]


def _backups(asked: Asked, plan: str) -> Any:
    made = [] if plan == "free" else [{"id": 1, "is_physical_backup": True, "status": "COMPLETED",
                                       "inserted_at": stamp(midnight(asked.now))}]  # fmt: skip
    return {"region": "eu-central-1", "walg_enabled": True, "pitr_enabled": False, "backups": made,
            "physical_backup_data": {}}  # fmt: skip


def _scrape(asked: Asked, world: World) -> str:
    def level(metric: str) -> float:
        return world.level("supabase", metric, asked.now)

    # The counter began when the machine was started; it has two cores.
    begun = world.at(-70)
    given = 2 * (asked.now - begun).total_seconds()
    busy = world.amount("supabase", "cpu_seconds", begun, asked.now)
    lines = {
        'node_cpu_seconds_total{%s,cpu="0",mode="idle"}': given - busy,
        'node_cpu_seconds_total{%s,cpu="0",mode="user"}': busy,
        "node_memory_MemTotal_bytes{%s}": level("memory_total"),
        "node_memory_MemAvailable_bytes{%s}": level("memory_total") - level("memory"),
        'node_filesystem_size_bytes{%s,mountpoint="/data"}': level("disk_size"),
        'node_filesystem_avail_bytes{%s,mountpoint="/data"}': level("disk_size") - level("disk_used"),
        'pg_database_size_bytes{%s,datname="postgres"}': level("storage"),
        "pg_stat_database_num_backends{%s}": level("connections"),
        "max_connections_connection_count{%s}": level("max_connections"),
        "pg_settings_default_transaction_read_only{%s}": 0,
    }
    labels = f'supabase_project_ref="{PROJECT}",supabase_identifier="{PROJECT}"'
    return "".join(f"{name % labels} {value!r}\n" for name, value in lines.items())
