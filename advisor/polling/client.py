"""The HTTP client of all sources.

httpx is the interface and aiohttp carries it, because httpx's own pool collapses at 100 connections. TLS is
always verified; a private authority is trusted through `SSL_CERT_FILE`. Proxies come from the environment.
No cookie is kept, since two accounts at one host share this client.
"""

import asyncio
import socket
import ssl
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpx

from advisor import __version__

if TYPE_CHECKING:
    import aiohttp

__all__ = ["client"]

_CONNECT, _READ, _POOL = 5.0, 15.0, 20.0
_CONNECTIONS, _PER_HOST = 512, 16
_KEEP_ALIVE = 75.0  # Outlives the usual 15 to 60 s between two polls: no new handshake each time.


def client(trusted: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """Return the client for all sources of a daemon; close it with `aclose` (or use it in `async with`).

    `trusted` verifies by authorities of its own, as a cluster has them, in place of those of everybody.
    """
    return httpx.AsyncClient(
        transport=_Way(trusted),
        timeout=httpx.Timeout(_READ, connect=_CONNECT, pool=_POOL),
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={
            "User-Agent": f"scaling-advisor/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        },
    )


class _Way(httpx.AsyncBaseTransport):
    """A request's way out: direct, or by the environment's proxy. Every request passes here, redirects too.

    A rule about which hosts and addresses may be asked belongs into this class and its resolver.
    """

    def __init__(self, trusted: ssl.SSLContext | None) -> None:
        self._trusted = trusted
        self._proxies = {
            scheme: proxy
            for scheme, proxy in urllib.request.getproxies().items()
            if scheme in ("http", "https")
        }
        self._ways: dict[str, httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        proxy = self._proxies.get(request.url.scheme, "")
        if proxy and (_is_loopback(request.url.host) or urllib.request.proxy_bypass(request.url.host)):
            proxy = ""
        if proxy not in self._ways:
            self._ways[proxy] = _transport(proxy, self._trusted)
        return await self._ways[proxy].handle_async_request(request)

    async def aclose(self) -> None:
        for way in self._ways.values():
            await way.aclose()


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def _transport(proxy: str, trusted: ssl.SSLContext | None) -> httpx.AsyncBaseTransport:
    # aiohttp costs 10 MiB and a fifth of a second: only a process that polls pays.
    import aiohttp
    import httpx_aiohttp

    verified = trusted or httpx.create_ssl_context()

    def session() -> "aiohttp.ClientSession":
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=verified,
                limit=_CONNECTIONS,
                limit_per_host=_PER_HOST,
                keepalive_timeout=_KEEP_ALIVE,
                resolver=_resolver(),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            # A slow line of a huge header is as bad as a huge body.
            max_line_size=16_384,
            max_field_size=16_384,
        )

    return httpx_aiohttp.AiohttpTransport(
        verify=verified, client=session, proxy=httpx.Proxy(proxy) if proxy else None
    )


def _resolver() -> "aiohttp.abc.AbstractResolver":
    """Look names up in threads of our own.

    The loop's default executor has a handful of threads; six names whose servers are dead would hold them
    all and delay every other source.
    """
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Resolver(AbstractResolver):
        def __init__(self) -> None:
            self._threads = ThreadPoolExecutor(64, "names")

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            found = await asyncio.get_running_loop().run_in_executor(
                self._threads, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM
            )
            return [
                ResolveResult(
                    hostname=host,
                    host=str(address[0]),
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
                for kind, _, protocol, _, address in found
            ]

        async def close(self) -> None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    return Resolver()
