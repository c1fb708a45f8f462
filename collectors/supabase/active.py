"""Active users, counted in the project's own database; and what else one SELECT tells of it."""

from datetime import datetime

from pydantic import SecretStr

from advisor.collectors.postgresql import count
from advisor.collectors.supabase.asking import Management
from advisor.collectors.supabase.found import level, limit
from advisor.core.model import Limit, Quality
from advisor.polling.contract import Answer, Unexpected

__all__ = ["EVERYTHING", "FILES", "active_users", "by_query"]

# A refreshed session counts as use, as the bill has it; `refreshed_at` is UTC without a zone.
_WITH_SESSIONS = """
select count(*) from auth.users u
where u.last_sign_in_at >= now() - interval '30 days'
   or exists (
     select from auth.sessions s
     where s.user_id = u.id
       and coalesce(s.refreshed_at at time zone 'utc', s.created_at) >= now() - interval '30 days')
"""
_WITHOUT = "select count(*) from auth.users where last_sign_in_at >= now() - interval '30 days'"

#: Every name with its schema, as the API wants it. Files are only added up for who asks: there may be many.
EVERYTHING = """
select
  (select sum(pg_database_size(oid)) from pg_catalog.pg_database
   where has_database_privilege(oid, 'CONNECT') or pg_has_role('pg_read_all_stats', 'USAGE')) as storage,
  {files} as files,
  (select count(*) from pg_catalog.pg_stat_activity where backend_type = 'client backend') as connections,
  current_setting('max_connections')::int as max_connections,
  (select count(*) from auth.users) as users,
  ({active}) as active_users
""".replace("{active}", _WITH_SESSIONS.strip())
FILES = "(select coalesce(sum((metadata->>'size')::bigint), 0) from storage.objects)"


async def by_query(api: Management, ref: str, *, files: bool) -> Answer:
    """Read size, connections and users by one SELECT through the Management API.

    Raises:
        CollectError: The token lacks the right, or the SELECT failed.
    """
    rows = list((await api.query(ref, EVERYTHING.replace("{files}", FILES if files else "null"))).each())
    if len(rows) != 1:
        raise Unexpected(f"{api.where}: the query gave {len(rows)} rows, not one")
    (row,) = rows
    now = api.poll.now
    active = row.number("active_users")
    return Answer(
        [
            *level("storage", row.number("files" if files else "storage"), now),
            *level("connections", row.number("connections"), now),
            *level("users", row.number("users"), now),
            *level("active_users", active, now, quality=Quality.ESTIMATED),
        ],
        limit("connections", Limit.MAX, row.number("max_connections"), now, "PostgreSQL"),
    )


async def active_users(dsn: SecretStr, now: datetime) -> Answer:
    """Count users who signed in or refreshed a session within 30 days; without auth.sessions the former only.

    Raises:
        CollectError: The database cannot be reached, or the role may not read auth.users.
    """
    try:
        active = await count(dsn, _WITH_SESSIONS)
    except Unexpected:
        try:
            active = await count(dsn, _WITHOUT)
        except Unexpected as error:
            raise Unexpected(
                f"{error}; grant the role USAGE on schema auth and SELECT on auth.users and auth.sessions"
            ) from None
    return Answer(level("active_users", active, now, quality=Quality.ESTIMATED))
