"""Polls per CPU second at 200 ms latency: our client and poller, the way into the store, bare aiohttp.

A server in a process of its own answers each request 200 ms later with one small JSON document, on 64
addresses of loopback, as 64 providers would. Each measurement is a process of its own and asks with so many
polls at a time. `aiohttp` gets and reads the document as JSON; `poller` makes settings, asks by our client,
takes two metrics out by JMESPath and checks them; `store` gives what is polled to the engine, which judges a
rule on each stack and commits, one transaction for all that came while the last one was under way.

`cycle` polls 1,000 services of which 1 % never answer, with a patience of 3 s: it should end 3 s after it
asked the last of these at the latest. `memory` is resident memory after a tenth of the polls and at the end.

    python -m bench polls                  about 2 minutes
    POLLS=100000 python -m bench polls     the memory over 100,000 polls: 3 minutes more
"""

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from advisor import logs
from advisor.config import from_data
from advisor.daemon import Setup
from advisor.feeds import feeds
from advisor.polling.client import client
from advisor.polling.poller import Polled, Poller, Source
from advisor.store import AsyncStore, open_store
from advisor.world import world
from bench.processes import environment, folder, free_port, resident_mib, start, until
from bench.table import markdown

LATENCY = 0.2
HOSTS = 64
SERVICES = 1_000
PATIENCE = 3.0
DOCUMENT = b'{"usage": {"storage": 410000000, "users": 812}, "plan": "free", "projects": ["a", "b", "c"]}'
MANY = int(os.environ.get("POLLS", "20000"))


def cpu() -> float:
    """CPU seconds of this process so far, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def url(port: int, number: int) -> str:
    """Return the address of a service's provider."""
    return f"http://127.0.0.{1 + number % HOSTS}:{port}/usage/{number}"


def setup_of(port: int) -> Setup:
    """Return 1,000 stacks of one service each, with one rule."""
    home = folder()
    rule = {"id": "bench.full", "service": "api", "when": "storage > 500MB", "then": "upgrade"}
    (home / "rules.yaml").write_text(json.dumps([rule]), encoding="utf-8")
    metrics = {"storage": {"path": "usage.storage"}, "seats": {"path": "usage.users"}}
    stacks = {
        f"s{n:04d}": {"services": {"api": {"provider": "http", "url": url(port, n), "metrics": metrics}}}
        for n in range(SERVICES)
    }
    data = {"stacks": stacks, "rules": {"files": ["rules.yaml"]}}
    config = from_data(data, folder=home, environ={})
    return Setup(config, world(config), feeds(config, {}))


# -- the server --------------------------------------------------------------------------------------------


async def serve(port: int) -> None:
    """Answer 200 ms later until the process is ended; `/hang` never."""
    from aiohttp import web

    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(3600 if request.path == "/hang" else LATENCY)
        return web.Response(body=DOCUMENT, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    server = web.AppRunner(app, access_log=None)
    await server.setup()
    await web.TCPSite(server, "0.0.0.0", port, backlog=4096).start()
    await asyncio.Event().wait()


# -- the measurements --------------------------------------------------------------------------------------


async def crowd(polls: int, at_once: int, ask: Callable[[int], Awaitable[None]]) -> dict[str, float]:
    """Ask so often, so many at a time; return what it cost."""
    numbers = iter(range(polls))
    memory: list[float] = []

    async def one() -> None:
        for number in numbers:
            await ask(number)
            if number == polls // 10:
                memory.append(resident_mib(os.getpid()))

    # Each service once beforehand: connections are made, and what is looked up once has been.
    first = iter(range(SERVICES))

    async def early() -> None:
        for number in first:
            await ask(number)

    begun = cpu()
    await asyncio.gather(*(early() for _ in range(at_once)))
    first_cycle = cpu() - begun
    began, used = time.monotonic(), cpu()
    await asyncio.gather(*(one() for _ in range(at_once)))
    return {
        "cpu": cpu() - used,
        "wall": time.monotonic() - began,
        "first": first_cycle,
        "rss_before": memory[0],
        "rss_after": resident_mib(os.getpid()),
    }


async def aiohttp_alone(port: int, polls: int, at_once: int) -> dict[str, float]:
    """Get and read the document, as little as can be done."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask(number: int) -> None:
            async with session.get(url(port, number)) as response:
                json.loads(await response.read())

        return await crowd(polls, at_once, ask)


async def with_poller(port: int, polls: int, at_once: int) -> dict[str, float]:
    """Fetch and parse as the daemon does."""
    sources = [feed.source for feed in setup_of(port).feeds]
    async with client() as http:
        poller = Poller(http)

        async def ask(number: int) -> None:
            polled = await poller.poll(sources[number % SERVICES], datetime.now(UTC))
            assert len(polled.observed) == 2, polled.error

        return await crowd(polls, at_once, ask)


async def into_store(port: int, polls: int, at_once: int) -> dict[str, float]:
    """The same, judged and kept: one transaction for all that came while the last was under way."""
    logs.setup("warning")  # As a daemon that is told to say no more.
    setup = setup_of(port)
    sources = [feed.source for feed in setup.feeds]
    store = AsyncStore(open_store(f"sqlite:///{folder()}/bench.db", folder()))
    engine = setup.engine(store)
    await engine.load(datetime.now(UTC))
    came: list[Polled] = []
    batches: list[int] = []
    more, ended = asyncio.Event(), False

    async def commit() -> None:
        while not ended or came:
            await more.wait()
            more.clear()
            batch = came[:]
            came.clear()
            if batch:
                now = datetime.now(UTC)
                await engine.absorb(batch, now, now + timedelta(days=7))
                batches.append(len(batch))

    committing = asyncio.create_task(commit())
    async with client() as http:
        poller = Poller(http)

        async def ask(number: int) -> None:
            polled = await poller.poll(sources[number % SERVICES], datetime.now(UTC))
            assert len(polled.observed) == 2, polled.error
            came.append(polled)
            more.set()

        found = await crowd(polls, at_once, ask)
        used = cpu()
        ended = True
        more.set()
        await committing
        found["cpu"] += cpu() - used  # What was still on its way.
    await store.close()
    return {**found, "batches": len(batches)}


async def cycle(port: int, polls: int, at_once: int) -> dict[str, float]:
    """Poll every service once, of which 1 % hang; return when the others and when all were done, seconds."""
    setup = setup_of(port)
    sources: list[Source] = [feed.source for feed in setup.feeds]
    hang = sources[0].collector.Settings.model_validate(
        {"url": f"http://127.0.0.1:{port}/hang", "metrics": {"storage": {"path": "a"}}}
    )
    step = polls // (polls // 100)
    sources = [replace(s, settings=lambda: hang) if n % step == 50 else s for n, s in enumerate(sources)]
    turn, answered, failed = asyncio.Semaphore(at_once), [], []
    async with client() as http:
        poller = Poller(http, patience=PATIENCE)

        async def ask(source: Source) -> None:
            async with turn:
                polled = await poller.poll(source, datetime.now(UTC))
            (failed if polled.error else answered).append(time.monotonic())

        began = time.monotonic()
        await asyncio.gather(*(ask(source) for source in sources[:polls]))
    return {
        "answered": len(answered),
        "hung": len(failed),
        "others": max(answered) - began,
        "all": max(failed) - began,
    }


WAYS = {"aiohttp": aiohttp_alone, "poller": with_poller, "store": into_store, "cycle": cycle}


def measured(way: str, port: int, polls: int, at_once: int) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    argv = [sys.executable, "-m", "bench.polls", way, str(port), str(polls), str(at_once)]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print the table and what else was measured."""
    port = free_port()
    start([sys.executable, "-m", "bench.polls", "serve", str(port)])
    until(lambda: not socket.create_connection(("127.0.0.1", port), 1).close())
    rows = []
    for at_once, polls in ((100, 3_000), (500, 10_000)):
        for way in ("aiohttp", "poller", "store"):
            found = measured(way, port, polls, at_once)
            rows.append(
                {
                    "who": way,
                    "at a time": at_once,
                    "polls": polls,
                    "polls per CPU second": round(polls / found["cpu"]),
                    "of each service's first": round(SERVICES / found["first"]),
                    "polls a second": round(polls / found["wall"]),
                    "transactions": int(found["batches"]) if "batches" in found else "",
                }
            )
    print(markdown(rows), end="\n\n")
    found = measured("cycle", port, SERVICES, 500)
    print(
        f"Cycle over {SERVICES:,} services, {found['hung']:g} of them hanging, patience {PATIENCE:g} s: the "
        f"others after {found['others']:.2f} s, all after {found['all']:.2f} s.\n"
    )
    for way in ("poller", "store"):
        found = measured(way, port, MANY, 500)
        print(
            f"Memory of {way}: {found['rss_before']:.0f} MiB after {MANY // 10:,} polls, "
            f"{found['rss_after']:.0f} MiB after {MANY:,}."
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(int(sys.argv[2])))
    elif len(sys.argv) == 5:
        print(json.dumps(asyncio.run(WAYS[sys.argv[1]](*map(int, sys.argv[2:])))))
    else:
        main()
