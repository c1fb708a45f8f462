"""A fleet as it is known at a moment: rules compiled, readings in columns, findings in the ledger.

Every command that judges goes through here: the daemon with a store behind it, `once` and `evaluate`
without one. No I/O and no clock: readings come in, decisions and what people are shown go out.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from advisor.core.advise import Evidence as Shown
from advisor.core.advise import advise
from advisor.core.ahead import DOWN, Ahead, ahead
from advisor.core.catalogue import Catalogue
from advisor.core.columns import Columns
from advisor.core.compile import Gives
from advisor.core.concerns import Concern, concern_key, gather, tests
from advisor.core.decide import Decision, Ledger, decide
from advisor.core.demand import Histories
from advisor.core.evaluate import Program
from advisor.core.fleet import Fleet, Service, Stack
from advisor.core.gauges import gauges, metric_rows
from advisor.core.judgement import FALSE, NOT_APPLICABLE, TRUE, UNKNOWN, Judged, TermVerdict
from advisor.core.lifecycle import Event, Finding, State
from advisor.core.limits import Limits
from advisor.core.message import DigestConcern, Evidence, Notice, Recommendation
from advisor.core.model import Observed, Quality, Severity, Subject, Term
from advisor.core.old_figures import speaks_from_old_figure
from advisor.core.plans import DIFFERS, plan_words
from advisor.core.playbook import Playbook
from advisor.core.rule import Rule
from advisor.core.sentence import Calendar, Forecast, Growth, Span, Test, TimeToLimit
from advisor.core.snapshot import MetricRow
from advisor.core.stages import Stage, narrowed, with_stage
from advisor.core.units import show
from advisor.core.wording import metric_name


class Watch:
    """Rules over a fleet, and what is known and remembered of it."""

    def __init__(
        self,
        fleet: Fleet,
        rules: Iterable[Rule],
        catalogue: Catalogue,
        playbooks: Mapping[str, Playbook] | None = None,
        *,
        findings: Iterable[Finding] = (),
        terms: Sequence[tuple[str, Term]] = (),
        gives: Gives | None = None,
        partial: bool = False,
    ) -> None:
        self.fleet = fleet
        self.partial = partial  #: Some of the fleet is not known at the moment.
        self.rules = {rule.id: rule for rule in rules}
        self.catalogue = catalogue
        self.playbooks = playbooks or {}
        self.limits = Limits(fleet, catalogue, terms)
        self._gives = gives
        self.columns = Columns(fleet)
        self._compile(findings)
        self.decision: Decision | None = None
        self.stages: dict[str, Stage] = {}  #: Of the concerns whose recommendation is past its first stage.

    def _compile(self, findings: Iterable[Finding]) -> None:
        self.program = Program(tuple(self.rules.values()), self.fleet, self.limits, gives=self._gives)
        self.gauges = Program(gauges(), self.fleet, self.limits)
        self.ledger = Ledger(self.program, self.fleet.subjects, findings)
        self.columns.keep(self.gauges.horizons)
        self.columns.keep(self.program.horizons)

    # -- what comes in ---------------------------------------------------------------------------------

    def observe(self, readings: Iterable[Observed]) -> None:
        """Take readings in, in any order."""
        self.columns.add(readings)

    def learn(self, terms: Iterable[tuple[str, Term]]) -> None:
        """Take terms (subject's or account's key, term) in; `any metric` is compiled anew where needed."""
        self.limits.update(terms)

    # -- what follows ----------------------------------------------------------------------------------

    def decide(self, now: datetime, unasked: Container[str] = ()) -> Decision:
        """Judge every rule on every subject. What changes is taken over by `apply`.

        Of `unasked` subjects nothing is called stale yet.
        """
        self.limits.advance(now)
        if self.program.outdated or self.gauges.outdated:
            self._compile(self.ledger.stored())
        return decide(
            self.program,
            self.columns,
            self.ledger,
            self.fleet.subjects,
            lambda rule, subject, copy: self.concern_of(rule, subject, copy, now),
            now,
            unasked=unasked,
            partial=self.partial,
        )

    def apply(self, decision: Decision) -> None:
        """Take over a decision, once it is committed where there is a store."""
        self.ledger.apply(decision)
        self.decision = decision

    def concern_of(self, rule: Rule, subject: str, copy: str, at: datetime) -> str:
        """Return the key of the concern that a finding belongs to."""
        return concern_key(rule, subject, copy, self.limits, self.fleet, at, self.rules)

    def concerns(self, now: datetime, findings: Iterable[Finding] | None = None) -> list[Concern]:
        """Return the concerns of all pending and firing findings, worst first."""
        chosen = self.ledger.findings.values() if findings is None else findings
        return gather(
            chosen, self.rules, lambda rule, subject, copy: self.concern_of(rule, subject, copy, now)
        )

    def advise(
        self, concern: Concern, histories: Histories, now: datetime, evidence: Shown | None = None
    ) -> Recommendation:
        """Return what to do about a concern."""
        stage = self.stages.get(concern.key)
        recommendation = advise(
            narrowed(concern, stage),
            fleet=self.fleet,
            limits=self.limits,
            catalogue=self.catalogue,
            histories=histories,
            now=now,
            evidence=evidence,
            playbooks=self.playbooks,
        )
        stack, _ = self.place(concern.subject)
        return with_stage(recommendation, concern, stage, stack.timezone if stack else "UTC")

    def ahead(self, service: Service, histories: Histories, now: datetime) -> Ahead:
        """Return when the service's limits are met, and what it could go down to."""
        return ahead(
            service,
            fleet=self.fleet,
            limits=self.limits,
            catalogue=self.catalogue,
            histories=histories,
            now=now,
        )

    def old_figures(self, concern: Concern, now: datetime) -> frozenset[str]:
        """Return the concern's rules that speak from a document's old figure alone: they call nobody."""
        documents = self.catalogue.documents
        return frozenset(
            rule.id
            for finding, rule in zip(concern.findings, concern.rules, strict=True)
            if speaks_from_old_figure(rule, finding, self.limits, documents, now)
        )

    # -- what people are shown -------------------------------------------------------------------------

    def place(self, key: str) -> tuple[Stack | None, str]:
        """Return the stack and the name of the service or account that a subject's or concern's key names."""
        subject = Subject.parse(key.partition("#")[0])
        if subject.account:
            mine = [s for s in self.fleet.services if s.account == subject.account]
            name = mine[0].key if len(mine) == 1 else subject.key
            return (self.fleet.stack.get(mine[0].stack) if mine else None), name
        return self.fleet.stack.get(subject.stack), subject.service

    def terms(self, finding: Finding) -> list[TermVerdict]:
        """Return how every term of a finding's sentence came out in the last decision."""
        if self.decision is None:
            return []
        for judged in self.decision.judged:
            if (judged.rule.id, judged.copy) == (finding.rule, finding.copy):
                for place, row in enumerate(judged.rows.tolist()):
                    if self.fleet.subjects[row] == finding.subject:
                        return judged.explain(place)
        return []

    def title(self, concern: Concern) -> str:
        """Say in a few words what is the matter: `storage 401 MB of 500 MB`.

        A finding on the value itself is preferred to one on its forecast or growth.
        """
        pairs = list(zip(concern.findings, concern.rules, strict=True))
        finding, rule = next((pair for pair in pairs if _ahead(pair[1]) is None), pairs[0])
        return self._title(finding, concern.metric, _ahead(rule))

    def _title(
        self, finding: Finding, metric: str, ahead: Forecast | TimeToLimit | Growth | None = None
    ) -> str:
        term = self._deciding(finding)
        # Of `cpu > 80% or memory > 200MB` the concern is called by the first, and either may be what is true.
        name = metric_name(term.metric if term is not None and ahead is None else metric)
        value, threshold, limit, unit = self._figures(finding)
        if value is None:
            return name
        match ahead:
            case TimeToLimit():
                return f"{name} at its limit in {show(value, unit)}" if value > 0 else f"{name} at its limit"
            case Growth(span=span):
                return f"{name} grew by {show(value, unit)} {_by(span)}"
            case Forecast(horizon=horizon):
                name = f"{name} by forecast, {_by(horizon)}:"
            case None:
                pass
        if limit:
            return f"{name} {show(value, unit)} of {show(limit, unit)}"
        if threshold is None:
            return f"{name} {show(value, unit)}"
        word = "over" if value >= threshold else "under"
        return f"{name} {show(value, unit)}, {word} {show(threshold, unit)}"

    def _figures(self, finding: Finding) -> tuple[float | None, float | None, float | None, str]:
        """Return value, threshold, limit and unit: those of now, or the last where nothing is known now."""
        if (term := self._deciding(finding)) is not None:
            return term.value, term.threshold, term.limit, term.unit
        return finding.value, finding.threshold, finding.limit, finding.unit

    def _deciding(self, finding: Finding) -> TermVerdict | None:
        """Return the term that a finding's figures are of: the first that is true, else the first known."""
        known = [term for term in self.terms(finding) if term.value is not None and term.metric]
        return next((term for term in known if term.verdict == "true"), known[0] if known else None)

    def current(self, finding: Finding) -> Finding:
        """Return a finding with the figures of now; its own are those of its last change."""
        value, threshold, limit, unit = self._figures(finding)
        return replace(finding, value=value, threshold=threshold, limit=limit, unit=unit)

    def judged_gauges(self, now: datetime) -> Sequence[Judged]:
        """Return every current value beside its limit, judged as a rule would."""
        return self.gauges.judge(self.columns, now, {})

    def evidence(self, concern: Concern) -> tuple[Evidence, ...]:
        """Return a line of evidence for every finding of a concern."""
        return tuple(
            self._line(finding, rule) for finding, rule in zip(concern.findings, concern.rules, strict=True)
        )

    def _line(self, finding: Finding, rule: Rule) -> Evidence:
        terms = self.terms(finding)
        value, threshold, limit, unit = self._figures(finding)
        at = f" line {rule.source.line}" if rule.source.line else ""
        qualities = [Quality(term.quality) for term in terms if term.quality]
        worst = next((q for q in (Quality.MANUAL, Quality.ESTIMATED) if q in qualities), Quality.MEASURED)
        words = ""
        if any(term.metric == DIFFERS for term in terms):
            words = plan_words(self.limits, finding.subject, datetime.max.replace(tzinfo=UTC))
        return Evidence(
            rule=rule.id,
            says=f"{rule.says} ({words}.)" if words else rule.says,
            sentence=rule.sentence.text,
            value="" if value is None else show(value, unit),
            threshold="" if threshold is None else show(threshold, unit),
            limit="" if limit is None else show(limit, unit),
            limit_source=finding.limit_source,
            quality=worst,
            since=finding.since,
            document=f"{rule.source.document}{at}" if rule.source.document else "",
        )

    def notice(
        self,
        concern: Concern,
        event: Event,
        now: datetime,
        recommendation: Recommendation | None = None,
        note: str = "",
        *,
        simulated: bool = False,
    ) -> Notice:
        """Return what is said of a concern."""
        stack, service = self.place(concern.subject)
        return Notice(
            event=event,
            concern=concern.key,
            stack=stack.key if stack else "",
            environment=stack.environment if stack else "",
            service=service,
            title=self.title(concern),
            severity=concern.severity,
            at=now,
            evidence=self.evidence(concern),
            recommendation=recommendation,
            note=note,
            simulated=simulated,
        )

    def farewell(
        self,
        key: str,
        finding: Finding,
        severity: Severity,
        now: datetime,
        note: str,
        *,
        simulated: bool = False,
    ) -> Notice:
        """Return the last that is said of a concern whose rules are no longer in force."""
        stack, service = self.place(key)
        return Notice(
            event=Event.RESOLVED,
            concern=key,
            stack=stack.key if stack else Subject.parse(key.partition("#")[0]).stack,
            environment=stack.environment if stack else "",
            service=service,
            title=self._title(finding, key.rpartition("#")[2]),
            severity=severity,
            at=now,
            note=note,
            simulated=simulated,
        )

    def word(
        self, key: str, event: Event, severity: Severity, now: datetime, note: str, *, simulated: bool = False
    ) -> Notice:
        """Return what is said of a concern that has no finding, such as a plan to go down to."""
        stack, service = self.place(key)
        return Notice(
            event=event,
            concern=key,
            stack=stack.key if stack else Subject.parse(key.partition("#")[0]).stack,
            environment=stack.environment if stack else "",
            service=service,
            title="a smaller plan" if key.endswith(DOWN) else metric_name(key.rpartition("#")[2]),
            severity=severity,
            at=now,
            note=note,
            simulated=simulated,
        )

    def line(
        self, concern: Concern, recommendation: Recommendation | None = None, acknowledged: str = ""
    ) -> DigestConcern:
        """Return a concern's line for the digest, the page and tables."""
        stack, service = self.place(concern.subject)
        stale = concern.state is State.FIRING and any(f.stale for f in concern.findings)
        return DigestConcern(
            concern=concern.key,
            stack=stack.key if stack else "",
            service=service,
            title=self.title(concern),
            severity=concern.severity,
            state=f"{concern.state} (stale)" if stale else concern.state.value,
            since=concern.since,
            recommendation=recommendation,
            evidence=self.evidence(concern),
            acknowledged=acknowledged,
        )

    def metrics(self, now: datetime) -> tuple[MetricRow, ...]:
        """Return every current value beside its limit."""
        return metric_rows(self.fleet, self.columns, self.judged_gauges(now), self.limits, now)

    def judgements(self) -> dict[str, int]:
        """Count the (rule, subject) pairs of the last decision by what became of them."""
        counts = {"judged": 0, "unknown": 0, "not applicable": 0, "question": 0}
        for judged in self.decision.judged if self.decision else ():
            questions = int(judged.asks.sum()) if judged.asks is not None else 0
            counts["judged"] += int(((judged.verdict == TRUE) | (judged.verdict == FALSE)).sum())
            counts["unknown"] += int((judged.verdict == UNKNOWN).sum()) - questions
            counts["not applicable"] += int((judged.verdict == NOT_APPLICABLE).sum())
            counts["question"] += questions
        return counts

    def questions(self) -> list[dict[str, str]]:
        """Return the questions whose answer alone would decide: rule, subject, question."""
        return [
            {
                "rule": judged.rule.id,
                "subject": self.fleet.subjects[judged.rows[place]],
                "question": judged.rule.question,
            }
            for judged in (self.decision.judged if self.decision else ())
            if judged.asks is not None
            for place in judged.asks.nonzero()[0].tolist()
        ]

    def not_judged(self, verdict: int) -> list[tuple[str, str, str]]:
        """Return (rule, subject, why) of every pair that came out UNKNOWN or NOT_APPLICABLE."""
        return [
            (judged.rule.id, self.fleet.subjects[judged.rows[place]], _why(judged, place))
            for judged in (self.decision.judged if self.decision else ())
            for place in (judged.verdict == verdict).nonzero()[0].tolist()
        ]


def _ahead(rule: Rule) -> Forecast | TimeToLimit | Growth | None:
    """Return the quantity of a rule's first term where it is not the value itself."""
    first = next(tests(rule.sentence.condition))
    quantity = first.quantity if isinstance(first, Test) else None
    return quantity if isinstance(quantity, (Forecast, TimeToLimit, Growth)) else None


def _by(horizon: Span | Calendar) -> str:
    if isinstance(horizon, Calendar):
        return f"at the {horizon}'s end"
    names = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "month": "month"}
    return f"in {horizon.count:g} {names[horizon.unit]}{'' if horizon.count == 1 else 's'}"


def _why(judged: Judged, place: int) -> str:
    reasons = [term.why for term in judged.explain(place) if term.why]
    return "; ".join(dict.fromkeys(reasons))
