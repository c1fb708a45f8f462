"""What Fly.io's Prometheus has on an app: levels by machine, and what is counted by bucket of time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from advisor.collectors.prometheus.answers import Data, data_of, error_in
from advisor.core.model import Gap, Limit, Quality, Reading, Term
from advisor.core.units import Unit, show
from advisor.polling.contract import Answer, Poll, Unexpected
from advisor.polling.fetch import fetch

__all__ = ["COUNTED", "Counted", "Server", "buckets", "cpu", "histogram", "memory"]

WHERE = "Fly.io's Prometheus"
_SOURCE = "provider API: Fly.io metrics"
_SETTLES = 60.0  # Seconds: scrapes come every 15 s, and the newest samples are hidden for a while.
_AGAIN = 2  # Buckets that are asked once more, since late samples correct them.
_KEPT = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class Server:
    """Where the organisation's Prometheus is, and as whom it is asked."""

    poll: Poll
    base: str
    headers: Mapping[str, str]

    async def ask(self, path: str, params: Mapping[str, str]) -> Data:
        """Ask one question.

        Raises:
            CollectError: As `fetch` says; Unexpected where the query fails.
        """
        reply = await fetch(
            self.poll.http,
            f"{self.base}/api/v1/{path}",
            where=WHERE,
            now=self.poll.now,
            headers=self.headers,
            params=params,
            right="readonly",
        )
        if reply.status in {400, 422} and (said := error_in(reply.body)):
            raise Unexpected(f"{WHERE} cannot answer `{params['query']}`: {said}")
        return data_of(reply.ok().json(), params["query"], WHERE)

    async def by_machine(self, query: str) -> dict[str, float]:
        """Return the newest value of each machine."""
        at = f"{self.poll.now.timestamp():.3f}"
        data = await self.ask("query", {"query": query, "time": at})
        return {
            str(labels.get("instance", "")): value
            for labels, samples in data.series
            for _, text in samples[-1:]
            if (value := _finite(text)) is not None
        }


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None  # NaN compares false as well.


def _of(app: str, more: str = "") -> str:
    return f"{{app={json.dumps(app)}{more}}}"


async def memory(server: Server, app: str) -> Answer:
    """Give the memory in use of each machine, and what the fullest has."""
    total = await server.by_machine(f"fly_instance_memory_mem_total{_of(app)}")
    free = await server.by_machine(f"fly_instance_memory_mem_available{_of(app)}")
    now = server.poll.now
    used = {name: total[name] - free[name] for name in total if name in free}
    if not used:
        return Answer(gaps=[_nothing("memory", app)])
    fullest = max(used, key=lambda name: (used[name], name))
    return Answer(
        [Reading("memory", value, now, part=name) for name, value in used.items()],
        [Term("limit", total[fullest], _SOURCE, now, "memory", Limit.AVAILABLE)],
    )


async def cpu(server: Server, app: str) -> Answer:
    """Give the CPU of each machine as use over what it may use for good, and its balance as evidence."""
    busy_modes = _of(app, ',mode!~"idle|iowait|steal"')
    busy = await server.by_machine(f"sum by (instance) (rate(fly_instance_cpu{busy_modes}[5m]))")
    may = await server.by_machine(f"max by (instance) (fly_instance_cpu_baseline{_of(app)})")
    balance = await server.by_machine(f"max by (instance) (fly_instance_cpu_balance{_of(app)})")
    held = await server.by_machine(f"sum by (instance) (rate(fly_instance_cpu_throttle{_of(app)}[5m]))")
    now = server.poll.now
    use = {name: busy[name] / 100 / may[name] for name in busy if may.get(name, 0.0) > 0}
    if not use:
        return Answer(gaps=[_nothing("cpu", app)])
    rows = [
        {
            "machine": name,
            "of its baseline": show(value, Unit.RATIO),
            "baseline, cores": f"{may[name]:g}",
            "balance": show(balance[name] / 100, Unit.SECONDS) if name in balance else "unknown",
            "throttled": show(held[name] / 100, Unit.RATIO) if name in held else "unknown",
        }
        for name, value in sorted(use.items(), key=lambda item: (-item[1], item[0]))[:10]
    ]
    readings = [Reading("cpu", value, now, part=name) for name, value in use.items()]
    return Answer(readings, evidence={"CPU of machines": rows})


def _nothing(metric: str, app: str) -> Gap:
    why = f"{WHERE} has no series of the app `{app}`; does a machine of it run, and is the name right?"
    return Gap(metric, why, (metric,))


@dataclass(frozen=True, slots=True)
class Counted:
    """A family of counters: what is asked of a bucket, how wide one is (s), how far a first look goes."""

    series: str
    by: str
    metrics: tuple[str, ...]
    width: float = 300.0
    first: timedelta = timedelta(days=1)

    def query(self, app: str) -> str:
        """Return what is asked."""
        inner = f"increase({self.series}{_of(app)}[{self.width:g}s])"
        return f"sum by ({self.by}) ({inner})" if self.by else f"sum({inner})"


#: The first poll takes all traffic that is still known, because nothing else tells what the month has had.
COUNTED: Mapping[str, Counted] = {
    "traffic": Counted("fly_edge_data_out", "", ("egress",), 3600.0, timedelta(days=14)),
    "answers": Counted("fly_edge_http_responses_count", "status", ("requests", "error_rate")),
    "response times": Counted("fly_edge_http_response_time_seconds_bucket", "le", ("response_time",)),
}
_SUMS = Counted("fly_edge_http_response_time_seconds_sum", "", ())


async def buckets(server: Server, app: str, name: str, covered: float | None) -> Answer:
    """Give what one family counted in the buckets that are new or may be corrected.

    `covered` is the end of the last bucket that was read (epoch seconds), kept under the family's name.
    """
    wanted = COUNTED[name]
    kept = {} if covered is None else {name: covered}
    now = server.poll.now
    end = (now.timestamp() - _SETTLES) // wanted.width * wanted.width
    first = end - wanted.first.total_seconds() + wanted.width
    start = first if covered is None else covered - (_AGAIN - 1) * wanted.width
    start = max(start, end - _KEPT.total_seconds())
    if start > end:
        return Answer(keep=kept)

    async def ask(query: str) -> Data:
        params = {"query": query, "start": f"{start:.0f}", "end": f"{end:.0f}", "step": f"{wanted.width:g}s"}
        return await server.ask("query_range", params)

    data = await ask(wanted.query(app))
    if not data.series:
        why = f"{WHERE} has no `{wanted.series}` of the app `{app}` since the last poll, which is not zero"
        return Answer(gaps=[Gap(name, why, wanted.metrics)], keep={name: end})
    times = _times(data, wanted.by)
    if name == "response times":
        sums = _times(await ask(_SUMS.query(app)), "")
        readings = [
            reading
            for at, counts in times.items()
            if (reading := histogram(counts, sums.get(at, {}).get(""), _moment(at), wanted.width)) is not None
        ]
    elif name == "answers":
        readings = [reading for at, counts in times.items() for reading in _answers(counts, at, wanted.width)]
    else:
        readings = [_egress(counts[""], at, wanted.width) for at, counts in times.items()]
    gaps = [Gap(name, f"{WHERE}: the answer may be partial: {said}", wanted.metrics) for said in data.partial]
    return Answer(readings, gaps=gaps, keep=kept if gaps else {name: end})  # A partial answer is asked again.


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _times(data: Data, label: str) -> dict[float, dict[str, float]]:
    """Return the finite values by time, and in each by label."""
    found: dict[float, dict[str, float]] = {}
    for labels, samples in data.series:
        for at, text in samples:
            if (value := _finite(text)) is not None:
                found.setdefault(at, {})[str(labels.get(label, ""))] = value
    return found


def _egress(sent: float, at: float, width: float) -> Reading:
    return Reading("egress", sent, _moment(at), _moment(at - width), quality=Quality.ESTIMATED)


def _answers(counts: Mapping[str, float], at: float, width: float) -> Sequence[Reading]:
    total = sum(counts.values())
    until, since = _moment(at), _moment(at - width)
    found = [Reading("requests", total, until, since)]
    if total > 0:
        failed = sum(count for status, count in counts.items() if status.startswith("5"))
        found.append(Reading("error_rate", failed, until, since, of=total))
    return found


def _edge(text: str) -> float | None:
    """Return a bucket's upper edge, infinity for the open one; None where it is no number."""
    return float("inf") if text == "+Inf" else _finite(text)


def histogram(
    cumulative: Mapping[str, float], total: float | None, until: datetime, width: float
) -> Reading | None:
    """Return one bucket of time of a Prometheus histogram; None where nothing was counted.

    The open bucket's values count at the highest edge: they are longer, and nobody knows by how much.
    """
    edges = sorted((edge, count) for text, count in cumulative.items() if (edge := _edge(text)) is not None)
    pairs: list[tuple[float, float]] = []
    below = beyond = 0.0
    for edge, count in edges:
        more = max(count - below, 0.0)  # Each edge is extrapolated apart, so that one may fall a trifle.
        below = max(below, count)
        if edge == float("inf"):
            beyond = more
        else:
            pairs.append((edge, more))
    finite = [edge for edge, _ in edges if edge != float("inf")]
    if below <= 0 or not finite:
        return None
    if beyond > 0:
        last = pairs.pop() if pairs else (finite[-1], 0.0)
        pairs.append((last[0], last[1] + beyond))
    while len(pairs) > 1 and pairs[-1][1] == 0:
        pairs.pop()
    middle = sum(edge * count for edge, count in pairs) / sum(count for _, count in pairs)
    mean = total / below if total is not None and total >= 0 else middle
    quality = Quality.ESTIMATED if beyond > 0 or total is None else Quality.MEASURED
    since = until - timedelta(seconds=width)
    return Reading("response_time", mean, until, since, buckets=tuple(pairs), quality=quality)
