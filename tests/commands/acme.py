"""Acme as a server, for commands that ask a provider: its samples on loopback, each to be changed."""

import json
from collections.abc import Mapping
from typing import Any

from advisor.testing import samples
from tests.running import _Server
from tests.third_party_example import acme_usage


class Acme:
    """Plays Acme. `token` is what it says of a token; `status` what it answers to all, `asked` the paths."""

    def __init__(self) -> None:
        found = samples(acme_usage)
        self.token: dict[str, Any] = dict(found["token"].body)
        self.usage: list[dict[str, Any]] = [
            dict(found[name].body) for name in ("1-usage", "2-usage-next-page")
        ]
        self.status = 200
        self.asked: list[str] = []
        self._server = _Server(self._answer)
        self.url = f"http://{self._server.address}"
        self.stop = self._server.stop

    def _answer(self, path: str, _body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        self.asked.append(path)
        said = self.token if path == "/v2/token" else self.usage["cursor=" in path]
        body = said if self.status == 200 else {"error": "invalid_token"}
        return self.status, {"Content-Type": "application/json"}, json.dumps(body).encode()
