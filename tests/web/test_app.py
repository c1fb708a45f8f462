import json
import re
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from advisor.core.message import Digest
from advisor.core.snapshot import Snapshot, SourceRow
from advisor.errors import AdvisorError
from advisor.web.app import create_app
from advisor.web.server import Web, serve


class Now:
    """What the daemon shows at the moment."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def __call__(self) -> Snapshot:
        return self.snapshot


@pytest.fixture
def state(snapshot: Snapshot) -> Now:
    return Now(snapshot)


@pytest.fixture
async def client(state: Now, digest: Digest) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(state, digest=lambda: digest, prometheus=lambda: b"advisor_ready 1.0\n")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://advisor") as client:
        yield client


async def test_the_page_says_what_to_do_and_where_every_limit_is_from(client: httpx.AsyncClient):
    page = (await client.get("/")).text
    for needed in (
        "Upgrade the database to Supabase Pro",
        "$25 a month more ($0 → $25) · by 21 Nov 2026 (80 % interval: 18 to 27 Nov 2026)",
        "the database becomes read-only at 500 MB",
        "481 MB",
        "storage: 96.2 % used",
        "full 21 Nov 2026",
        "catalogue, verified 2026-10-01",
        "unlimited",
        "stale since",
        "estimated",
        "manual",
        "refused at 127.0.0.1",
        "no pg_stat_statements",
        "shop/search: no reading of records (2 rules)",
        "2 of 3",
        "by ana until it is above 900 ms",
    ):
        assert needed in page, needed
    assert "simulated" not in page


async def test_what_is_urgent_comes_before_what_somebody_looks_after(client: httpx.AsyncClient):
    page = (await client.get("/")).text
    assert page.index("Storage is at 96%") < page.index("p95 response time is above 500 ms")


async def test_simulated_figures_are_called_so(client: httpx.AsyncClient, state: Now, snapshot: Snapshot):
    state.snapshot = replace(snapshot, simulated=True)
    assert "All figures on this page are simulated." in (await client.get("/")).text


async def test_one_stack_can_be_shown_alone(client: httpx.AsyncClient, state: Now, snapshot: Snapshot):
    other = replace(snapshot.metrics[0], stack="blog")
    state.snapshot = replace(snapshot, metrics=(*snapshot.metrics, other))
    page = (await client.get("/", params={"stack": "blog"})).text
    assert "only blog" in page
    assert "Upgrade the database" not in page


async def test_a_large_fleet_makes_a_page_of_bounded_size(
    client: httpx.AsyncClient, state: Now, snapshot: Snapshot
):
    rows = tuple(replace(snapshot.metrics[0], stack=f"stack-{n}") for n in range(2000))
    sources = tuple(replace(snapshot.sources[0], subject=f"stack-{n}/database") for n in range(2000))
    state.snapshot = replace(snapshot, metrics=rows, sources=sources)
    page = (await client.get("/")).text
    assert len(page) < 200_000
    assert "1,960 more stacks" in page or "1,961 more stacks" in page


async def test_names_from_outside_are_text(client: httpx.AsyncClient, state: Now, snapshot: Snapshot):
    evil = "<script>alert(1)</script>"
    row = replace(snapshot.metrics[0], service=evil, limit_source=evil, stack=evil)
    source = replace(snapshot.sources[1], error=evil, gaps=(evil,))
    concern = snapshot.concerns[0].model_copy(update={"title": evil, "concern": '"><script>'})
    state.snapshot = replace(
        snapshot, metrics=(row,), sources=(source,), concerns=(concern,), problems=(evil,)
    )
    assert "<script" not in (await client.get("/")).text
    assert "<script" not in (await client.get("/", params={"stack": evil})).text


@pytest.mark.parametrize("path", ["/", "/digest"])
async def test_a_page_may_load_nothing_and_run_nothing(client: httpx.AsyncClient, path: str):
    answer = await client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert not re.findall(r"<script|style=|onclick|https?://", answer.text)


async def test_the_digest_is_shown_as_it_would_go_out(client: httpx.AsyncClient, digest: Digest):
    page = (await client.get("/digest")).text
    assert "weekly digest as it would go out now" in page
    assert "Upgrade the database to Supabase Pro" in page
    answer = (await client.get("/api/v1/digest")).json()
    assert answer["version"] == 1
    assert Digest.model_validate(answer["digest"]) == digest


async def test_without_a_digest_there_is_none(snapshot: Snapshot):
    app = create_app(lambda: snapshot, prometheus=lambda: b"")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://advisor") as client:
        assert (await client.get("/digest")).status_code == 404
        assert (await client.get("/api/v1/digest")).status_code == 404


async def test_the_snapshot_has_a_versioned_shape(client: httpx.AsyncClient, snapshot: Snapshot):
    answer = (await client.get("/api/v1/snapshot")).json()
    assert answer["version"] == 1
    assert set(answer) == {"version", "advisor", *Snapshot.__dataclass_fields__}
    assert answer["at"] == "2026-11-09T09:00:00Z"
    assert answer["metrics"][0]["value"] == 481e6
    assert answer["concerns"][1]["recommendation"]["to_plan"] == "pro"
    assert answer["unknown"][0] == {"rule": "r1", "subject": "shop/search", "why": "no reading of records"}


async def test_a_number_that_is_not_finite_is_null(client: httpx.AsyncClient, state: Now, snapshot: Snapshot):
    state.snapshot = replace(snapshot, metrics=(replace(snapshot.metrics[0], value=float("nan")),))
    body = (await client.get("/api/v1/snapshot")).text
    assert json.loads(body)["metrics"][0]["value"] is None
    assert "NaN" not in body


async def test_metrics_are_the_text_that_prometheus_asks_for(client: httpx.AsyncClient):
    answer = await client.get("/metrics")
    assert answer.text == "advisor_ready 1.0\n"
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")


async def test_ready_is_not_said_before_every_source_was_polled_once(
    client: httpx.AsyncClient, state: Now, snapshot: Snapshot
):
    assert (await client.get("/readyz")).json() == {"ready": True, "problems": []}
    waiting = SourceRow("shop/errors", "sentry", 60)
    state.snapshot = replace(snapshot, sources=(*snapshot.sources, waiting))
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["shop/errors has not been polled yet"]


async def test_a_source_that_is_down_does_not_make_the_advisor_unready(client: httpx.AsyncClient):
    assert (await client.get("/readyz")).status_code == 200  # One of the sample's sources is silent.


async def test_a_store_that_does_not_work_makes_it_unready_but_not_unhealthy(
    client: httpx.AsyncClient, state: Now, snapshot: Snapshot
):
    state.snapshot = replace(snapshot, ready=False, problems=("the store cannot be written: disk full",))
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["the store cannot be written: disk full"]
    assert (await client.get("/healthz")).text == "ok\n"


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/favicon.ico", "/../etc/passwd"])
async def test_there_is_nothing_else(client: httpx.AsyncClient, path: str):
    assert (await client.get(path)).status_code == 404


async def test_nothing_can_be_written(client: httpx.AsyncClient):
    assert (await client.post("/")).status_code == 405


def test_an_empty_advisor_has_a_page():
    from advisor.web.app import _page

    page = _page(Snapshot(datetime(2026, 11, 9, tzinfo=UTC)), "")
    assert "Nothing has to be done." in page


@pytest.fixture
async def web(state: Now, digest: Digest) -> AsyncIterator[Web]:
    web = await serve(create_app(state, digest=lambda: digest, prometheus=lambda: b""), "127.0.0.1", 0)
    yield web
    await web.stop()


async def test_the_server_listens_when_it_says_so_and_no_more_after_its_end(state: Now):
    web = await serve(create_app(state, prometheus=lambda: b""), "127.0.0.1", 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{web.port}", trust_env=False) as client:
        answer = await client.get("/healthz")
        assert answer.text == "ok\n"
        assert "server" not in answer.headers
        await web.stop()
        with pytest.raises(httpx.TransportError):
            await client.get("/healthz")


async def test_an_address_in_use_is_one_sentence_with_the_way_out(state: Now):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AdvisorError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*; choose another"):
            await serve(create_app(state, prometheus=lambda: b""), "127.0.0.1", port)


async def test_a_browser_shows_the_page_without_a_complaint(web: Web):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium is installed")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = await browser.new_page(java_script_enabled=True, viewport={"width": 390, "height": 844})
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: said.append(request.url))
        address = f"http://127.0.0.1:{web.port}/"
        await page.goto(address)
        await page.get_by_text("Why, and how").click()
        assert await page.get_by_text("Back up with pg_dump.").is_visible()
        bar = await page.get_by_role("img", name="storage: 96.2 % used").locator("rect").bounding_box()
        assert bar is not None
        assert bar["width"] > 20
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        colour = "getComputedStyle(document.body).backgroundColor"
        light = await page.evaluate(colour)
        await page.emulate_media(color_scheme="dark")
        assert await page.evaluate(colour) != light
        assert said == [address]  # One request, and the policy stopped nothing.
        await browser.close()
