"""The simulated providers of the demo on loopback, and a Slack that listens.

They answer for the moment that the stepping clock shows, over real HTTP, to the real collectors.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from advisor.demo.providers import providers
from advisor.demo.wire import Answered, Asked
from advisor.demo.world import World

__all__ = ["Clock", "Servers"]


@dataclass
class Clock:
    """The demo's clock: it stands until it is stepped."""

    now: datetime


@dataclass
class Servers:
    """The simulated providers of a story, and what the simulated Slack has received."""

    world: World
    clock: Clock
    slack: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    _runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Listen on loopback; `port` is where."""
        # aiohttp's bare server: it reads requests four times as fast as the one that serves the page.
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        if request.path == "/slack":
            self.slack.append(json.loads(body))
            return web.Response(text="ok")
        name, _, path = request.path.removeprefix("/").partition("/")
        asked = Asked(request.method, f"/{path}", request.query, body, self.clock.now)
        return _response(self.answer(name, asked))

    def answer(self, name: str, asked: Asked) -> Answered:
        """Return what a provider answers, or its outage."""
        for of in (name, f"{name}{asked.path}"):
            if (status := self.world.status(of, asked.now)) != 200:
                return Answered({"message": "the simulation has it so"}, status)
        provider = providers().get(name)
        if provider is None:
            return Answered({"message": f"no provider {name} is simulated"}, 404)
        return provider(asked, self.world)


def _response(answered: Answered) -> web.Response:
    if answered.text is not None:
        return web.Response(text=answered.text, status=answered.status, headers=dict(answered.headers))
    body = json.dumps(answered.body, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", **answered.headers}
    return web.Response(body=body, status=answered.status, headers=headers)
