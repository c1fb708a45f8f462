"""Asks Cloudflare: GraphQL Analytics within the limits of each dataset, and the REST API's envelope."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from advisor.polling import graphql
from advisor.polling.body import Body
from advisor.polling.contract import (
    CollectError,
    Forbidden,
    Poll,
    Throttled,
    TokenRefused,
    Unexpected,
    Unreachable,
)
from advisor.polling.fetch import fetch
from advisor.polling.reply import plain

__all__ = ["WHERE", "Api", "Bounds", "Rows"]

WHERE = "Cloudflare"
PAGES = 12  #: Requests that one dataset may take in a poll.

_BLOCKED = timedelta(minutes=5)  # Over the rate limit all is refused for so long.
_MALFORMED = (6003, 6111)  # Of the answer 400: the token has not the form of one.
_TROUBLE = ("unable to execute query", "too many queries in progress", "internal server error")
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a dataset allows, as its `settings` say it: seconds, seconds back, rows."""

    widest: float = 31 * 86_400.0
    oldest: float = 31 * 86_400.0
    page: int = 10_000


@dataclass(slots=True)
class Rows:
    """Rows of a dataset, with the stretch that they cover in full, and what went wrong beside them."""

    rows: list[Body] = field(default_factory=list)
    since: datetime | None = None
    listed: bool = False
    cut: bool = False
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Api:
    """Cloudflare as one token sees it."""

    poll: Poll
    base: str
    token: str = field(repr=False)

    @property
    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def rest(self, path: str, right: str, params: Mapping[str, str] | None = None) -> Body:
        """Return the whole envelope of GET `path`.

        Raises:
            CollectError: As `fetch`; and where the envelope says that it failed.
        """
        url = f"{self.base}/client/v4{path}"
        reply = await fetch(
            self.poll.http,
            url,
            where=WHERE,
            now=self.poll.now,
            headers=self._headers,
            params=params,
            right=right,
        )
        if reply.status == 400 and _codes(Body(reply.json(), WHERE)) & set(_MALFORMED):
            raise TokenRefused(f"{WHERE}: the token is malformed; copy it whole into `token:`")
        body = Body(reply.ok().json(), WHERE)
        if body["success"].value is not True:
            said = "; ".join(plain(str(one["message"].value)) for one in body["errors"].each())
            raise Unexpected(f"{WHERE}: the request failed ({said or 'no reason given'})")
        return body

    async def data(self, document: str, variables: Mapping[str, Any], right: str) -> graphql.Data:
        """Send one query.

        Raises:
            CollectError: As `graphql.ask`, with Cloudflare's own words read.
        """
        try:
            return await graphql.ask(
                self.poll.http,
                f"{self.base}/client/v4/graphql",
                document,
                variables,
                where=WHERE,
                now=self.poll.now,
                headers=self._headers,
                right=right,
            )
        except Throttled as error:
            raise Throttled(str(error), error.retry_at or self.poll.now + _BLOCKED) from None
        except Forbidden:
            raise
        except (TokenRefused, Unexpected) as error:
            said = str(error)
            if "not authorized for" in said or "does not have access" in said:
                raise Forbidden(f"{said}; grant the token `{right}`", right) from None
            if any(word in said for word in _TROUBLE):
                raise Unreachable(f"{said}; it is asked again") from None
            raise

    async def bounds(self, nodes: list[str], scope: str, key: str, right: str) -> dict[str, Bounds]:
        """Return what datasets allow; without those that do not tell. `scope` is "accounts" or "zones"."""
        fields = "{enabled maxDuration notOlderThan maxPageSize}"
        document = (
            f"query Limits($key: string!) {{viewer {{{_scoped(scope)} "
            f"{{settings {{{' '.join(node + fields for node in nodes)}}}}}}}}}"
        )
        try:
            data = await self.data(document, {"key": key}, right)
            place = _place(data.body, scope, right)
        except (Forbidden, Unexpected):
            return {}
        known = {}
        for node in nodes:
            told = place.get("settings", node)
            if told is None:
                continue
            widest, oldest, page = (
                told.number(name) for name in ("maxDuration", "notOlderThan", "maxPageSize")
            )
            default = Bounds()
            known[node] = Bounds(
                widest or default.widest, oldest or default.oldest, int(page or default.page)
            )
        return known

    async def rows(
        self,
        node: str,
        selection: str,
        time: str,
        since: datetime,
        bounds: Bounds,
        scope: str,
        key: str,
        right: str,
        one: tuple[str, str] = ("", ""),
    ) -> Rows:
        """Return a dataset's rows from `since` on, the newest stretch first; a full page is asked on.

        `time` is the dimension that narrows it ("date", "datetimeHour"), `one` a filter and its value.

        Raises:
            CollectError: The first stretch failed; a later one is told in `faults`.
        """
        document = _document(node, selection, time, scope, one[0])
        found = Rows()
        asked = 0
        for start, end in _stretches(time, since, self.poll.now, bounds):
            cursor: datetime | None = start
            stretch: list[Body] = []
            while cursor is not None:
                if asked >= PAGES:
                    found.cut = True
                    return found
                asked += 1
                variables = {
                    "key": key,
                    "from": _sent(time, cursor),
                    "to": _sent(time, end),
                    "limit": bounds.page,
                }
                try:
                    data = await self.data(document, variables | ({"one": one[1]} if one[0] else {}), right)
                    answered = _place(data.body, scope, right).get(node)
                except CollectError as error:
                    if found.since is None or not isinstance(error, Forbidden | Unexpected):
                        raise
                    found.faults.append(str(error))
                    return found
                found.faults += data.faults
                page = list(answered.each()) if answered is not None else []
                found.listed = found.listed or answered is not None
                cursor = _next(time, page, cursor, bounds.page)
                if cursor is not None:
                    page = [row for row in page if _at(time, row) < cursor]
                stretch += [row for row in page if _within(time, row, start, end)]
                found.cut = found.cut or (cursor is None and len(page) >= bounds.page)
            found.rows += stretch
            found.since = start
        return found


def _scoped(scope: str) -> str:
    tag = "accountTag" if scope == "accounts" else "zoneTag"
    return f"{scope}(filter: {{{tag}: $key}})"


def _document(node: str, selection: str, time: str, scope: str, one: str) -> str:
    kind = "Date" if time == "date" else "Time"
    upper = "leq" if time == "date" else "lt"
    more, narrow = (", $one: string!", f", {one}: $one") if one else ("", "")
    return (
        f"query Usage($key: string!, $from: {kind}!, $to: {kind}!, $limit: uint64!{more}) "
        f"{{viewer {{{_scoped(scope)} {{{node}(limit: $limit, orderBy: [{time}_ASC], "
        f"filter: {{{time}_geq: $from, {time}_{upper}: $to{narrow}}}) {{{selection}}}}}}}}}"
    )


def _place(data: Body, scope: str, right: str) -> Body:
    """Return the one account or zone that was asked for."""
    found = list(data["viewer"][scope].each())
    if not found:
        thing = scope.removesuffix("s")
        raise Forbidden(
            f"{WHERE}: the token does not see that {thing}; check `{thing}_id`, or grant it `{right}`", right
        )
    return found[0]


def _sent(time: str, at: datetime) -> str:
    return at.date().isoformat() if time == "date" else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _at(time: str, row: Body) -> datetime:
    return row["dimensions"].time(time)


def _within(time: str, row: Body, start: datetime, end: datetime) -> bool:
    at = row.get("dimensions", time)
    return at is None or start <= at.time() <= end


def _next(time: str, page: list[Body], start: datetime, full: int) -> datetime | None:
    """Return where a full page is taken up again: at its last hour, which may be there in part."""
    if len(page) < full or page[-1].get("dimensions", time) is None:
        return None
    last = _at(time, page[-1])
    return last if last > start else None


def _stretches(
    time: str, since: datetime, now: datetime, bounds: Bounds
) -> Iterator[tuple[datetime, datetime]]:
    """Yield what is asked one by one, newest first, each no wider and older than allowed.

    Days are asked from the first to the last, both of them included; hours up to the end, without it.
    """
    days = time == "date"
    step = _DAY if days else _HOUR
    width = max(1, int(bounds.widest // step.total_seconds()))
    floor = _floor(time, max(since, now - timedelta(seconds=bounds.oldest) + step))
    end = _floor(time, now) if days else now
    while end >= floor:
        start = max(floor, _floor(time, end) - (width - 1) * step)
        yield start, end
        end = start - _DAY if days else start
        if not days and start <= floor:
            return


def _floor(time: str, at: datetime) -> datetime:
    hour = 0 if time == "date" else at.hour
    return at.replace(hour=hour, minute=0, second=0, microsecond=0)


def _codes(body: Body) -> set[int]:
    errors = body.get("errors")
    found: set[int] = set()
    for error in errors.each() if errors is not None else ():
        found.add(int(error.number("code") or 0))
        chain = error.get("error_chain")
        found |= {int(one.number("code") or 0) for one in (chain.each() if chain is not None else ())}
    return found
