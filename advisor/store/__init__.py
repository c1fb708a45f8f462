"""What is remembered: readings, terms, findings, messages; on SQLite by default, on PostgreSQL when told."""

from advisor.store.engine import Place
from advisor.store.findings import Flip
from advisor.store.history import Samples
from advisor.store.leases import Lease
from advisor.store.opening import open_store
from advisor.store.outbox import Claim, Delivery, Queued
from advisor.store.rollups import Daily, Retention
from advisor.store.series import Series
from advisor.store.sources import Source
from advisor.store.store import AsyncStore, Store
from advisor.store.transaction import Transaction
from advisor.store.trouble import Conflict, StaleFence

__all__ = [
    "AsyncStore",
    "Claim",
    "Conflict",
    "Daily",
    "Delivery",
    "Flip",
    "Lease",
    "Place",
    "Queued",
    "Retention",
    "Samples",
    "Series",
    "Source",
    "StaleFence",
    "Store",
    "Transaction",
    "open_store",
]
