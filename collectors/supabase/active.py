"""Active users, counted in the project's own database."""

from pydantic import SecretStr

from advisor.collectors.postgresql import count
from advisor.collectors.supabase.found import Found
from advisor.core.model import Quality
from advisor.polling.contract import Unexpected

__all__ = ["active_users"]

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


async def active_users(found: Found, dsn: SecretStr) -> None:
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
    found.level("active_users", active, quality=Quality.ESTIMATED)
