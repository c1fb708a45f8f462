"""GET on the API server: lists in pages, and its errors with the way out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from advisor.collectors.kubernetes.access import Server
from advisor.core.model import Gap
from advisor.polling.body import Body
from advisor.polling.contract import Poll, Unexpected, Unreachable
from advisor.polling.fetch import fetch, place

if TYPE_CHECKING:
    import httpx

__all__ = ["METRICS_API", "Api"]

METRICS_API = "/apis/metrics.k8s.io/v1beta1"

_PAGE = 250  # Pods are large: a page stays below the most that an answer may have.
_PAGES = 40


class Api:
    """One poll's way to the API server. `client` trusts the cluster's own authority."""

    def __init__(self, poll: Poll, server: Server, client: "httpx.AsyncClient") -> None:
        self.poll = poll
        self._server = server
        self._client = client
        self.where = f"Kubernetes at {place(server.url)}"

    async def get(self, path: str, right: str, query: Mapping[str, str] | None = None) -> Body:
        """Return one answer.

        Raises:
            CollectError: It cannot be reached or refuses; without metrics-server it says so.
        """
        return await self._ask("GET", path, right, query)

    async def post(self, path: str, ask: bytes) -> Body:
        """Return the answer to a review, which changes nothing.

        Raises:
            CollectError: It cannot be reached or refuses.
        """
        return await self._ask("POST", path, "", None, ask)

    async def _ask(
        self,
        method: str,
        path: str,
        right: str,
        query: Mapping[str, str] | None,
        content: bytes | None = None,
    ) -> Body:
        headers = {"Authorization": f"Bearer {self._server.token.get_secret_value()}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        reply = await fetch(
            self._client,
            f"{self._server.url}{path}{f'?{urlencode(query)}' if query else ''}",
            where=self.where,
            now=self.poll.now,
            method=method,
            headers=headers,
            content=content,
            right=right,
        )
        if path.startswith(METRICS_API) and reply.status == 404:
            raise Unexpected(
                f"{self.where} answered 404 Not Found: the metrics API is not there; install metrics-server"
            )
        if path.startswith(METRICS_API) and reply.status == 503:
            raise Unreachable(f"{self.where} answered 503: metrics-server is down; it is asked again")
        if reply.status == 404:
            raise Unexpected(
                f"{self.where} answered 404 Not Found: nothing of that name; check `namespace` and names"
            )
        return Body(reply.ok().json(), self.where)

    async def listed(
        self, path: str, right: str, query: Mapping[str, str], gaps: list[Gap], metrics: tuple[str, ...]
    ) -> list[Body]:
        """Return all items of a list of the core API, page by page.

        Raises:
            CollectError: It cannot be reached, refuses, or answers in another shape.
        """
        found: list[Body] = []
        token = ""
        for _ in range(_PAGES):
            more = {"limit": str(_PAGE)} | ({"continue": token} if token else {})
            page = await self.get(path, right, {**query, **more})
            found += page["items"].each()
            next_token = page.get("metadata", "continue")
            token = next_token.text() if next_token is not None else ""
            if not token:
                return found
        why = f"{self.where} has more than {len(found)} items; narrow them with `namespace` or `selector`"
        gaps.append(Gap(path.rpartition("/")[2], why, metrics))
        return found
