"""Lemon Squeezy: the orders of a store, newest first, a dollar each; no subscriptions."""

from datetime import timedelta
from typing import Any

from advisor.demo.wire import NOT_FOUND, Answered, Asked
from advisor.demo.world import World

__all__ = ["answer"]

_PAGE = 100
_KEPT = timedelta(days=40)  # Older orders are on no page that is asked for.


def answer(asked: Asked, world: World) -> Answered:
    """Answer one page of a list."""
    kind = asked.path.removeprefix("/v1/")
    if kind == "stores":
        return _page([{"type": kind, "id": "1", "attributes": {"name": "Shop", "currency": "USD"}}], 1, 1)
    if kind in {"subscription-invoices", "subscriptions"}:
        return _page([], 1, 1)
    if kind != "orders":
        return NOT_FOUND
    paid = world.moments("lemon-squeezy", "revenue", asked.now - _KEPT, asked.now)[::-1]
    number = int(asked.query["page[number]"])
    rows = [
        {
            "type": kind,
            "id": f"{at.timestamp():.0f}",
            "attributes": {
                "store_id": 1, "status": "paid", "currency": "USD", "currency_rate": "1.00000000",
                "total_usd": 100, "subtotal_usd": 100, "tax_usd": 0, "refunded": False,
                "refunded_amount_usd": 0, "test_mode": False, "created_at": f"{at:%Y-%m-%dT%H:%M:%S.%f}Z",
            },
        }
        for at in paid[(number - 1) * _PAGE : number * _PAGE]
    ]  # fmt: skip
    return _page(rows, number, max(1, -(-len(paid) // _PAGE)))


def _page(rows: list[Any], number: int, last: int) -> Answered:
    meta = {"page": {"currentPage": number, "lastPage": last, "perPage": _PAGE}}
    return Answered({"meta": meta, "data": rows})
