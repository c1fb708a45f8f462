"""The one place that asks a provider over HTTP; trouble comes out as the errors of `contract.py`.

A poll is not tried twice: a reading stays fresh for three polls, so that one failure changes no verdict, and
a provider in trouble is not asked more often. `retry.py` says how failing sources are spaced.
"""

import asyncio
import base64
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx

from advisor.polling.contract import Unexpected, Unreachable
from advisor.polling.reply import Reply, plain

__all__ = ["MAX_BODY", "TOTAL", "basic", "fetch", "get_json", "place"]

TOTAL = 20.0  #: Seconds for a whole request, redirects and body included.
MAX_BODY = 8 * 2**20  #: Bytes of an answer after decompression.

_REDIRECTS = 3
_DEFAULT_PORTS = {"http": 80, "https": 443}


async def get_json(
    http: httpx.AsyncClient,
    url: str,
    *,
    where: str,
    now: datetime,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    right: str = "",
) -> Any:
    """GET `url` and return its JSON; see `fetch` for the arguments and errors."""
    reply = await fetch(http, url, where=where, now=now, headers=headers, params=params, right=right)
    return reply.ok().json()


async def fetch(
    http: httpx.AsyncClient,
    url: str,
    *,
    where: str,
    now: datetime,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    content: bytes | None = None,
    right: str = "",
    total: float = TOTAL,
    max_body: int = MAX_BODY,
) -> Reply:
    """Ask once and return the whole answer, whatever its status.

    Redirects are followed for GET within one host, never to another and never from TLS to none, so that a
    credential goes only where the user sent it. `where` is what messages call the server, such as
    "Prometheus at metrics.example.com:9090" (see `place`); `right` is the scope that a 403 would miss.
    `params` replace a query in `url`; `total` is in seconds, `max_body` in bytes.

    Raises:
        Unreachable: refused, no such name, TLS failed, or not whole within `total`.
        Unexpected: not HTTP, too large, or sent to another host.
    """
    with _as_our_errors(where, total):
        target = _target(url)
        sent = httpx.Headers(dict(headers or {}))
        if target.userinfo:  # aiohttp refuses a URL that brings its own credential beside a header.
            sent.setdefault("Authorization", basic(target.username, target.password))
            target = target.copy_with(userinfo=b"")
        async with asyncio.timeout(total):
            for _ in range(_REDIRECTS + 1):
                request = http.build_request(
                    method, target, headers=sent, params=params, data=form, content=content
                )
                response = await http.send(request, stream=True)
                try:
                    if response.next_request is None or method != "GET":
                        body = await _whole(response, where, max_body)
                        return Reply(response.status_code, response.headers, body, where, now, right)
                    target, params = _next(target, response.next_request.url, where), None
                finally:
                    await response.aclose()
    raise Unexpected(f"{where} redirects more than {_REDIRECTS} times: write the final address as `url`")


def _target(url: str) -> httpx.URL:
    target = httpx.URL(url)
    if target.scheme not in _DEFAULT_PORTS or not target.host:
        raise httpx.InvalidURL("no scheme or host")
    return target


@contextmanager
def _as_our_errors(where: str, total: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise Unreachable(f"{where} gave no whole answer within {total:g} s; it is asked again") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise Unexpected(f"{where}: `url` is no http:// or https:// address") from None
    except httpx.DecodingError:
        raise Unexpected(f"{where} sent a body that cannot be decompressed") from None
    except (httpx.HTTPError, OSError) as error:
        raise _trouble(error, where) from None
    except ValueError:  # A header with a line break or a letter beyond Latin; its value stays out of here.
        raise Unexpected(f"{where}: a header cannot be sent; look for line breaks in its value") from None
    except Exception as error:
        if not type(error).__module__.startswith(
            "aiohttp"
        ):  # A few of aiohttp's errors come through as such.
            raise
        raise _trouble(error, where) from None


async def _whole(response: httpx.Response, where: str, max_body: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_body:
            size = f"{max_body / 2**20:g} MiB" if max_body >= 2**20 else f"{max_body} bytes"
            raise Unexpected(
                f"{where} sent more than {size}: narrow the query, or check that `url` is the API"
            )
    return bytes(body)


def _next(old: httpx.URL, new: httpx.URL, where: str) -> httpx.URL:
    same_port = _port(old) == _port(new) or (old.scheme, new.scheme) == ("http", "https")
    if old.host != new.host or not same_port or (old.scheme, new.scheme) == ("https", "http"):
        raise Unexpected(
            f"{where} redirects to {plain(place(str(new)))} ({new.scheme}), where no credential is sent: "
            "if that is right, write it as `url`"
        )
    return new


def _port(url: httpx.URL) -> int | None:
    return url.port or _DEFAULT_PORTS.get(url.scheme)


def basic(user: str, password: str) -> str:
    """Return the `Authorization` header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _trouble(error: Exception, where: str) -> Unreachable | Unexpected:
    """Return our error for one of the transport's: the cause is read from the chain, never its text."""
    for cause in _chain(error):
        name = type(cause).__name__
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = plain(cause.verify_message) or "it cannot be verified"
            return Unreachable(
                f"{where}: TLS failed, its certificate is not trusted ({why}); correct it, or name your "
                "own authority in SSL_CERT_FILE"
            )
        if isinstance(cause, ssl.SSLError):
            return Unreachable(
                f"{where}: TLS failed ({plain(cause.reason or '')}); does it speak HTTPS there?"
            )
        if isinstance(cause, socket.gaierror):
            return Unreachable(f"{where}: the name is not known; check the host in `url`, or the resolver")
        if isinstance(cause, ConnectionRefusedError):
            return Unreachable(f"{where} refused the connection; check the port, or whether it runs")
        if isinstance(cause, TimeoutError | httpx.TimeoutException) and name != "ConnectTimeout":
            return Unreachable(f"{where} gave no answer in time; it is asked again")
        if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
            return Unreachable(f"{where} cannot be reached ({plain(cause.strerror or name)})")
        if name in {"ClientResponseError", "BadStatusLine", "InvalidHeader", "LineTooLong", "BadHttpMessage"}:
            return Unexpected(f"{where} does not answer in HTTP: check scheme and port of `url`")
        if name in {"ServerDisconnectedError", "ClientPayloadError", "RemoteProtocolError", "ReadError"}:
            return Unreachable(
                f"{where} closed the connection before the answer was whole; it is asked again"
            )
    return Unreachable(f"{where} cannot be reached ({type(error).__name__})")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the causes, innermost first: the outer names are often wrong (refused is "timeout")."""
    causes: list[BaseException] = []
    while error is not None and len(causes) < 10:
        causes.append(error)
        inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None)
        if isinstance(inner, BaseException) and inner not in causes:
            causes.append(inner)
        error = error.__cause__ or error.__context__
    yield from reversed(causes)


def place(url: str) -> str:
    """Return host and (where it is not the scheme's own) port of `url`: all that a message may hold."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "an address that is none"
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    return f"{host}:{parsed.port}" if parsed.port else host or "an address without a host"
