"""The two addresses of Supabase that are asked: its Management API, and a project's metrics endpoint."""

import json
import re
from collections.abc import Mapping

from pydantic import SecretStr

from advisor.collectors.supabase.found import QUOTA, restricted
from advisor.core.model import Gap
from advisor.polling.body import Body
from advisor.polling.contract import Answer, Poll, Unexpected
from advisor.polling.fetch import basic, fetch, place
from advisor.polling.reply import Reply, plain

__all__ = ["API", "Management", "organisation_of", "scrape"]

API = "https://api.supabase.com"
_PAGE = 100
_MOST_PAGES = 20
_VIOLATION = re.compile(r"\bexceed_\w+")


class Management:
    """The Management API, asked with one token."""

    def __init__(self, poll: Poll, token: SecretStr, base_url: str) -> None:
        self.poll = poll
        self._base = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        self.where = f"Supabase at {place(self._base)}"

    async def get(self, path: str, right: str, params: Mapping[str, str] | None = None) -> Body:
        """Return the answer to a GET.

        Raises:
            CollectError: As `Reply.ok`; a 402 or 404 in the words of this API.
        """
        return self._read(await self._ask("GET", path, right, params), path)

    async def query(self, ref: str, sql: str) -> Body:
        """Return the rows of one SELECT, which Supabase runs as a role that only reads.

        Raises:
            CollectError: As `get`; Unexpected where the SELECT failed.
        """
        path = f"/v1/projects/{ref}/database/query/read-only"
        reply = await self._ask("POST", path, "database_read", None, json.dumps({"query": sql}).encode())
        if reply.status == 400:
            raise Unexpected(
                f"{self.where} could not run the query ({plain(reply.body.decode('utf-8', 'replace'))})"
            )
        return self._read(reply, path)

    async def _ask(
        self,
        method: str,
        path: str,
        right: str,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Reply:
        return await fetch(
            self.poll.http,
            self._base + path,
            where=self.where,
            now=self.poll.now,
            method=method,
            headers=self._headers | ({"Content-Type": "application/json"} if content is not None else {}),
            params=params,
            content=content,
            right=right,
        )

    def _read(self, reply: Reply, path: str) -> Body:
        if reply.status == 402:
            raise Unexpected(f"{self.where} answered 402 Payment Required: the plan does not have {path}")
        if reply.status == 404:
            raise Unexpected(
                f"{self.where} answered 404 Not Found for {path}: check `project:` and `org:`, and that the "
                "token sees them"
            )
        return Body(reply.ok().json(), self.where)

    async def projects(self, org: str = "", gaps: list[Gap] | None = None) -> list[tuple[str, str]]:
        """Return (reference, organisation) of the projects that the token sees, branches left out."""
        if not org:
            body = await self.get("/v1/projects", "projects_read")
            return [(one.text("ref"), organisation_of(one)) for one in body.each()]
        found: list[tuple[str, str]] = []
        seen, page = 0, 0
        while True:
            params = {"offset": str(seen), "limit": str(_PAGE)}
            body = await self.get(f"/v1/organizations/{org}/projects", "organization_projects_read", params)
            items = list(body["projects"].each())
            found += [(one.text("ref"), org) for one in items if not _is_branch(one)]
            seen, page = seen + len(items), page + 1
            if not items or seen >= (body.number("pagination", "count") or 0):
                return found
            if page == _MOST_PAGES:
                if gaps is not None:
                    gaps.append(Gap("projects", f"{self.where}: only the first {seen} projects were read"))
                return found


def organisation_of(project: Body) -> str:
    """Return the slug of a project's organisation; older answers have it as the id."""
    slug = project.get("organization_slug")
    return slug.text() if slug is not None else project.text("organization_id")


def _is_branch(project: Body) -> bool:
    told = project.get("is_branch")
    return told is not None and told.value is True


async def scrape(poll: Poll, key: SecretStr, ref: str, base_url: str) -> str | Answer:
    """Return the text of a project's metrics endpoint; where a restriction keeps it closed, that.

    Raises:
        CollectError: As `Reply.ok`.
    """
    base = f"https://{ref}.supabase.co" if base_url.rstrip("/") == API else base_url.rstrip("/")
    where = f"the metrics endpoint at {place(base)}"
    reply = await fetch(
        poll.http,
        f"{base}/customer/v1/privileged/metrics",
        where=where,
        now=poll.now,
        headers={"Authorization": basic("service_role", key.get_secret_value())},
        right="a secret key of this project",
    )
    if reply.status == 402:
        why = f"{where} answered 402: the project is restricted, a quota or the spend cap is used up"
        gap = Gap("metrics endpoint", why, ("cpu", "memory", "connections", "storage", "users"))
        return Answer(restricted(_violations(reply), poll.now, QUOTA), gaps=[gap])
    return reply.ok().body.decode("utf-8", "replace")


def _violations(reply: Reply) -> int:
    """Return how many quotas a 402 names, at least one."""
    text = reply.body.decode("utf-8", "replace")
    return max(1, len(set(_VIOLATION.findall(text))))
