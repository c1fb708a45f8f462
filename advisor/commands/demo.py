"""`advisor demo`: sixty simulated days, what was found, the digest, and the page."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from advisor import logs
from advisor.commands import output
from advisor.commands.report import as_document, print_report
from advisor.core.snapshot import Snapshot
from advisor.demo.run import START, Demo
from advisor.demo.stories import STORIES
from advisor.demo.world import DAYS
from advisor.errors import InputError
from advisor.notify.render import render


def run(*, stack: str, once: bool, listen: str, json: bool) -> int:
    """Run the demo of a document's stack; with `once` it ends when the days are over.

    Raises:
        InputError: no such stack is simulated.
    """
    if stack not in STORIES:
        names = ", ".join(STORIES)
        raise InputError(f"there is no demo of the stack `{stack}`; name one of: {names}", key="--stack")
    logs.setup("error")
    return asyncio.run(_demo(stack, once=once, listen=listen, json=json))


async def _demo(stack: str, *, once: bool, listen: str, json: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="advisor-demo-") as folder:
        demo = Demo(Path(folder), stack)
        await demo.start()
        try:
            with _progress() as progress:
                await demo.days(progress)
            snapshot = demo.engine.snapshot(demo.clock.now)
            if json:
                as_document(snapshot)
            else:
                _print(demo)
            if not once:
                await _serve(demo, listen)
        finally:
            await demo.stop()
    return 0


def _print(demo: Demo) -> None:
    told, now = demo.told, demo.clock.now
    output.heading("Scaling Advisor's demo: simulated providers, real collectors, engine, store and outbox")
    output.prose(
        f"{DAYS} days in steps of 6 h: {told.polls} polls ({told.failed} failed, as the simulation has it). "
        f"The simulated Slack received {len(demo.servers.slack)} messages: {told.alerts} alerts, "
        f"{told.daily} daily and {told.digests} weekly digests."
    )
    output.heading("What it told, and when, beside the weekly digests")
    output.table(
        "",
        [">day", "at", "what", "where", "about"],
        [
            [f"{(one.at - START).days}", f"{one.at:%d %b %H:%M}", one.what, one.place, one.text]
            for one in told.lines
        ],
    )
    print_report(demo.engine.snapshot(now))
    output.heading("The digest, as it would go out now")
    print(render(demo.engine.digest("weekly", now, demo.setup.config.digest_timezone), "text"))


async def _serve(demo: Demo, listen: str) -> None:
    """Serve the page until Ctrl-C."""
    from advisor.web.app import create_app  # Only where a page is served.
    from advisor.web.metrics import exporter
    from advisor.web.server import serve

    def state() -> Snapshot:
        return demo.engine.snapshot(demo.clock.now)

    zone = demo.setup.config.digest_timezone
    app = create_app(
        state,
        digest=lambda: demo.engine.digest("weekly", demo.clock.now, zone),
        prometheus=exporter(state, lambda: demo.clock.now),
    )
    host, _, port = listen.rpartition(":")
    web = await serve(app, host or "127.0.0.1", int(port))
    print(
        f"\nThe page: http://{host or '127.0.0.1'}:{web.port}/   (/metrics, /healthz; Ctrl-C ends)",
        flush=True,
    )
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
    await web.stop()


@contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """Show how many days have passed: a bar on a terminal, a line every ten days elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console  # Only a terminal pays for it.
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("60 simulated days", total=float(DAYS))
            yield lambda days: bar.update(task, completed=days)
        return
    said = 0

    def tell(days: float) -> None:
        nonlocal said
        if days // 10 > said:
            said = int(days // 10)
            print(f"simulated: day {said * 10} of {DAYS}", file=sys.stderr, flush=True)

    yield tell
