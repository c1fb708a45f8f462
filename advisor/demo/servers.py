"""The simulated endpoints of the demo on loopback: a Prometheus, two usage APIs, and a Slack that listens.

They answer for the moment that the stepping clock shows, over real HTTP, to the real collectors.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from advisor.demo.simulation import Simulation


@dataclass
class Clock:
    """The demo's clock: it stands until it is stepped."""

    now: datetime


@dataclass
class Servers:
    """The endpoints, and what the simulated Slack has received."""

    simulation: Simulation
    clock: Clock
    slack: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> Starlette:
        """Return the web application with all of them."""
        return Starlette(
            routes=[
                Route("/prometheus/api/v1/query", self._query, methods=["GET", "POST"]),
                Route("/usage/database", self._database),
                Route("/usage/email", self._email),
                Route("/usage/accounts", self._accounts),
                Route("/slack", self._slack, methods=["POST"]),
            ]
        )

    async def _query(self, request: Request) -> Response:
        if self.simulation.monitoring_down(self.clock.now):
            return PlainTextResponse("upstream is down", status_code=503)
        form = dict(request.query_params) if request.method == "GET" else dict(await request.form())
        query = str(form.get("query", ""))
        series = self.simulation.promql().get(query)
        at = float(str(form.get("time") or self.clock.now.timestamp()))
        result = []
        if series is not None:
            value = series(datetime.fromtimestamp(at, UTC))
            result = [{"metric": {}, "value": [at, repr(value)]}]
        return JSONResponse({"status": "success", "data": {"resultType": "vector", "result": result}})

    async def _database(self, _: Request) -> Response:
        now, world = self.clock.now, self.simulation
        hour = now.replace(minute=0, second=0, microsecond=0)
        since = hour - timedelta(hours=6)
        return JSONResponse(
            {
                "database_bytes": world.storage(now),
                "connections": {"open": world.connections(now), "max": 60},
                "query_p95_ms": world.query_p95(now) * 1e3,
                "egress": {"from": _iso(since), "to": _iso(hour), "bytes": world.egress(since, hour)},
            }
        )

    async def _email(self, _: Request) -> Response:
        now = self.clock.now
        if self.simulation.email_api_down(now):
            return PlainTextResponse("upstream is down", status_code=503)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if midnight == now:
            midnight -= timedelta(days=1)
        sent = self.simulation.emails(midnight, now)
        return JSONResponse({"today": {"from": _iso(midnight), "to": _iso(now), "sent": sent}})

    async def _accounts(self, _: Request) -> Response:
        if self.simulation.accounts_down(self.clock.now):
            return PlainTextResponse("not here", status_code=404)
        return JSONResponse({"users": {"registered": self.simulation.users(self.clock.now)}})

    async def _slack(self, request: Request) -> Response:
        self.slack.append(await request.json())
        return PlainTextResponse("ok")


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
