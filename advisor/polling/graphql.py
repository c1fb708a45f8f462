"""GraphQL over HTTP: errors inside a 200 come out as the errors of `contract.py`, partial data is kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from advisor.polling.body import Body
from advisor.polling.contract import Forbidden, Throttled, TokenRefused, Unexpected
from advisor.polling.fetch import fetch
from advisor.polling.reply import again_at, plain

__all__ = ["Data", "ask"]

_REFUSED = ("unauthenticated", "not authenticated", "authentication", "invalid token", "not authorized")
_FORBIDDEN = ("forbidden", "permission", "authz", "access denied", "not entitled")
_THROTTLED = ("rate limit", "rate_limited", "too many requests", "throttled", "budget")


@dataclass(frozen=True, slots=True)
class Data:
    """What was answered. `faults` are the errors beside partial data, one sentence each."""

    body: Body
    faults: Sequence[str] = ()


async def ask(
    http: httpx.AsyncClient,
    url: str,
    document: str,
    variables: Mapping[str, Any],
    *,
    where: str,
    now: datetime,
    headers: Mapping[str, str],
    right: str = "",
) -> Data:
    """Send one query and return its data.

    Raises:
        CollectError: As `fetch`; and where there is no data at all, what the errors inside the answer mean.
    """
    reply = await fetch(
        http,
        url,
        where=where,
        now=now,
        method="POST",
        headers={"Content-Type": "application/json", "Accept": "application/json", **headers},
        content=json.dumps({"query": document, "variables": dict(variables)}).encode(),
        right=right,
    )
    if reply.status != 400:  # Some servers send their errors with it, and these say more than the status.
        reply.ok()
    body = Body(reply.json(), where)
    errors = list(body["errors"].each()) if body.get("errors") is not None else []
    data = body.get("data")
    if data is not None and any(field.value is not None for _, field in data.items()):
        return Data(data, tuple(_said(error) for error in errors))
    if not errors:
        reply.ok()
        raise Unexpected(f"{where}: the answer has neither data nor errors; check that `url` is the API")
    said = "; ".join(_said(error) for error in errors[:3])
    words = " ".join(f"{_said(error)} {_code(error)}" for error in errors).lower()
    if any(word in words for word in _THROTTLED):
        at = again_at(reply.headers, now)
        raise Throttled(f"{where}: asked too often ({said}); a longer `interval:` avoids it", at)
    if any(word in words for word in _FORBIDDEN):
        needs = f"the right `{right}`" if right else "a right that this needs"
        raise Forbidden(f"{where}: the credential lacks {needs} ({said})", right)
    if any(word in words for word in _REFUSED):
        raise TokenRefused(f"{where}: the credential is missing, wrong or expired ({said})")
    raise Unexpected(f"{where}: the query was refused ({said})")


def _said(error: Body) -> str:
    message = error.get("message")
    return plain(str(message.value)) if message is not None else "an error without words"


def _code(error: Body) -> str:
    code = error.get("extensions", "code") if isinstance(error.value, dict) else None
    return plain(str(code.value)) if code is not None else ""
