"""`advisor once`: poll every source, judge, advise, print. With `--postgres`, without any configuration."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from advisor.catalogue_files import load as load_catalogue
from advisor.commands.common import exit_code
from advisor.commands.report import as_document, print_report
from advisor.config import from_data
from advisor.core.histories import histories
from advisor.core.judgement import UNKNOWN
from advisor.core.snapshot import Snapshot, SourceRow
from advisor.core.units import Unit, read
from advisor.core.watch import Watch
from advisor.errors import InputError
from advisor.feeds import Feed, feeds, gives
from advisor.polling.client import client
from advisor.polling.poller import Polled, Poller
from advisor.secrets import Secret
from advisor.world import world

#: The documents' packs that know a provider, for a look without a configuration.
_PACKS = ("app-virgin",)


def postgres(dsn: str, plan: str | None, watch: str, *, json: bool, fail_on: str | None) -> int:
    """Look at one database: two snapshots, what nears its limit, what to do."""
    config = from_data(_configuration(dsn, plan), folder=Path.cwd(), environ=os.environ)
    known = world(config)
    found = feeds(config)
    seen = Watch(
        known.fleet,
        known.rulebook.rules,
        known.catalogue,
        known.playbooks,
        gives=gives(found, known.fleet),
    )
    first, last = asyncio.run(_twice(found[0], _seconds(watch)))
    for polled in (first, last):
        seen.learn([(polled.subject, term) for term in polled.terms])
        seen.observe(polled.observed)
    return _finish(seen, (last,), found, json=json, fail_on=fail_on, first=first)


def _configuration(dsn: str, plan: str | None) -> dict[str, Any]:
    provider, _, name = (plan or "postgresql").partition("/")
    if plan is not None:
        offers = load_catalogue().offers
        if provider not in offers:
            raise InputError(f"--plan {plan}: no provider `{provider}`; known: {', '.join(sorted(offers))}")
        known = [one.id for one in offers[provider].plans]
        if name not in known:
            raise InputError(
                f"--plan {plan}: {provider} has no plan `{name}`; write {provider}/{' or '.join(known)}"
            )
    service: dict[str, Any] = {"provider": provider, "role": "database"}
    where = dsn.removeprefix("env:")
    service["dsn"] = Secret(f"${{{where}}}") if where != dsn else Secret(dsn)
    if name:
        service["plan"] = name
    return {"stacks": {"once": {"packs": list(_PACKS) if plan else [], "services": {"database": service}}}}


def _seconds(text: str) -> float:
    try:
        seconds, unit = read(text)
    except ValueError as error:
        raise InputError(f"--watch: {error}") from None
    if unit is not Unit.SECONDS or not 0 < seconds <= 3600:
        raise InputError(f"--watch {text}: write a time between 1s and 1h")
    return seconds


async def _twice(feed: Feed, wait: float) -> tuple[Polled, Polled]:
    async with client() as http:
        poller = Poller(http)
        first = await poller.poll(feed.source, datetime.now(UTC))
        if first.error is not None:
            return first, first
        await asyncio.sleep(wait)
        last = await poller.poll(feed.source, datetime.now(UTC), first.at, first.keep)
        return first, last


def run(config: Path, *, json: bool, fail_on: str | None) -> int:
    """Poll every source of a configuration once; history comes from the store, and readings go there."""
    from advisor.commands.round import one_round  # noqa: PLC0415 - opens the store
    from advisor.daemon import set_up  # noqa: PLC0415

    setup = set_up(config, os.environ)
    return asyncio.run(one_round(setup, deliver=False, json=json, fail_on=fail_on))


def _finish(
    watch: Watch,
    polls: Sequence[Polled],
    found: Sequence[Feed],
    *,
    json: bool,
    fail_on: str | None,
    first: Polled,
) -> int:
    now = max(polled.at for polled in polls)
    watch.apply(watch.decide(now))
    evidence: dict[str, Sequence[Mapping[str, str]]] = {}
    for polled in (first, *polls):
        evidence.update(polled.evidence)
    known = histories([one for polled in (first, *polls) for one in polled.observed], now)
    snapshot = Snapshot(
        at=now,
        metrics=watch.metrics(now),
        concerns=tuple(watch.line(c, watch.advise(c, known, now, evidence)) for c in watch.concerns(now)),
        sources=tuple(source_row(feed, polled) for feed, polled in zip(found, polls, strict=True)),
        judgements=watch.judgements(),
        unknown=tuple(watch.not_judged(UNKNOWN)),
        evaluated_at=now,
    )
    show = as_document if json else print_report
    show(snapshot, evidence, first.observed)
    return exit_code(watch, fail_on) or (3 if any(polled.error for polled in polls) else 0)


def source_row(feed: Feed, polled: Polled) -> SourceRow:
    """Return how a source answered a poll."""
    return SourceRow(
        feed.source.about,
        feed.source.called,
        feed.source.interval,
        up=polled.error is None,
        last_poll=polled.at,
        last_success=polled.at if polled.error is None else None,
        duration=polled.duration,
        error=polled.error or "",
        gaps=tuple(f"{gap.what}: {gap.why}" for gap in polled.gaps),
    )
