"""Every kind of trouble that HTTP knows becomes one sentence with place, cause and way out."""

import asyncio
import gzip
import json
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.polling.contract import (
    CollectError,
    Forbidden,
    Throttled,
    TokenRefused,
    Unexpected,
    Unreachable,
)
from advisor.polling.fetch import fetch, get_json, place
from advisor.polling.reply import again_at, plain, retry_after

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECRET = "s3cr3t-t0k3n"
HEADERS = {"Authorization": f"Bearer {SECRET}"}


async def ask(http: httpx.AsyncClient, url: str, **more: object) -> object:
    where = f"the usage API at {place(url)}"
    return await get_json(http, url, where=where, now=NOW, headers=HEADERS, params={"key": SECRET}, **more)


async def trouble(http: httpx.AsyncClient, url: str, **more: object) -> CollectError:
    """Return the error that asking ends in; whatever it is, it names the server and holds no secret."""
    with pytest.raises(CollectError) as caught:
        await ask(http, url, **more)
    message = str(caught.value)
    assert SECRET not in message
    assert "/secret-path" not in message
    assert "\n" not in message
    assert place(url) in message
    assert caught.value.__cause__ is None  # What the transport said may hold the URL.
    return caught.value


async def test_json_comes_back(http: httpx.AsyncClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/usage", query_string={"key": SECRET}, headers=HEADERS).respond_with_json(
        {"a": 1}
    )
    assert await ask(http, httpserver.url_for("/usage")) == {"a": 1}


async def test_a_query_in_the_url_stays_where_no_parameters_are_given(
    http: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/usage", query_string={"month": "11"}).respond_with_json([])
    assert await get_json(http, httpserver.url_for("/usage?month=11"), where="x", now=NOW) == []


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (400, Unexpected, "400 Bad Request"),
        (401, TokenRefused, "credential is missing, wrong or expired"),
        (403, Forbidden, "lacks a right"),
        (404, Unexpected, "404 Not Found: check path"),
        (408, Unreachable, "asked again"),
        (429, Throttled, "a longer `interval:`"),
        (500, Unreachable, "500 Internal Server Error: the server is in trouble"),
        (503, Unreachable, "503 Service Unavailable"),
        (599, Unreachable, "599: the server"),
    ],
)
async def test_a_status_becomes_one_of_our_errors(
    http: httpx.AsyncClient, httpserver: HTTPServer, status: int, kind: type[CollectError], says: str
) -> None:
    httpserver.expect_request("/secret-path").respond_with_data(f"trouble with {SECRET}", status=status)
    error = await trouble(http, httpserver.url_for("/secret-path"))
    assert type(error) is kind
    assert says in str(error)
    assert error.again == (kind in {Throttled, Unreachable})


async def test_403_names_the_right_that_is_missing(http: httpx.AsyncClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("", status=403)
    error = await trouble(http, httpserver.url_for("/"), right="projects:read")
    assert "lacks the right `projects:read`" in str(error)


async def test_throttled_says_when_to_come_back(http: httpx.AsyncClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("", status=429, headers={"Retry-After": "90"})
    error = await trouble(http, httpserver.url_for("/"))
    assert isinstance(error, Throttled)
    assert error.retry_at == NOW + timedelta(seconds=90)
    assert "asked again at 2026-11-01 12:01:30 UTC" in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"RateLimit-Reset": "40"}, 40),
        ({"X-RateLimit-Reset": f"{NOW.timestamp() + 50:.0f}"}, 50),
        ({"X-RateLimit-Reset": f"{NOW.timestamp() - 50:.0f}"}, 0),
        ({"X-Own-Rate-Limit-Reset": format_datetime(NOW + timedelta(minutes=1), usegmt=True)}, 60),
        ({"Retry-After": "7", "RateLimit-Reset": "40"}, 7),
        ({"RateLimit-Reset": "soon"}, None),
        ({}, None),
    ],
)
def test_without_retry_after_the_end_of_the_window_counts(
    headers: dict[str, str], seconds: float | None
) -> None:
    at = again_at(httpx.Headers(headers), NOW)
    assert at == (None if seconds is None else NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), 300),
        (format_datetime(NOW - timedelta(minutes=5), usegmt=True), 0),  # A date gone by: now.
        ("999999999", 86_400),  # Nobody is left alone for more than a day.
        ("-5", None),
        ("soon", None),
        ("", None),
        ("nan", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    at = retry_after(text, NOW)
    assert at == (None if seconds is None else NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"<html>log in</html>", "text/html", "`text/html` where JSON was expected"),
        (b"", "application/json", "nothing where JSON"),
        (b'{"a": 1', "application/json", "not JSON (line 1, column 8)"),
        (b'{"a": NaN}', "application/json", "not JSON"),
        (b"\xff\xfe\xfa", "application/json", "not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "application/json", "nested too deeply"),
    ],
)
async def test_what_is_not_json_is_unexpected(
    http: httpx.AsyncClient, httpserver: HTTPServer, body: bytes, kind: str, says: str
) -> None:
    httpserver.expect_request("/").respond_with_data(body, content_type=kind)
    error = await trouble(http, httpserver.url_for("/"))
    assert type(error) is Unexpected
    assert says in str(error)


async def test_a_huge_body_is_left_at_the_limit(http: httpx.AsyncClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data(b'"' + b"a" * 9 * 2**20 + b'"')
    error = await trouble(http, httpserver.url_for("/"))
    assert type(error) is Unexpected
    assert "more than 8 MiB" in str(error)


async def test_a_small_body_that_unpacks_to_a_huge_one_is_left_too(
    http: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    bomb = gzip.compress(b"a" * 50 * 2**20)
    assert len(bomb) < 100_000
    httpserver.expect_request("/").respond_with_data(bomb, headers={"Content-Encoding": "gzip"})
    assert "more than 8 MiB" in str(await trouble(http, httpserver.url_for("/")))


async def test_a_body_that_cannot_be_unpacked_is_unexpected(
    http: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/").respond_with_data(b"no gzip", headers={"Content-Encoding": "gzip"})
    assert "cannot be decompressed" in str(await trouble(http, httpserver.url_for("/")))


async def test_a_gzipped_answer_is_read(http: httpx.AsyncClient, httpserver: HTTPServer) -> None:
    packed = gzip.compress(json.dumps({"a": 1}).encode())
    httpserver.expect_request("/").respond_with_data(packed, headers={"Content-Encoding": "gzip"})
    assert await ask(http, httpserver.url_for("/")) == {"a": 1}


async def test_a_server_that_never_answers_is_unreachable(http: httpx.AsyncClient, raw_server) -> None:
    async def silent(reader, writer):
        await reader.read()

    address = await raw_server(silent)
    with pytest.raises(Unreachable, match=r"no whole answer within 0\.2 s"):
        await fetch(http, f"http://{address}/", where=address, now=NOW, total=0.2)


async def test_a_body_that_never_ends_is_unreachable(http: httpx.AsyncClient, raw_server) -> None:
    async def endless(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[")
        await reader.read()

    address = await raw_server(endless)
    with pytest.raises(Unreachable, match="no whole answer within"):
        await fetch(http, f"http://{address}/", where=address, now=NOW, total=0.2)


async def test_a_refused_connection_says_so(http: httpx.AsyncClient, unused_tcp_port: int) -> None:
    error = await trouble(http, f"http://127.0.0.1:{unused_tcp_port}/secret-path")
    assert type(error) is Unreachable
    assert "refused the connection" in str(error)


async def test_an_unknown_name_says_so(http: httpx.AsyncClient) -> None:
    error = await trouble(http, "http://no-such-host.invalid/secret-path")
    assert type(error) is Unreachable
    assert "the name is not known" in str(error)


async def test_a_connection_that_breaks_is_unreachable(http: httpx.AsyncClient, raw_server) -> None:
    async def broken(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")

    error = await trouble(http, f"http://{await raw_server(broken)}/")
    assert type(error) is Unreachable
    assert "closed the connection" in str(error)


async def test_a_server_that_hangs_up_is_unreachable(http: httpx.AsyncClient, raw_server) -> None:
    async def rude(reader, writer):
        await reader.readuntil(b"\r\n\r\n")

    error = await trouble(http, f"http://{await raw_server(rude)}/")
    assert type(error) is Unreachable
    assert "closed the connection" in str(error)


async def test_a_server_of_another_protocol_is_unexpected(http: httpx.AsyncClient, raw_server) -> None:
    async def smtp(reader, writer):
        writer.write(b"220 mail.example.com ESMTP\r\n")
        await reader.read(100)

    error = await trouble(http, f"http://{await raw_server(smtp)}/")
    assert type(error) is Unexpected
    assert "does not answer in HTTP" in str(error)


async def test_a_certificate_that_nobody_signed_is_refused(
    http: httpx.AsyncClient, raw_server, self_signed: ssl.SSLContext
) -> None:
    async def never(reader, writer):
        pytest.fail("the request went out over an unverified connection")

    error = await trouble(http, f"https://{await raw_server(never, self_signed)}/secret-path")
    assert type(error) is Unreachable
    assert "certificate is not trusted" in str(error)
    assert "SSL_CERT_FILE" in str(error)


async def test_https_to_a_plain_port_says_so(http: httpx.AsyncClient, httpserver: HTTPServer) -> None:
    error = await trouble(http, f"https://127.0.0.1:{httpserver.port}/")
    assert type(error) is Unreachable
    assert "TLS failed" in str(error)


async def test_a_redirect_within_the_host_is_followed(
    http: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/old").respond_with_data("", status=302, headers={"Location": "/new?a=b"})
    httpserver.expect_request("/new", query_string={"a": "b"}, headers=HEADERS).respond_with_json({"a": 1})
    assert await ask(http, httpserver.url_for("/old")) == {"a": 1}


async def test_a_redirect_elsewhere_carries_the_token_nowhere(
    http: httpx.AsyncClient, httpserver: HTTPServer, raw_server
) -> None:
    reached = False

    async def elsewhere(reader, writer):
        nonlocal reached
        reached = True

    other = await raw_server(elsewhere)
    location = f"http://{other}/{SECRET}"
    httpserver.expect_request("/").respond_with_data("", status=302, headers={"Location": location})
    error = await trouble(http, httpserver.url_for("/"))
    assert type(error) is Unexpected
    assert f"redirects to {other}" in str(error)
    assert not reached


async def test_a_circle_of_redirects_ends(http: httpx.AsyncClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data("", status=302, headers={"Location": "/a"})
    assert "redirects more than 3 times" in str(await trouble(http, httpserver.url_for("/a")))


async def test_a_post_is_never_redirected(http: httpx.AsyncClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data("", status=307, headers={"Location": "/b"})
    reply = await fetch(http, httpserver.url_for("/a"), where="x", now=NOW, method="POST", content=b"{}")
    assert reply.status == 307
    with pytest.raises(Unexpected, match="it sends elsewhere"):
        reply.ok()


async def test_a_credential_in_the_url_is_sent_as_a_header(
    http: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/", headers={"Authorization": "Basic bWU6c2VjcmV0"}).respond_with_json(1)
    url = f"http://me:secret@127.0.0.1:{httpserver.port}/"
    assert await get_json(http, url, where="x", now=NOW) == 1


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "/etc/passwd", "http://", "http://a:b:c/", "", "file:///x"]
)
async def test_what_is_no_web_address_is_said(http: httpx.AsyncClient, url: str) -> None:
    with pytest.raises(Unexpected, match="no http:// or https:// address"):
        await fetch(http, url, where="x", now=NOW)


async def test_a_header_that_cannot_be_sent_keeps_its_value_to_itself(
    http: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    with pytest.raises(Unexpected, match="line breaks") as caught:
        await fetch(http, httpserver.url_for("/"), where="x", now=NOW, headers={"X-Key": f"{SECRET}\nX: y"})
    assert SECRET not in str(caught.value)


async def test_no_cookie_of_one_account_reaches_another(
    http: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    seen = []

    def answer(request: Request) -> Response:
        seen.append(request.headers.get("Cookie"))
        return Response("1", headers={"Set-Cookie": "session=first; Path=/"}, content_type="application/json")

    httpserver.expect_request("/").respond_with_handler(answer)
    for _ in range(2):
        await ask(http, httpserver.url_for("/"))
    assert seen == [None, None]


async def test_two_hundred_hanging_requests_do_not_delay_another(
    http: httpx.AsyncClient, httpserver: HTTPServer, raw_server
) -> None:
    hanging, all_hang = 0, asyncio.Event()

    async def silent(reader, writer):
        nonlocal hanging
        hanging += 1
        if hanging == 200:
            all_hang.set()
        await reader.read()

    httpserver.expect_request("/").respond_with_json({"a": 1})
    # Ports stand for hosts: each host may hold 16 connections.
    addresses = [await raw_server(silent) for _ in range(20)]
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(trouble(http, f"http://{address}/")) for address in addresses for _ in range(10)
        ]
        await all_hang.wait()
        async with asyncio.timeout(1):
            assert await ask(http, httpserver.url_for("/")) == {"a": 1}
        for task in asked:
            task.cancel()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pw@api.example.com/v1/secret?key=x", "api.example.com"),
        ("http://localhost:9090/prometheus", "localhost:9090"),
        ("http://[::1]:9090/", "[::1]:9090"),
        ("https://api.example.com:443/", "api.example.com"),
        ("nonsense", "an address without a host"),
    ],
)
def test_a_place_is_host_and_port_alone(url: str, shown: str) -> None:
    assert place(url) == shown


def test_what_a_server_says_fits_on_one_line() -> None:
    assert plain("a\r\nX: y\x1b[31m\u2028 b") == "a X: y [31m b"
    assert plain("x" * 500) == "x" * 119 + "…"
