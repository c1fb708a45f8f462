"""What a look at one database comes to: judged, advised, printed."""

from collections.abc import Mapping, Sequence

from advisor.commands.common import exit_code
from advisor.commands.report import as_document, print_report
from advisor.config import Config
from advisor.core.histories import histories
from advisor.core.judgement import UNKNOWN
from advisor.core.snapshot import Snapshot, SourceRow
from advisor.core.watch import Watch
from advisor.errors import InputError
from advisor.feeds import Feed, gives
from advisor.polling.poller import Polled
from advisor.world import World, world


class Look:
    """Rules and catalogue made ready, then two snapshots of one source."""

    def __init__(self, config: Config, feed: Feed, plan: str | None) -> None:
        known = world(config)
        _check(plan, known)
        self.feed = feed
        self.watch = Watch(
            known.fleet,
            known.rulebook.rules,
            known.catalogue,
            known.playbooks,
            gives=gives([feed], known.fleet),
        )

    def judge(self, first: Polled, last: Polled) -> None:
        """Judge what was seen; the first snapshot also says what holds since the statistics were reset."""
        self.first, self.last = first, last
        for polled in (first, last):
            self.watch.learn([(polled.subject, term) for term in polled.terms])
            self.watch.observe(polled.observed)
        self.watch.apply(self.watch.decide(last.at))

    def show(self, *, json: bool) -> None:
        """Print what was seen and what to do."""
        watch, now = self.watch, self.last.at
        evidence: dict[str, Sequence[Mapping[str, str]]] = {**self.first.evidence, **self.last.evidence}
        known = histories([*self.first.observed, *self.last.observed], now)
        snapshot = Snapshot(
            at=now,
            metrics=watch.metrics(now),
            concerns=tuple(watch.line(c, watch.advise(c, known, now, evidence)) for c in watch.concerns(now)),
            sources=(_source_row(self.feed, self.last),),
            judgements=watch.judgements(),
            unknown=tuple(watch.not_judged(UNKNOWN)),
            evaluated_at=now,
        )
        (as_document if json else print_report)(snapshot, evidence, self.first.observed)

    def exit_code(self, fail_on: str | None) -> int:
        """Return 2 where `--fail-on` is met, 3 where the database was out of reach, else 0."""
        return exit_code(self.watch, fail_on) or (3 if self.last.error else 0)


def _check(plan: str | None, known: World) -> None:
    if plan is None:
        return
    provider, _, name = plan.partition("/")
    offers = known.catalogue.offers
    if provider not in offers:
        raise InputError(f"--plan {plan}: no provider `{provider}`; known: {', '.join(sorted(offers))}")
    plans = [one.id for one in offers[provider].plans]
    if name not in plans:
        raise InputError(
            f"--plan {plan}: {provider} has no plan `{name}`; write {provider}/{' or '.join(plans)}"
        )


def _source_row(feed: Feed, polled: Polled) -> SourceRow:
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
