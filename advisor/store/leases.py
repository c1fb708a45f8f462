"""Who may do what only one may do: a lease's number grows with every holder, and old numbers are refused."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from advisor.store.moment import clean
from advisor.store.schema import leases
from advisor.store.sql import ignoring, written
from advisor.store.trouble import StaleFence


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do `name` until `expires_at`, under a number that no earlier holder has."""

    name: str
    owner: str
    fence: int
    expires_at: datetime


def lease_of(connection: Connection, name: str) -> Lease | None:
    """Return who holds a lease or held it last, None where nobody ever did."""
    row = connection.execute(select(leases).where(leases.c.name == name)).one_or_none()
    return None if row is None else Lease(row.name, row.owner, row.fence, row.expires_at)


def acquire_lease(
    connection: Connection, name: str, owner: str, now: datetime, seconds: float, gone: str = ""
) -> Lease | None:
    """Take a lease that is free or has expired; the holder gets it again. None: somebody else holds it.

    `gone` names an owner that is known to run no more: its lease is free.
    """
    expires_at = now + timedelta(seconds=seconds)
    first = {"name": name, "owner": owner, "fence": 1, "expires_at": expires_at}
    if written(connection, ignoring(connection, leases), first):
        return Lease(name, owner, 1, expires_at)
    row = connection.execute(select(leases).where(leases.c.name == name).with_for_update()).one()
    held = row.expires_at > now and row.owner != clean(gone)
    if held and row.owner != clean(owner):
        return None
    # Holding it without a break keeps the number; after a break somebody else may have had reason to doubt.
    fence = row.fence if held else row.fence + 1
    connection.execute(
        update(leases).where(leases.c.name == name).values(owner=owner, fence=fence, expires_at=expires_at)
    )
    return Lease(name, owner, fence, expires_at)


def renew_lease(connection: Connection, lease: Lease, now: datetime, seconds: float) -> Lease:
    """Hold a lease for longer.

    Raises:
        StaleFence: if it has expired or somebody else has it.
    """
    require_lease(connection, lease, now)
    expires_at = now + timedelta(seconds=seconds)
    connection.execute(update(leases).where(leases.c.name == lease.name).values(expires_at=expires_at))
    return Lease(lease.name, lease.owner, lease.fence, expires_at)


def require_lease(connection: Connection, lease: Lease, now: datetime) -> None:
    """Make the rest of the transaction depend on the lease: nobody takes it over before the commit.

    Raises:
        StaleFence: if it has expired or somebody else has it; the transaction is to be given up.
    """
    query = select(leases).where(leases.c.name == lease.name).with_for_update(read=True)
    row = connection.execute(query).one_or_none()
    if row is None or row.fence != lease.fence or row.owner != clean(lease.owner):
        raise StaleFence(
            f"the lease `{lease.name}` has passed to another advisor: this one does nothing more"
        )
    if row.expires_at <= now:
        raise StaleFence(
            f"the lease `{lease.name}` has expired: it must be taken again before anything is written"
        )


def release_lease(connection: Connection, lease: Lease, now: datetime) -> bool:
    """Let the next one have it at once; False where it was lost already."""
    done = connection.execute(
        update(leases)
        .where(leases.c.name == lease.name, leases.c.fence == lease.fence, leases.c.owner == lease.owner)
        .values(expires_at=now)
    )
    return bool(done.rowcount)
