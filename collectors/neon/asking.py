"""Neon's API, asked with one key."""

import json
from collections.abc import Mapping

from pydantic import SecretStr

from advisor.polling.body import Body
from advisor.polling.contract import Forbidden, Poll, Unexpected
from advisor.polling.fetch import fetch, place
from advisor.polling.reply import Reply, plain

__all__ = ["API", "Api"]

API = "https://console.neon.tech"
_PATH = "/api/v2"
_MOST_PAGES = 50


class Api:
    """One poll's conversation with Neon."""

    def __init__(self, poll: Poll, token: SecretStr, base_url: str) -> None:
        self.poll = poll
        self._base = base_url.rstrip("/").removesuffix(_PATH) + _PATH
        self._headers = {"Authorization": f"Bearer {token.get_secret_value()}", "Accept": "application/json"}
        self.where = f"Neon at {place(self._base)}"

    async def get(self, path: str, params: Mapping[str, str] | None = None, right: str = "") -> Body:
        """Return the answer to a GET.

        Raises:
            CollectError: As `Reply.ok`; what Neon says is wrong is told in its words.
        """
        reply = await fetch(
            self.poll.http,
            self._base + path,
            where=self.where,
            now=self.poll.now,
            headers=self._headers,
            params=params,
            right=right,
        )
        if reply.status in {400, 404, 406, 412, 422}:
            raise Unexpected(f"{self.where} answered {reply.status} for {path}: {_said(reply)}")
        if reply.status == 403:
            needs = f"the right `{right}`" if right else "a right that this needs"
            raise Forbidden(
                f"{self.where} answered 403: the key or the plan lacks {needs} ({_said(reply)})", right
            )
        return Body(reply.ok().json(), self.where)

    async def pages(self, path: str, key: str, params: Mapping[str, str], right: str = "") -> list[Body]:
        """Return the items at `key` of all pages.

        A cursor may come with the last page too: it ends where a page is empty, or a cursor missing or seen
        before. What two pages both have counts once.

        Raises:
            CollectError: As `get`; Unexpected where the pages do not end.
        """
        items: dict[str, Body] = {}
        cursors = {""}
        cursor = ""
        for _ in range(_MOST_PAGES):
            body = await self.get(path, {**params, **({"cursor": cursor} if cursor else {})}, right)
            page = list(body[key].each())
            items |= {json.dumps(one.value): one for one in page}
            pagination = body.get("pagination")
            told = (pagination.get("cursor") or pagination.get("next")) if pagination is not None else None
            cursor = told.text() if told is not None else ""
            if not page or cursor in cursors:
                return list(items.values())
            cursors.add(cursor)
        raise Unexpected(f"{self.where}: {path} has more than {_MOST_PAGES} pages; name the `project:`")


def _said(reply: Reply) -> str:
    """Return Neon's own words for an error."""
    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):
        body = None
    message = body.get("message") if isinstance(body, dict) else None
    return plain(str(message), 200) if message else "it does not say why"
