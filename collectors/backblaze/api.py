"""Asks B2's Native API: signs in, reads reports, walks listings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote, urlsplit

from advisor.polling.body import Body
from advisor.polling.contract import CollectError, Forbidden, Poll, TokenRefused, Unexpected
from advisor.polling.fetch import basic, fetch
from advisor.polling.reply import Reply, plain

__all__ = ["DEFAULT", "WHERE", "Api", "CapReached", "buckets", "capabilities"]

WHERE = "Backblaze B2"
DEFAULT = "https://api.backblazeb2.com"

_VERSION = "/b2api/v4"
_DOMAIN = ".backblazeb2.com"
_REPORT = 2**20 * 8


class CapReached(CollectError):
    """A cap that the owner set in the console is reached: B2 refuses calls until it is raised."""


@dataclass(frozen=True, slots=True)
class Api:
    """B2 as one key sees it, signed in for this poll."""

    poll: Poll
    account: str
    api_url: str
    download_url: str
    token: str = field(repr=False)
    body: Body = field(repr=False)

    @classmethod
    async def sign_in(cls, poll: Poll, base: str, key_id: str, key: str) -> "Api":
        """Return it.

        Raises:
            CollectError: The key is refused, or B2 cannot be reached.
        """
        url = f"{base}{_VERSION}/b2_authorize_account"
        headers = {"Authorization": basic(key_id, key)}
        reply = await fetch(poll.http, url, where=WHERE, now=poll.now, headers=headers)
        body = Body(_good(reply).json(), WHERE)
        urls = body["apiInfo"]["storageApi"]
        return cls(
            poll,
            body.text("accountId"),
            _host(urls["apiUrl"], base),
            _host(urls["downloadUrl"], base),
            body.text("authorizationToken"),
            body,
        )

    async def call(self, name: str, asked: Mapping[str, Any], right: str) -> Body:
        """Return the answer of a call.

        Raises:
            CollectError: It failed; a cap as CapReached.
        """
        reply = await fetch(
            self.poll.http,
            f"{self.api_url}{_VERSION}/{name}",
            where=WHERE,
            now=self.poll.now,
            method="POST",
            headers={"Authorization": self.token, "Content-Type": "application/json"},
            content=json.dumps(dict(asked)).encode(),
            right=right,
        )
        return Body(_good(reply).json(), WHERE)

    async def report(self, day: date, name: str) -> str | None:
        """Return a day's usage report; None where there is none.

        Raises:
            CollectError: It failed; a cap as CapReached.
        """
        path = f"b2-reports-{self.account}/{day.isoformat()}/{name or f'usage.account-{self.account}.csv'}"
        reply = await fetch(
            self.poll.http,
            f"{self.download_url}/file/{quote(path)}",
            where=WHERE,
            now=self.poll.now,
            headers={"Authorization": self.token, "Accept": "text/csv"},
            right="readFiles",
            max_body=_REPORT,
        )
        if reply.status == 404:
            return None
        return _good(reply).body.decode("utf-8", "replace")


def _good(reply: Reply) -> Reply:
    """Return the reply where it is one; B2 tells by a code what its status means."""
    if reply.status in {400, 401, 403}:
        try:
            body = reply.json()
        except Unexpected:
            body = {}
        told = body if isinstance(body, dict) else {}
        code, message = str(told.get("code", "")), str(told.get("message", ""))
        if "cap_exceeded" in code or "cap exceeded" in message.casefold():
            raise CapReached(
                f"{WHERE}: a cap of the account is reached ({plain(message, 80) or 'no words'}); raise it in "
                "the console, under Caps & Alerts"
            )
        if reply.status == 401 and code == "unauthorized" and reply.right:
            raise Forbidden(f"{WHERE}: the key lacks the capability `{reply.right}`", reply.right)
        if reply.status == 401:
            raise TokenRefused(f"{WHERE}: the key is wrong or expired ({plain(code, 40) or '401'})")
        if reply.status == 400:
            raise Unexpected(f"{WHERE} answered 400 ({plain(code, 40) or 'no code'}): check `bucket`")
    return reply.ok()


def _host(told: Body, base: str) -> str:
    """Return where B2 sends us: a key goes to Backblaze alone, or to the address that the user wrote."""
    if base != DEFAULT:
        return base
    parts = urlsplit(told.text())
    if parts.scheme != "https" or not (parts.hostname or "").endswith(_DOMAIN):
        raise Unexpected(f"{WHERE}: `{told.path}` is not Backblaze: no key is sent there")
    return f"https://{parts.netloc}"


def capabilities(body: Body) -> tuple[str, ...]:
    """Return what the key may do, wherever this version of the API says it. Pure."""
    for keys in (
        ("allowed", "capabilities"),
        ("apiInfo", "storageApi", "allowed", "capabilities"),
        ("apiInfo", "storageApi", "capabilities"),
    ):
        found = body.get(*keys)
        if found is not None:
            return tuple(one.text() for one in found.each())
    return ()


def buckets(body: Body) -> tuple[str, ...]:
    """Return the ids of the buckets that the key is limited to; empty: it is not. Pure."""
    for keys in ("allowed",), ("apiInfo", "storageApi", "allowed"):
        allowed = body.get(*keys)
        if allowed is None:
            continue
        listed = allowed.get("buckets")
        if listed is not None:
            found = (one.get("id") or one.get("bucketId") for one in listed.each())
            return tuple(one.text() for one in found if one is not None)
        alone = allowed.get("bucketId")
        return (alone.text(),) if alone is not None else ()
    return ()
