"""Plays a provider from samples, and asks it as the daemon would."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx

from advisor.core.fleet import Account, Service
from advisor.polling.contract import Answer, Collector, Poll
from advisor.testing.samples import Sample

__all__ = ["NOON", "Asked", "ask", "client", "poll_for"]

#: When `ask` asks, unless told otherwise.
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Asked:
    """What came of a poll: the answer, and the requests made, each with the sample that answered."""

    answer: Answer
    requests: Sequence[tuple[httpx.Request, Sample]]


def client(
    served: Iterable[Sample], seen: list[tuple[httpx.Request, Sample]] | None = None
) -> httpx.AsyncClient:
    """Return a client whose every request is answered by the first sample that fits, the strictest first.

    Samples that fit equally well answer in turn, the last one from then on, so that pages follow each other.

    Raises (from a request):
        AssertionError: No sample fits; the message names the request without its headers.
    """
    known = list(served)
    used: dict[str, int] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        fitting = [sample for sample in known if _fits(sample, request)]
        if not fitting:
            raise AssertionError(f"no sample for {request.method} {request.url} {request.content[:300]!r}")
        best = max(map(_strictness, fitting))
        equal = [sample for sample in fitting if _strictness(sample) == best]
        turn = used.get(equal[0].name, 0)
        used[equal[0].name] = turn + 1
        sample = equal[min(turn, len(equal) - 1)]
        if seen is not None:
            seen.append((request, sample))
        return respond(sample)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


def respond(sample: Sample) -> httpx.Response:
    """Return a sample's answer."""
    if sample.text is not None:
        return httpx.Response(sample.status, headers=sample.headers, text=sample.text)
    content = b"" if sample.body is None else json.dumps(sample.body).encode()
    headers = {"content-type": "application/json", **sample.headers}
    return httpx.Response(sample.status, headers=headers, content=content)


def _fits(sample: Sample, request: httpx.Request) -> bool:
    wanted = sample.request
    if wanted.method != request.method or wanted.path != request.url.path:
        return False
    if wanted.host and wanted.host != request.url.host:
        return False
    query = dict(request.url.params.multi_items())
    if any(query.get(key) != value for key, value in wanted.query.items()):
        return False
    if wanted.form:
        form = parse_qs(request.content.decode())
        if any(form.get(key) != [value] for key, value in wanted.form.items()):
            return False
    return not wanted.json_ or _holds(json.loads(request.content or b"null"), wanted.json_)


def _holds(body: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(body, Mapping) and all(
            key in body and _holds(body[key], value) for key, value in wanted.items()
        )
    return bool(body == wanted)


def _strictness(sample: Sample) -> int:
    wanted = sample.request
    return len(wanted.query) + len(wanted.json_) + len(wanted.form) + bool(wanted.host)


async def ask(
    collector: Collector,
    served: Mapping[str, Sample] | Iterable[Sample],
    settings: object,
    *,
    service: Service | None = None,
    account: Account | None = None,
    now: datetime = NOON,
    since: datetime | None = None,
    previous: Mapping[str, Any] | None = None,
) -> Asked:
    """Poll once against samples; of a mapping those that are no errors."""
    chosen = [s for s in served.values() if not s.is_error] if isinstance(served, Mapping) else list(served)
    seen: list[tuple[httpx.Request, Sample]] = []
    async with client(chosen, seen) as http:
        poll = poll_for(
            collector, http, service=service, account=account, now=now, since=since, previous=previous
        )
        return Asked(await collector.collect(poll, settings), seen)


def poll_for(
    collector: Collector,
    http: httpx.AsyncClient,
    *,
    service: Service | None = None,
    account: Account | None = None,
    now: datetime = NOON,
    since: datetime | None = None,
    previous: Mapping[str, Any] | None = None,
) -> Poll:
    """Return a poll of a service of the collector's provider, for `verify` or `collect`."""
    name = collector.PROVIDER
    service = service or Service("shop", "it", "it", name, "acme")
    account = account or Account(service.account, name)
    return Poll(http, service, account, now, since, previous or {})
