"""`advisor run` as a process, and the servers around it: what plays Slack, mail, and a provider's API.

All waits are for events (a request, a log line, the end), none for a time.
"""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from signal import SIGTERM, Signals
from typing import Any

from aiosmtpd.controller import Controller

PATIENCE = 20.0  #: Seconds after which something that was awaited is missing.
ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class _Server:
    """An HTTP server in a thread. `answer` returns status, headers and body for a path and a body."""

    def __init__(self, answer: Callable[[str, bytes], tuple[int, Mapping[str, str], bytes]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, said = answer(self.path, body)
                try:
                    self.send_response(status)
                    for name, value in {**headers, "Content-Length": str(len(said))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(said)
                except ConnectionError:
                    self.close_connection = True

            do_POST = do_GET  # noqa: N815 - the library's name

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Threads(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that was killed is no news."""

        self._server = Threads(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Slack:
    """Plays Slack: `posts` are the requests that were accepted, `refused` those that were not."""

    def __init__(self) -> None:
        self.posts: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        self.refused: queue.Queue[float] = queue.Queue()
        self.answers: list[tuple[int, Mapping[str, str], bytes]] = []
        self.always: tuple[int, Mapping[str, str], bytes] | None = None
        self._server = _Server(self._answer)
        self.stop = self._server.stop

    def url(self, path: str = "services/T/B/x") -> str:
        return f"http://{self._server.address}/{path}"

    def _answer(self, path: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        said = self.always or (self.answers.pop(0) if self.answers else (200, {}, b"ok"))
        if said[0] == 200:
            self.posts.put((time.monotonic(), {"path": path, **json.loads(body)}))
        else:
            self.refused.put(time.monotonic())
        return said

    def next(self) -> tuple[float, str]:
        """Return when the next message came, and all of it as text."""
        at, post = self.posts.get(timeout=PATIENCE)
        return at, json.dumps(post, ensure_ascii=False)

    @property
    def silent(self) -> bool:
        return self.posts.empty()


class Mail:
    """A mail server that keeps what it is sent."""

    def __init__(self) -> None:
        self.mails: queue.Queue[EmailMessage] = queue.Queue()
        self.refusals: queue.Queue[str] = queue.Queue()
        self.refuse = ""
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refuse:
            self.refusals.put(self.refuse)
            return self.refuse
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.put(mail)
        return "250 taken"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=no"

    def next(self) -> EmailMessage:
        return self.mails.get(timeout=PATIENCE)

    def stop(self) -> None:
        self._controller.stop()


class Usage:
    """Plays a provider's API: `values` as JSON. While `hangs` is set, nobody gets an answer."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.status = 200
        self.asked = threading.Condition()
        self.count = 0
        self.seen: list[tuple[float, dict[str, Any]]] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self._server = _Server(self._answer)
        self.url = f"http://{self._server.address}/usage"

    def _answer(self, _path: str, _body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        with self.asked:
            self.count += 1
            said = dict(self.values)
            self.seen.append((time.monotonic(), said))
            self.asked.notify_all()
        self.go_on.wait(PATIENCE * 2)
        return self.status, {"Content-Type": "application/json"}, json.dumps(said).encode()

    def first(self, **values: Any) -> float:
        """Return when somebody was first given these values."""
        return next(at for at, said in self.seen if values.items() <= said.items())

    def polls(self, number: int) -> None:
        """Return when so many more polls have begun."""
        with self.asked:
            wanted = self.count + number
            assert self.asked.wait_for(lambda: self.count >= wanted, PATIENCE), "nobody polls"

    def stop(self) -> None:
        self.go_on.set()
        self._server.stop()


class Advisor:
    """A running `advisor run`. `output` is all that it wrote, `log` its lines as JSON."""

    def __init__(self, config: Path, port: int = 0, **environ: str) -> None:
        self.port = port
        self.output = ""
        self.log: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._read_to: dict[str, int] = {}  # By event and fields.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "advisor", "run", "--config", str(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            text=True,
            cwd="/",
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.output += line
                if line.startswith("{"):
                    self.log.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def said(self, event: str, **fields: Any) -> dict[str, Any]:
        """Return the next such log line, after those that were returned for the same words; wait for it."""
        key = f"{event} {fields}"

        def found() -> dict[str, Any] | None:
            for number in range(self._read_to.get(key, 0), len(self.log)):
                line = self.log[number]
                if line["event"] == event and fields.items() <= line.items():
                    self._read_to[key] = number + 1
                    return line
            return None

        with self._news:
            got: dict[str, Any] | None = None
            end = time.monotonic() + PATIENCE
            while (got := found()) is None:
                assert self._news.wait(end - time.monotonic()) or found(), f"no `{event}` in:\n{self.output}"
                assert self.process.poll() is None or found(), f"it ended:\n{self.output}"
            return got

    def events(self, event: str) -> int:
        """Return how often this was logged."""
        return sum(line["event"] == event for line in self.log)

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a page."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def signal(self, number: Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: Signals = SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


class Town:
    """A folder with a configuration, and everything that the advisor in it talks to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "advisor.yaml"
        self.port = free_port()
        self.slack, self.mail, self.usage = Slack(), Mail(), Usage()
        self.environ: dict[str, str] = {}
        self._advisors: list[Advisor] = []

    def write(self, services: str = "", *, more: str = "", rules: str = "", store: str = "") -> None:
        """Write advisor.yaml and its rules; `services` and `more` are YAML."""
        (self.folder / "rules.yaml").write_text(rules or RULES)
        indented = "".join(f"      {line}\n" for line in (services or self.storage()).splitlines())
        store = store or "sqlite:///advisor.db"
        self.config.write_text(
            f"store: '{store}'\n"
            f"web: {{listen: '127.0.0.1:{self.port}'}}\n"
            "log: {format: json}\n"
            "rules: {files: [rules.yaml]}\n"
            f"stacks:\n  shop:\n    services:\n{indented}"
            + (more or f"notify:\n  slack: {{webhook: '{self.slack.url()}'}}\n  email: {self.email()}\n")
        )

    def storage(self, key: str = "storage", url: str = "", role: str = "storage") -> str:
        """Return a service that is asked each second."""
        http = f"{{url: '{url or self.usage.url}', metrics: {{storage: {{path: storage, unit: MB}}}}}}"
        return f"{key}: {{provider: acme, role: {role}, interval: 1s, http: {http}}}\n"

    def email(self) -> str:
        """Return the settings of the e-mail channel."""
        return f"{{smtp: '{self.mail.url}', from: advisor@example.com, to: [me@example.com]}}"

    def start(self, config: Path | None = None) -> Advisor:
        """Start an advisor; it is running when this returns."""
        advisor = self.start_only(config)
        advisor.said("running")
        return advisor

    def start_only(self, config: Path | None = None, port: int = 0) -> Advisor:
        """Start an advisor and do not wait; `port` is that of its page where `config` names another."""
        advisor = Advisor(config or self.config, port or self.port, **self.environ)
        self._advisors.append(advisor)
        return advisor

    def close(self) -> None:
        for advisor in self._advisors:
            if advisor.process.poll() is None:
                advisor.process.kill()
            advisor.wait()
            assert advisor.process.stdout is not None
            advisor.process.stdout.close()
        for server in (self.slack, self.mail, self.usage):
            server.stop()


RULES = """
- id: own.storage
  service: storage
  when: storage > 400MB
  then: upgrade
  severity: critical
  says: The bucket is four fifths full.
"""


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    """Everything around an advisor, ended at the end of the block."""
    made = Town(folder)
    try:
        yield made
    finally:
        made.close()


__all__ = ["PATIENCE", "RULES", "Advisor", "Mail", "Slack", "Town", "Usage", "free_port", "town"]
