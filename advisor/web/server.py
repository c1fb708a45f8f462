"""The HTTP server within the daemon: it takes no signal, writes no access log and wakes for nothing."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import uvicorn

from advisor.errors import AdvisorError

if TYPE_CHECKING:
    from starlette.applications import Starlette

#: Seconds that open requests have when the server stops.
GRACE = 3


class _Server(uvicorn.Server):
    """uvicorn without its own signals, and without its ten wake-ups a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.ending = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the daemon."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """Wait for the end. The loop that this replaces counts requests and writes the date header."""
        await self.ending.wait()


class Web:
    """A running server; `port` is the one in use where 0 was asked for."""

    def __init__(self, server: _Server, task: asyncio.Task[None], port: int) -> None:
        self._server = server
        self._task = task
        self.port = port

    async def stop(self) -> None:
        """Take no more requests, let those that are open end, and return."""
        self._server.should_exit = True
        self._server.ending.set()
        await self._task


async def serve(app: "Starlette", host: str, port: int) -> Web:
    """Listen and return the running server. Raises AdvisorError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise AdvisorError(
            f"cannot listen on {host}:{port}: {reason.lower()}; choose another address under `web:`"
        ) from error
    config = uvicorn.Config(
        app,
        access_log=False,
        date_header=False,
        http="h11",
        lifespan="off",
        log_config=None,
        loop="asyncio",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        ws="none",
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="web")
    listening = asyncio.create_task(server.listening.wait())
    await asyncio.wait({task, listening}, return_when=asyncio.FIRST_COMPLETED)
    listening.cancel()
    if task.done():
        listener.close()
        await task  # It ended before it listened: its error says why.
    return Web(server, task, listener.getsockname()[1])
