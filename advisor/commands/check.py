"""`advisor check`: one line a thing, then what became of every rule on every subject, and what would help.

A source is asked twice at most: whose its credential is, where its collector has a call for that, and then
polled, unless the credential was refused.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.commands import output
from advisor.commands.inspection import DIFFER, FAULT, GAP, OK, Inspection, Line, faults
from advisor.config import load_config
from advisor.core.wording import counted
from advisor.errors import InputError
from advisor.secrets import redact
from advisor.world import World, world

if TYPE_CHECKING:
    from advisor.commands.compare import Side
    from advisor.commands.waiting import Wanted
    from advisor.core.watch import Watch
    from advisor.feeds import Feed
    from advisor.polling.contract import Verified
    from advisor.polling.poller import Polled, Poller, Trouble

PATIENCE = 10.0  #: Seconds that one poll may take here.
AT_ONCE = 20  #: Sources that are asked at the same time.
SHOWN = 5  #: Of what rules wait for, so many are printed.


@dataclass(slots=True)
class _Report:
    lines: list[Line] = field(default_factory=list)
    judgements: dict[str, int] = field(default_factory=dict)
    wanted: "list[Wanted]" = field(default_factory=list)
    credentials: list[dict[str, Any]] = field(default_factory=list)
    compared: "list[Side]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one source said: of its credential, and to the poll (None: refused, so not polled)."""

    verified: "Verified | Trouble | None"
    polled: "Polled | None"


def run(config: Path, *, json: bool, offline: bool, compare: bool = False) -> int:
    """Check a configuration and print what was found; `compare` adds the figures to hold beside dashboards.

    Returns 1 on a fault of the configuration, else 3 where something is out of reach, else 0.
    """
    report = _Report()
    _look(report, config, offline=offline)
    codes = {line.exit_code for line in report.lines}
    code = 1 if 1 in codes else max(codes)
    if json:
        shown = {"compare": [side.document for side in report.compared]} if compare else {}
        output.as_json({**_document(report, code), **shown})
    else:
        _print(report, offline=offline, compare=compare)
    return code


def _look(report: _Report, path: Path, *, offline: bool) -> None:
    try:
        config = load_config(path, environ=os.environ)
    except InputError as error:
        report.lines += faults("configuration", error)
        return
    look = Inspection(config, os.environ, not offline, datetime.now(UTC))
    report.lines += look.files()
    try:
        known = world(config)
    except InputError as error:
        report.lines += faults("rules", error)
        known = None
    if known is not None:
        report.lines += [*look.rules(known), *look.catalogue(known), *look.conflicts(known)]
    report.lines += look.store()
    if known is not None:
        feeds: list[Feed] = []
        ready: list[Feed] = []
        report.lines += look.sources(known, feeds, ready)
        if feeds:
            from advisor.commands import credentials

            report.lines += map(credentials.needed, feeds)
        if not offline:
            _ask(report, known, feeds, ready)
    report.lines += [*look.channels(), *look.times()]


def _ask(report: _Report, known: World, feeds: "Sequence[Feed]", ready: "Sequence[Feed]") -> None:
    """Poll every source that is ready once, and judge what came."""
    import asyncio  # Only where something is asked.

    from advisor import logs
    from advisor.commands import compare, credentials
    from advisor.commands.waiting import wanted
    from advisor.core.watch import Watch
    from advisor.feeds import gives

    logs.setup("warning")  # To standard error; what is not set up writes into the document.
    answered: list[tuple[Feed, Polled]] = []
    for feed, asked in zip(ready, asyncio.run(_polls(ready)), strict=True):
        report.lines += _told(feed, asked)
        report.credentials.append(credentials.document(feed.source.key, asked.verified))
        if asked.polled is not None and asked.polled.error is None:
            answered.append((feed, asked.polled))
    polls = [polled for _, polled in answered]
    report.compared = compare.sides([feed for feed, _ in answered], polls)
    watch = Watch(known.fleet, known.rulebook.rules, known.catalogue, gives=gives(feeds, known.fleet))
    for polled in polls:
        watch.learn([(polled.subject, term) for term in polled.terms])
        watch.observe(polled.observed)
    report.lines += _plans(watch, polls)
    _estimate(watch, polls, datetime.now(UTC))
    watch.apply(watch.decide(datetime.now(UTC)))
    about = (
        {judged.rule.id for judged in watch.decision.judged if judged.rows.size} if watch.decision else set()
    )
    for rule in watch.rules.values():
        if not rule.pack and rule.id not in about:
            detail = "is about nothing that is configured; check its `service:`, `provider:` and `plan:`"
            report.lines.append(Line("rules", rule.id, GAP, detail))
    report.judgements = watch.judgements()
    silent = {feed.source.about for feed in feeds} - {polled.subject for polled in polls}
    report.wanted = wanted(watch, feeds, silent)


def _estimate(watch: "Watch", polls: "Sequence[Polled]", now: datetime) -> None:
    """Judge what services cost as well, by what was seen just now; history would tell more."""
    from advisor.core.histories import histories
    from advisor.core.spending import of_fleet
    from advisor.core.spent import in_part, readings

    seen = histories([one for polled in polls for one in polled.observed], now)
    spent = of_fleet(watch.fleet, watch.limits, watch.catalogue, seen, now)
    watch.columns.partial["cost"] = in_part(spent, watch.fleet.row)
    watch.observe(readings(spent, now))


def _told(feed: "Feed", asked: _Asked) -> Iterator[Line]:
    from advisor.commands import credentials
    from advisor.polling.poller import Trouble

    verified, polled = asked.verified, asked.polled
    # What keeps both from answering is said once, by the poll.
    twice = isinstance(verified, Trouble) and polled is not None and polled.error is not None
    if not twice:
        yield from credentials.lines(feed.source.key, verified, datetime.now(UTC))
    if polled is not None:
        yield from _reached(feed, polled)


def _plans(watch: "Watch", polls: "Sequence[Polled]") -> Iterator[Line]:
    """Judge plans that differ as well, and tell which two."""
    from advisor.core.plans import plan_words
    from advisor.plan_readings import of_plans

    for one in of_plans(watch.limits, polls):
        watch.observe([one])
        if words := plan_words(watch.limits, one.subject, one.seen_at):
            yield Line("plan", one.subject, DIFFER, words)


def _reached(feed: "Feed", polled: "Polled") -> Iterator[Line]:
    what = feed.source.key
    if polled.error is not None:
        yield Line("source", what, FAULT, polled.error, 3)
        return
    readings = counted(len(polled.observed), "reading")
    yield Line("source", what, OK, f"{readings} in {polled.duration:.1f} s")
    for gap in polled.gaps:
        yield Line("source", what, GAP, f"{gap.what}: {gap.why}")


async def _polls(feeds: "Sequence[Feed]") -> list[_Asked]:
    import asyncio

    from advisor.polling.client import client
    from advisor.polling.poller import Poller

    turn = asyncio.Semaphore(AT_ONCE)

    async with client() as http:
        poller = Poller(http, patience=PATIENCE)

        async def ask(feed: "Feed") -> _Asked:
            async with turn:
                return await _one(poller, feed)

        return await asyncio.gather(*(ask(feed) for feed in feeds))


async def _one(poller: "Poller", feed: "Feed") -> _Asked:
    """Verify a source's credential and poll it; one that is refused is not shown twice."""
    from advisor.polling.poller import Trouble

    verified = await poller.verify(feed.source, datetime.now(UTC))
    if isinstance(verified, Trouble) and (verified.refused or verified.fault):
        return _Asked(verified, None)
    return _Asked(verified, await poller.poll(feed.source, datetime.now(UTC)))


def _document(report: _Report, code: int) -> dict[str, Any]:
    """Return the report as docs/commands.md describes it."""
    return {
        "version": 1,
        "exit_code": code,
        "checks": [
            {"area": line.area, "what": line.what, "state": line.state, "detail": redact(line.detail)}
            for line in report.lines
        ],
        "credentials": [{**one, "error": redact(one["error"])} for one in report.credentials],
        "judgements": report.judgements or None,
        "waiting": [
            {
                "subject": one.subject,
                "metric": one.metric,
                "why": one.why,
                "way_out": one.way_out,
                "rules": sorted(one.rules),
            }
            for one in report.wanted
        ],
    }


def _print(report: _Report, *, offline: bool, compare: bool) -> None:
    rows = [[line.area, line.what, line.state, redact(line.detail)] for line in report.lines]
    output.table("", ["area", "what", "state", "detail"], rows)
    if report.judgements:
        output.heading(f"Every rule on every subject: {_counts(report.judgements)}.")
        for one in report.wanted[:SHOWN]:
            print(f"  {one}")
        if (more := len(report.wanted) - SHOWN) > 0:
            print(f"  and {counted(more, 'more thing')}; --json lists all")
    elif offline:
        print("\nNothing was asked; without --offline the sources are polled and the rules judged once.")
    if compare and report.compared:
        from advisor.commands.compare import print_sides

        print_sides(report.compared)
    bad = sum(line.state == FAULT for line in report.lines)
    gaps = sum(line.state == GAP for line in report.lines)
    print(f"\n{counted(bad, 'fault')}, {counted(gaps, 'gap')}." if bad or gaps else "\nAll is well.")


def _counts(judgements: Mapping[str, int]) -> str:
    words = {"unknown": "unknown", "question": "waiting for an answer"}
    return ", ".join(f"{count:,} {words.get(kind, kind)}" for kind, count in judgements.items())
