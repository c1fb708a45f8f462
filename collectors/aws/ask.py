"""Signed requests to AWS: the JSON protocols, the query protocol with XML, and GET with JSON.

The query protocol is spoken with CloudWatch too: RDS and SES know no other, and emulators know it best.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from advisor.collectors.aws.xml import read
from advisor.errors import InputError
from advisor.polling.body import Body
from advisor.polling.contract import (
    CollectError,
    Forbidden,
    Poll,
    Throttled,
    TokenRefused,
    Unexpected,
    Unreachable,
)
from advisor.polling.fetch import fetch
from advisor.polling.reply import Reply, plain, retry_after
from advisor.polling.sigv4 import Keys, signed

__all__ = ["Api"]

#: What messages call an endpoint, and the name it signs with where that is another than the host's.
_TITLES = {
    "monitoring": "Amazon CloudWatch", "rds": "Amazon RDS", "ecs": "Amazon ECS", "email": "Amazon SES",
    "ce": "AWS Cost Explorer", "application-autoscaling": "AWS Auto Scaling", "sts": "AWS STS",
}  # fmt: skip
_SIGNED_AS = {"email": "ses"}

_REFUSED = frozenset(
    {
        "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "ExpiredToken",
        "ExpiredTokenException", "InvalidAccessKeyId", "MissingAuthenticationToken", "IncompleteSignature",
        "MissingAuthenticationTokenException", "InvalidSignatureException", "AuthFailure", "InvalidToken",
        "MissingAuthenticationTokenFault", "IncompleteSignatureException",
    }
)  # fmt: skip
_CLOCK = frozenset({"RequestExpired", "RequestTimeTooSkewed", "RequestExpiredException"})
_FORBIDDEN = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "OptInRequired",
        "AuthorizationErrorException", "NotAuthorizedException",
    }
)  # fmt: skip
_THROTTLED = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "SlowDown",
        "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "LimitExceededException",
        "LimitExceeded", "PriorRequestNotComplete",
    }
)  # fmt: skip
_TROUBLE = frozenset(
    {
        "InternalFailure", "InternalServiceFault", "InternalServiceError", "ServiceUnavailable",
        "ServerException", "ServiceUnavailableException", "InternalError",
    }
)  # fmt: skip


class Api:
    """One poll's way to AWS: its keys, its region, its errors."""

    def __init__(self, poll: Poll, keys: Keys, region: str, base_url: str) -> None:
        self.poll = poll
        self._keys = keys
        self._region = region
        self._base = base_url.rstrip("/")

    async def query(self, host: str, action: str, version: str, form: Mapping[str, str], right: str) -> Body:
        """Ask with the query protocol and return the action's result.

        Raises:
            CollectError: It cannot be reached, refuses, or answers what is no such result.
        """
        content = urlencode({"Action": action, "Version": version, **form}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Accept": "text/xml"}
        reply = await self._send(host, "POST", "/", headers, content, right)
        found = _parsed(reply)
        for wrapper in (f"{action}Response", f"{action}Result"):
            found = found[wrapper]
        return Body(found.value or {}, reply.where)

    async def json(self, host: str, target: str, version: str, ask: Mapping[str, Any], right: str) -> Body:
        """Ask with a JSON protocol (`version` "1.0" or "1.1") and return the answer.

        Raises:
            CollectError: It cannot be reached, refuses, or answers what is no JSON.
        """
        headers = {"Content-Type": f"application/x-amz-json-{version}", "X-Amz-Target": target}
        reply = await self._send(host, "POST", "/", headers, json.dumps(ask).encode(), right)
        return _parsed(reply)

    async def get(self, host: str, path: str, right: str) -> Body:
        """GET a path and return the JSON.

        Raises:
            CollectError: It cannot be reached, refuses, or answers what is no JSON.
        """
        return _parsed(await self._send(host, "GET", path, {}, b"", right))

    async def _send(
        self, host: str, method: str, path: str, headers: Mapping[str, str], content: bytes, right: str
    ) -> Reply:
        region = "us-east-1" if host == "ce" else self._region or ("us-east-1" if host == "sts" else "")
        if not region:
            raise InputError("AWS needs `region`, such as eu-west-1: metrics live in one", key="region")
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        base = self._base or f"https://{host}.{quote(region, safe='')}.{domain}"
        more = signed(
            self._keys,
            method,
            base + path,
            service=_SIGNED_AS.get(host, host),
            region=region,
            headers=headers,
            content=content,
        )
        where = f"{_TITLES.get(host, host)} in {plain(region, 30)}"
        reply = await fetch(
            self.poll.http,
            base + path,
            where=where,
            now=self.poll.now,
            method=method,
            headers=more,
            content=content or None,
            right=right,
        )
        if reply.status >= 300:
            raise _trouble(reply, right)
        return reply


def _parsed(reply: Reply) -> Body:
    # Behind some gateways the query protocol is answered in JSON.
    if reply.body.lstrip()[:1] == b"<":
        return Body(read(reply.body, reply.where), reply.where)
    return Body(reply.json(), reply.where)


def _trouble(reply: Reply, right: str) -> CollectError:
    """Return our error for one of AWS': the code decides, since most come with status 400."""
    code = plain(_code(reply), 60)
    said = f"{reply.where} answered {reply.status}{f' {code}' if code else ''}"
    if code in _CLOCK:
        return TokenRefused(f"{said}: the clocks differ too much; set this machine's clock")
    if code in _REFUSED or reply.status == 401:
        return TokenRefused(
            f"{said}: the key is wrong or expired, or of another partition; put a valid one in place"
        )
    if code in _THROTTLED or reply.status == 429:
        at = retry_after(reply.headers.get("retry-after", ""), reply.now)
        return Throttled(f"{said}: asked too often; it is asked again, a longer `interval:` avoids it", at)
    if code in _FORBIDDEN or reply.status == 403:
        return Forbidden(f"{said}: the key lacks the right `{right}`; add it to its policy", right)
    if code in _TROUBLE or reply.status >= 500:
        return Unreachable(f"{said}: the service is in trouble; it is asked again")
    if "NotFound" in code:
        return Unexpected(f"{said}: nothing of that name is in this region; check name and `region`")
    return Unexpected(f"{said}: it does not take what was asked; check names and `region`")


def _code(reply: Reply) -> str:
    """Return the error's code: of a header, of JSON's `__type`, or of XML's `Code`."""
    told = reply.headers.get("x-amzn-errortype", "")
    if not told:
        try:
            body = _parsed(reply).value
        except CollectError:
            return ""
        told = _find(body)
    return str(told).partition(":")[0].rpartition("#")[2]


def _find(body: Any, depth: int = 0) -> str:
    if not isinstance(body, dict) or depth > 4:
        return ""
    for key in ("__type", "code", "Code"):
        if isinstance(body.get(key), str):
            return str(body[key])
    for key in ("ErrorResponse", "Response", "Errors", "Error"):
        if found := _find(body.get(key), depth + 1):
            return found
    return ""
