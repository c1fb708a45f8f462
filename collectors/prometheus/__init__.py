"""Prometheus-compatible servers: any metric of the vocabulary, named by PromQL.

API     GET (long queries: POST) /api/v1/query and /api/v1/query_range of Prometheus, VictoriaMetrics, Mimir,
        Thanos and Grafana Cloud.
Token   none, Bearer (`token`), Basic (`basic`) or headers such as X-Scope-OrgID; right to query is enough.
Quirks  Values are texts, NaN among them. An empty answer means that there is no series, not zero. Answers may
        be partial, with a warning. A range holds at most 11,000 points.

A level is asked at the moment of the poll. What is counted over time (amounts, and shares and distributions
whose query holds `$window`) is asked for by buckets of `window`, aligned to the clock, each once, and from
where the last poll ended; so a day without the advisor leaves no hole as long as the server remembers it.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from advisor.collectors.prometheus.answers import Data, Point, data_of, error_in, points, quoted
from advisor.collectors.prometheus.settings import Query, Settings
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Kind, Reading
from advisor.polling.contract import About, Access, Answer, CollectError, Poll, Tier, Unexpected, Unreachable
from advisor.polling.fetch import basic, fetch, place

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect"]

PROVIDER = "prometheus"
METRICS = tuple(VOCABULARY.values())
SCOPES = ("read",)
INTERVAL = 15.0
ABOUT = About(
    title="Prometheus",
    access=(
        Access(Tier.READ, "to query", "the metrics that you name", "all series of the server or tenant"),
    ),
    spec="prometheus/openapi_3.1.yaml",
    delay="one scrape",
    connect=(
        "Take an address that answers /api/v1/query, and a token that may query.",
        "Write `url:`, `token:`.",
    ),
)

_AT_ONCE = 4  # Prometheus itself runs 20 queries at a time, for all who ask.
_MOST_POINTS = 11_000
_FIRST_LOOK_BACK = timedelta(days=1)
# The newest seconds are not settled: a scrape may be under way, and VictoriaMetrics hides 30 s.
_SETTLES = timedelta(seconds=30)
_LONGEST_GET = 1500
_EXTRAPOLATED = 1.05


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what the queries say now, and of buckets what is new since the last poll.

    A query that cannot be answered is a gap and leaves the others alone; where none could be, its error is
    raised.

    Raises:
        CollectError: The server cannot be reached or refuses, or every query failed.
    """
    server = _Server(poll, settings)
    wanted = [(name, query) for name, queries in settings.metrics.items() for query in queries]
    found = await asyncio.gather(*(server.measure(name, query) for name, query in wanted))
    if server.down is not None:
        raise server.down
    if (failed := [part.failed for part in found if part.failed]) and len(failed) == len(found):
        raise failed[0]
    return Answer(
        readings=[reading for part in found for reading in part.readings],
        gaps=[gap for part in found for gap in part.gaps],
        keep={"covered": {key: end for part in found for key, end in part.covered.items()}},
    )


@dataclass(slots=True)
class _Part:
    """What one query gave; `covered` is the end of the last bucket asked for."""

    readings: list[Reading] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    covered: dict[str, float] = field(default_factory=dict)
    failed: CollectError | None = None


class _Busy(Unreachable):
    """The server answers, but not this query: it took too long or was too much."""


class _Server:
    """One poll's conversation with one server."""

    def __init__(self, poll: Poll, settings: Settings) -> None:
        self.poll = poll
        address = settings.url.get_secret_value()
        self.base = address.rstrip("/").removesuffix("/api/v1")
        self.where = f"Prometheus at {place(address)}"
        self.headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
        if settings.token is not None:
            self.headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
        if settings.basic is not None:
            user, _, password = settings.basic.get_secret_value().partition(":")
            self.headers["Authorization"] = basic(user, password)
        self.down: CollectError | None = None
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def measure(self, name: str, query: Query) -> _Part:
        """Ask one of the user's queries; its failure stays its own unless the server is down."""
        part = _Part()
        key = _key(name, query)
        before = self.poll.previous.get("covered", {}).get(key)
        if before is not None:
            part.covered[key] = before
        way = self._buckets if query.by_bucket(VOCABULARY[name]) else self._now
        try:
            async with self._gate:
                if self.down is None:
                    await way(name, query, part)
        except (Unexpected, _Busy) as error:
            part.failed = error
            part.gaps.append(Gap(name, str(error), (name,)))
        except CollectError as error:
            self.down = error
        return part

    async def _now(self, name: str, query: Query, part: _Part) -> None:
        now = self.poll.now
        since = None
        if VOCABULARY[name].kind is Kind.SHARE:
            # Buckets of a share must not overlap: what the last poll covered is not covered again.
            since = max(self.poll.since or now, now - query.span)
            since = since if since < now else now - query.span

        async def ask(promql: str) -> Data:
            data = await self._ask("/api/v1/query", {"query": promql, "time": _stamp(now)})
            if any(len(samples) > 1 for _, samples in data.series):
                way = "take one value of it: max_over_time(...), rate(...)"
                raise Unexpected(f"{self.where}: {quoted(promql)} gives a stretch of time; {way}")
            return data

        await self._read(name, query, part, ask, lambda _: (since, now))

    async def _buckets(self, name: str, query: Query, part: _Part) -> None:
        width = query.span.total_seconds()
        end = (self.poll.now - _SETTLES).timestamp() // width * width
        key = _key(name, query)
        start = part.covered.get(key, end - _FIRST_LOOK_BACK.total_seconds()) + width
        if start > end:
            return  # The running bucket is not over yet.
        earliest = end - (_MOST_POINTS - 1) * width
        if start < earliest:
            lost = f"{datetime.fromtimestamp(start - width, UTC):%Y-%m-%d %H:%M} UTC"
            why = (
                f"{self.where}: a range holds {_MOST_POINTS} buckets; `{name}` from {lost} until then is lost"
            )
            part.gaps.append(Gap(name, why, (name,)))
            start = earliest

        async def ask(promql: str) -> Data:
            params = {"query": promql, "start": _stamp(start), "end": _stamp(end), "step": f"{width:g}"}
            return await self._ask("/api/v1/query_range", params)

        def bucket(point: Point) -> tuple[datetime, datetime]:
            at = datetime.fromtimestamp(round(point.at / width) * width, UTC)
            return at - query.span, at

        await self._read(name, query, part, ask, bucket)
        part.covered[key] = end

    async def _read(
        self,
        name: str,
        query: Query,
        part: _Part,
        ask: Callable[[str], Awaitable[Data]],
        times: Callable[[Point], tuple[datetime | None, datetime]],
    ) -> None:
        """Ask the query, and `of` where there is one, and turn both into readings."""
        data = await ask(query.promql())
        mine = points(data, query.promql(), query.part_label, self.where)
        problems = [*mine.problems, *_partial(data)]
        wholes: dict[tuple[str, datetime], float] = {}
        if query.of:
            data = await ask(query.promql(query.of))
            whole = points(data, query.promql(query.of), query.part_label, self.where)
            wholes = {(point.part, times(point)[1]): point.value for point in whole.points}
            problems += [*whole.problems, *_partial(data)]
        single = 1.0 if VOCABULARY[name].kind is Kind.SHARE else None
        scale = query.scale(name)
        for point in mine.points:
            since, at = times(point)
            if not query.of:
                part.readings.append(
                    Reading(name, point.value * scale, at, since, point.part, query.stat, single)
                )
                continue
            of = wholes.get((point.part, at))
            if of is None or of == 0:
                if wholes:
                    problems.append(f"the whole of `{name}` is {'missing' if of is None else '0'}: no share")
                continue
            # Both are extrapolated apart, so that a part may come out a trifle above its whole.
            value = of if of < point.value <= of * _EXTRAPOLATED else point.value
            part.readings.append(Reading(name, value, at, since, point.part, "", of))
        part.gaps += [Gap(name, f"{self.where}: {problem}", (name,)) for problem in dict.fromkeys(problems)]

    async def _ask(self, path: str, params: dict[str, str]) -> Data:
        """Ask the server one question.

        Raises:
            Unexpected: The query is wrong, or the answer is none of this API.
            _Busy: The server is up, but did not finish this query.
            CollectError: As `Reply.ok` says.
        """
        post = len(params["query"]) > _LONGEST_GET
        reply = await fetch(
            self.poll.http,
            self.base + path,
            where=self.where,
            now=self.poll.now,
            method="POST" if post else "GET",
            headers=self.headers,
            params=None if post else params,
            form=params if post else None,
            right="to query",
        )
        if reply.status in {400, 404, 422, 500, 503} and (said := error_in(reply.body)):
            sentence = f"{self.where} cannot answer {quoted(params['query'])}: {said}"
            raise _Busy(f"{sentence}; it is asked again") if reply.status >= 500 else Unexpected(sentence)
        return data_of(reply.ok().json(), params["query"], self.where)


def _partial(data: Data) -> list[str]:
    return [f"the answer may be partial: {said}" for said in data.partial]


def _key(name: str, query: Query) -> str:
    return f"{name}:{hashlib.sha256(f'{query.promql()} {query.of}'.encode()).hexdigest()[:16]}"


def _stamp(at: datetime | float) -> str:
    return f"{at if isinstance(at, int | float) else at.timestamp():.3f}"
