"""Asks Stripe, page by page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from advisor.polling.body import Body
from advisor.polling.contract import Forbidden
from advisor.polling.fetch import fetch
from advisor.polling.reply import Reply

__all__ = ["MOST_PAGES", "Api", "Seen"]

MOST_PAGES = 20  #: Of one list in one poll.
WHERE = "Stripe"

_PAGE = 100
_VERSION = (
    "2025-02-24.acacia"  # So that an account's own version changes no field; newer shapes are read as well.
)
_RIGHT = re.compile(rb"\brak_[a-z_]+")


@dataclass(frozen=True, slots=True)
class Seen:
    """The rows of a list, newest first; `whole`: all of them."""

    rows: list[Body]
    whole: bool


@dataclass(frozen=True, slots=True)
class Api:
    """One poll's conversation. `account` is a connected account, "" for the key's own."""

    http: httpx.AsyncClient
    base: str
    token: str = field(repr=False)
    account: str
    now: datetime

    async def get(self, path: str, query: Mapping[str, str], right: str) -> Body:
        """GET a path.

        Raises:
            CollectError: Stripe cannot be reached or refuses; a missing right is named as Stripe names it.
        """
        headers = {"Authorization": f"Bearer {self.token}", "Stripe-Version": _VERSION}
        if self.account:
            headers["Stripe-Account"] = self.account
        reply = await fetch(
            self.http, self.base + path, where=WHERE, now=self.now, headers=headers, params=query, right=right
        )
        return Body(_ok(reply, right).json(), WHERE)

    async def pages(self, path: str, query: Mapping[str, str], right: str, most: int = MOST_PAGES) -> Seen:
        """GET a list to its end, or to its `most`th page."""
        rows: list[Body] = []
        after: dict[str, str] = {}
        for _ in range(most):
            body = await self.get(path, {**query, "limit": str(_PAGE), **after}, right)
            page = list(body["data"].each())
            rows += page
            if not page or body["has_more"].value is not True:
                return Seen(rows, whole=True)
            after = {"starting_after": page[-1].text("id")}
        return Seen(rows, whole=False)


def _ok(reply: Reply, right: str) -> Reply:
    named = _RIGHT.search(reply.body) if reply.status == 403 else None
    if named is None:
        return reply.ok()
    scope = named.group().decode()
    raise Forbidden(
        f"{WHERE} answered 403 Forbidden: the key lacks `{scope}`; edit it and grant {right}", scope
    )


def flag(body: Body, *keys: str) -> Any:
    """Return what is at a path, None where nothing is."""
    found = body.get(*keys)
    return None if found is None else found.value
