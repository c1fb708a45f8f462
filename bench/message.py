"""From a threshold crossed at the source to the message at the channel, wall-clock seconds.

Twelve sources (`MESSAGE_SOURCES`) stand on one local HTTP server; each crosses its threshold once, at a
random moment of eight intervals (and of 5 s a source at least: Slack, and so the advisor, takes one message
a second). `advisor run` polls them with its `http` collector and sends to a server that plays Slack.

Beside it, with the same sources and the same moments: Prometheus with scrape and evaluation at the same
interval and two Alertmanagers, one that waits `group_wait` (its default of 30 s at 15 s) and one that does
not. Each source is a scrape target, rule group and alert group of its own, so that no one waits for another.
The interval is 15 s, or `MESSAGE_INTERVAL` for a trial; `group_wait` is twice that.

    python -m bench message
"""

import json
import os
import random
import statistics
import sys
import threading
import time

from bench.peers import ALERTMANAGER, PROMETHEUS, TEXT, alertmanager, prometheus, rule_file
from bench.processes import folder, free_port, get, start, until
from bench.server import serve
from bench.table import markdown

INTERVAL = float(os.environ.get("MESSAGE_INTERVAL", "15"))
SOURCES = [f"stack-{n:02d}" for n in range(int(os.environ.get("MESSAGE_SOURCES", "12")))]
WAIT = 2 * INTERVAL
SPREAD = max(8 * INTERVAL, 5.0 * len(SOURCES))
CHANNELS = {
    "advisor": "scaling-advisor",
    "waits": f"prometheus + alertmanager, group_wait {WAIT:g} s",
    "at-once": "prometheus + alertmanager, group_wait 0 s",
}


class World:
    """The sources and the channels: what was asked, what has crossed, and which message came when."""

    def __init__(self) -> None:
        self.asked: dict[str, set[str]] = {"usage": set(), "metrics": set()}
        self.crossed: dict[str, float] = {}
        self.seen: dict[tuple[str, str], float] = {}  #: When a source was first asked after it had crossed.
        self.came: dict[str, dict[str, float]] = {channel: {} for channel in CHANNELS}
        self._lock = threading.Lock()
        self.port = serve(self.answer)

    def answer(self, path: str, body: bytes) -> tuple[str, bytes]:
        """Be a source (`/usage/NAME`, `/metrics/NAME`) or a channel (`/hook/CHANNEL`)."""
        now = time.monotonic()
        _, what, name = path.split("/", 2)
        if what == "hook":
            with self._lock:
                for source in SOURCES:
                    if source.encode() in body:
                        self.came[name].setdefault(source, now)
            return "text/plain", b"ok"
        used = 90 if name in self.crossed else 10
        self.asked[what].add(name)
        if name in self.crossed:
            self.seen.setdefault((what, name), now)
        if what == "usage":
            return "application/json", json.dumps({"used": used * 10**6, "quota": 100 * 10**6}).encode()
        return TEXT, f"# TYPE usage gauge\nusage {used}\n# TYPE quota gauge\nquota 100\n".encode()

    def cross(self) -> None:
        """Let each source cross once, at a random moment of `SPREAD` seconds."""
        chance = random.Random(7)
        moments = sorted((chance.uniform(0, SPREAD), source) for source in SOURCES)
        began = time.monotonic()
        for moment, source in moments:
            time.sleep(max(0.0, began + moment - time.monotonic()))
            self.crossed[source] = time.monotonic()

    def row(self, channel: str) -> dict[str, object]:
        """Return how long the messages of a channel took."""
        came, asked = self.came[channel], "usage" if channel == "advisor" else "metrics"
        took = sorted(came[source] - self.crossed[source] for source in SOURCES)
        after = sorted(came[source] - self.seen[asked, source] for source in SOURCES)
        return {
            "who": CHANNELS[channel],
            "messages": len(took),
            "best, s": round(took[0], 2),
            "median, s": round(statistics.median(took), 2),
            "worst, s": round(took[-1], 2),
            "from the poll that saw it, median, s": round(statistics.median(after), 2),
            "worst from it, s": round(after[-1], 2),
        }


def start_advisor(world: World) -> None:
    """Start `advisor run` on the sources, and return once it has polled all."""
    home, listen = folder(), f"127.0.0.1:{free_port()}"
    stacks = {
        source: {
            "services": {
                "database": {
                    "provider": "acme",
                    "interval": f"{INTERVAL:g}s",
                    "http": {
                        "url": f"http://127.0.0.1:{world.port}/usage/{source}",
                        "metrics": {"storage": {"path": "used", "limit": "quota"}},
                    },
                }
            }
        }
        for source in SOURCES
    }
    rule = {
        "id": "bench.over",
        "service": "database",
        "when": "storage > 80% of quota",
        "then": "upgrade",
        "severity": "critical",
    }
    (home / "rules.yaml").write_text(json.dumps([rule]), encoding="utf-8")
    config = {
        "stacks": stacks,
        "rules": {"files": ["rules.yaml"]},
        "notify": {"slack": {"webhook": f"http://127.0.0.1:{world.port}/hook/advisor"}},
        "web": {"listen": listen},
    }
    (home / "advisor.yaml").write_text(json.dumps(config), encoding="utf-8")
    process = start([sys.executable, "-m", "advisor", "run", "--config", home / "advisor.yaml"])
    until(lambda: process.poll() is not None or get(f"http://{listen}/healthz"))
    if process.poll() is not None:
        sys.exit(f"advisor run ended with {process.returncode}")
    until(lambda: len(world.asked["usage"]) == len(SOURCES), seconds=60 + INTERVAL)


def start_peers(world: World) -> list[str]:
    """Start Prometheus and two Alertmanagers; return their channels, none where they are not installed."""
    if PROMETHEUS is None or ALERTMANAGER is None:
        print("prometheus or alertmanager is not installed: measured without them", file=sys.stderr)
        return []
    home = folder()
    managers = []
    for channel, wait in (("waits", WAIT), ("at-once", 0)):
        receiver = {
            "api_url": f"http://127.0.0.1:{world.port}/hook/{channel}",
            "channel": "#ops",
            "text": "{{ .CommonLabels.stack }} is over 80 % of its quota",
        }
        config = {
            "route": {"receiver": "slack", "group_by": ["stack"], "group_wait": f"{wait:g}s"},
            "receivers": [{"name": "slack", "slack_configs": [receiver]}],
        }
        managers.append(alertmanager(home, channel, config)[1])
    groups = [
        {"name": source, "rules": [{"alert": "over", "expr": f'usage{{stack="{source}"}} / quota > 0.8'}]}
        for source in SOURCES
    ]
    every = f"{round(INTERVAL * 1000)}ms"
    jobs = [
        {
            "job_name": source,
            "metrics_path": f"/metrics/{source}",
            "static_configs": [{"targets": [f"127.0.0.1:{world.port}"], "labels": {"stack": source}}],
        }
        for source in SOURCES
    ]
    timing = {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every}
    prometheus(
        home,
        {
            "global": timing,
            "rule_files": [rule_file(home, groups)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": managers}]}]},
            "scrape_configs": jobs,
        },
    )
    until(lambda: len(world.asked["metrics"]) == len(SOURCES), seconds=60 + 2 * INTERVAL)
    return ["waits", "at-once"]


def main() -> None:
    """Print the table."""
    world = World()
    start_advisor(world)
    channels = ["advisor", *start_peers(world)]
    time.sleep(INTERVAL)
    world.cross()
    until(lambda: all(len(world.came[channel]) == len(SOURCES) for channel in channels), 60 + 10 * INTERVAL)
    print(f"{len(SOURCES)} sources at {INTERVAL:g} s, crossing within {SPREAD:g} s. Wall-clock seconds.\n")
    print(markdown([world.row(channel) for channel in channels]))


if __name__ == "__main__":
    main()
