"""The pages and endpoints: `/`, `/digest`, `/api/v1/...`, `/metrics`, `/healthz`, `/readyz`.

They only read. A snapshot is taken in the event loop and rendered in a thread, so that a large page
delays no poll.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from advisor import __version__
from advisor.core import wording
from advisor.core.costs import words as costs
from advisor.core.message import Digest, DigestConcern, DigestLimit
from advisor.core.snapshot import Snapshot
from advisor.core.units import show
from advisor.web.health import problems
from advisor.web.view import view

_PLAIN = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def create_app(
    state: Callable[[], Snapshot],
    *,
    digest: Callable[[], Digest] | None = None,
    prometheus: Callable[[], bytes],
) -> Starlette:
    """Return the application.

    `state` and `digest` are called in the event loop and must be cheap; what they return is not changed
    any more. `prometheus` is called in a thread and returns the text that is scraped.
    """

    async def page(request: Request) -> Response:
        return _html(await run_in_threadpool(_page, state(), request.query_params.get("stack", "")))

    async def digest_page(_: Request) -> Response:
        if digest is None:
            return PlainTextResponse("There is no digest.\n", 404, _PLAIN)
        return _html(await run_in_threadpool(_digest_page, digest()))

    async def api_snapshot(_: Request) -> Response:
        return _json(await run_in_threadpool(snapshot_json, state()))

    async def api_digest(_: Request) -> Response:
        if digest is None:
            return _json(to_json({"error": "there is no digest"}), 404)
        return _json(to_json({"version": 1, "digest": digest()}))

    async def metrics(_: Request) -> Response:
        text = await run_in_threadpool(prometheus)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8", headers=_PLAIN)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_PLAIN)

    async def readyz(_: Request) -> Response:
        found = problems(state())
        return _json(to_json({"ready": not found, "problems": found}), 503 if found else 200)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/digest", digest_page),
            Route("/api/v1/snapshot", api_snapshot),
            Route("/api/v1/digest", api_digest),
            Route("/metrics", metrics),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
        ]
    )


def snapshot_json(snapshot: Snapshot) -> bytes:
    """Return the snapshot as documented in docs/metrics.md: `{"version": 1, "advisor": ..., ...}`.

    What is not known is null, also a number that is not finite.
    """
    unknown = [{"rule": rule, "subject": subject, "why": why} for rule, subject, why in snapshot.unknown]
    fields = asdict(snapshot) | {
        "concerns": snapshot.concerns,
        "resolved": snapshot.resolved,
        "down": snapshot.down,
        "costs": snapshot.costs,
        "unknown": unknown,
    }
    return to_json({"version": 1, "advisor": __version__, **fields}, inf_nan_mode="null")


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, _PLAIN, media_type="application/json")


def _html(page: str) -> Response:
    return HTMLResponse(page, headers=_page_headers())


@cache
def _style() -> str:
    return files("advisor.web").joinpath("templates/page.css").read_text()


@cache
def _page_headers() -> Mapping[str, str]:
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        **_PLAIN,
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
    }


@cache
def _environment() -> Any:
    import jinja2  # Imported where used: no page may be asked for in weeks.

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("advisor.web"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    names = "ago by_when could counted day limit_marks marks metric_name moment money parts price share"
    names += " short_source target why"
    environment.filters.update({name: getattr(wording, name) for name in names.split()})
    environment.filters |= {"place": _place, "amount": show, "costs": costs}
    return environment


def _place(about: DigestConcern | DigestLimit) -> str:
    return wording.place(about.stack, about.service)


def _page(snapshot: Snapshot, only: str) -> str:
    return _render("page.html.j2", view=view(snapshot, only), snapshot=snapshot)


def _digest_page(digest: Digest) -> str:
    return _render("digest.html.j2", digest=digest, snapshot=None)


def _render(template: str, **values: Any) -> str:
    # The element must hold the very bytes whose hash the policy names.
    page = _environment().get_template(template)
    return str(page.render(style=_style(), version=__version__, **values))
