"""`advisor evaluate`: the pure engine over readings from a file."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from advisor.commands import output
from advisor.commands.common import configured, exit_code
from advisor.core.histories import histories
from advisor.core.judgement import NOT_APPLICABLE, UNKNOWN, TermVerdict
from advisor.core.lifecycle import Finding, State
from advisor.core.model import Observed, Subject
from advisor.core.replay import Fact, replay
from advisor.core.units import show
from advisor.core.watch import Watch
from advisor.errors import InputError
from advisor.readings import read_lines


def run(config: Path, readings: str, at: datetime | None, *, json: bool, fail_on: str | None) -> int:
    """Judge the readings and print what would be firing."""
    world = configured(config)
    watch = Watch(world.fleet, world.rulebook.rules, world.catalogue, world.playbooks)
    facts = read_facts(readings, watch)
    if at is None:
        _say_what_is_to_come(readings, facts, datetime.now(UTC))
        if not facts:
            at = datetime.now(UTC)  # Of nothing, nothing is known, now as ever; the answer says why.
    for _ in replay(watch, facts, at):
        pass
    if watch.decision is None:
        raise InputError("holds no reading up to --at; give an earlier line or a later --at", file=readings)
    answer = document(watch, watch.decision.at, [fact for fact in facts if isinstance(fact, Observed)])
    if json:
        output.as_json(answer)
    else:
        _print(watch, answer)
    return exit_code(watch, fail_on)


def _say_what_is_to_come(readings: str, facts: Sequence[Fact], now: datetime) -> None:
    """Note times after now: what-ifs are welcome, a wrong clock is not; only the writer knows which."""
    times = [fact.reading.at for fact in facts if isinstance(fact, Observed)]
    if times and max(times) > now + timedelta(days=1):
        name = "standard input" if readings == "-" else readings
        print(
            f"note: {name} holds times up to {max(times):%Y-%m-%d %H:%M} UTC, which is yet to come, and is "
            "judged there; if that is a wrong clock, mend it, or judge earlier with --at",
            file=sys.stderr,
        )


def read_facts(readings: str, watch: Watch) -> list[Fact]:
    """Return the readings and limits of a file, or of standard input for `-`.

    Raises:
        InputError: it cannot be read, or a line is at fault.
    """
    try:
        if readings == "-":
            return list(read_lines(sys.stdin, watch.fleet, "standard input"))
        with Path(readings).open(encoding="utf-8") as file:
            return list(read_lines(file, watch.fleet, readings))
    except UnicodeDecodeError:
        name = "standard input" if readings == "-" else readings
        raise InputError("is not UTF-8 text; write JSON lines", file=name) from None
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}; name a file of readings, or -", file=readings
        ) from None


def document(watch: Watch, at: datetime, observed: Sequence[Observed]) -> dict[str, Any]:
    """Return the answer as docs/readings.md describes it."""
    known = histories(observed, at)
    concerns = watch.concerns(at)
    names = {concern.key: f"c{number}" for number, concern in enumerate(concerns, 1)}
    shown = [f for f in watch.ledger.findings.values() if f.state is not State.INACTIVE]
    return {
        "version": 1,
        "at": at,
        "findings": [_finding(watch, finding, names) for finding in sorted(shown, key=_order)],
        "concerns": [
            {
                "id": names[concern.key],
                "key": concern.key,
                "title": watch.title(concern),
                "severity": concern.severity,
                "state": concern.state,
                "findings": [finding.rule for finding in concern.findings],
                "recommendation": watch.advise(concern, known, at).model_dump(mode="json"),
            }
            for concern in concerns
        ],
        "unknown": [_not_judged(watch, *pair) for pair in watch.not_judged(UNKNOWN)],
        "not_applicable": [_not_judged(watch, *pair) for pair in watch.not_judged(NOT_APPLICABLE)],
        "questions": watch.questions(),
        "judgements": watch.judgements(),
    }


def _order(finding: Finding) -> tuple[str, str, str]:
    return (finding.subject, finding.rule, finding.copy)


def _whose(watch: Watch, key: str) -> dict[str, str]:
    subject = Subject.parse(key)
    service = watch.fleet.service.get(key)
    account = service.account if service else subject.account
    return {"stack": subject.stack, "service": subject.service, "account": account}


def _finding(watch: Watch, finding: Finding, names: Mapping[str, str]) -> dict[str, Any]:
    terms, deciding = _judged(watch, finding)
    current = (
        deciding if finding.state is not State.RESOLVED and deciding and deciding.value is not None else None
    )
    return {
        "rule": finding.rule,
        **_whose(watch, finding.subject),
        "copy": finding.copy,
        "state": finding.state,
        "since": finding.since,
        "fired_at": finding.fired_at,
        "severity": watch.rules[finding.rule].severity,
        "value": current.value if current else finding.value,
        "threshold": current.threshold if current else finding.threshold,
        "unit": current.unit if current else finding.unit,
        "limit": current.limit if current and current.limit is not None else finding.limit,
        "limit_source": (current.limit_source if current else "") or finding.limit_source,
        "stale": finding.stale,
        "reason": finding.reason,
        "terms": [
            {
                "sentence": term.sentence,
                "verdict": term.verdict,
                "metric": term.metric,
                "value": term.value,
                "threshold": term.threshold,
                "limit": term.limit,
                "limit_source": term.limit_source,
                "unit": term.unit,
                "quality": term.quality,
                "why": term.why,
            }
            for term in terms
        ],
        "concern": names.get(finding.concern, finding.concern),
    }


def _judged(watch: Watch, finding: Finding) -> tuple[list[TermVerdict], TermVerdict | None]:
    """Return all terms of a finding's sentence as they are now, and the one that decides."""
    for judged in watch.decision.judged if watch.decision else ():
        if (judged.rule.id, judged.copy) == (finding.rule, finding.copy):
            for place, row in enumerate(judged.rows.tolist()):
                if watch.fleet.subjects[row] == finding.subject:
                    return judged.explain(place), judged.deciding(place)
    return [], None


def _not_judged(watch: Watch, rule: str, subject: str, why: str) -> dict[str, str]:
    return {"rule": rule, **_whose(watch, subject), "why": why}


def _print(watch: Watch, answer: Mapping[str, Any]) -> None:
    rows = [
        [
            finding["state"],
            str(finding["severity"]),
            f"{finding['stack']}/{finding['service']}" if finding["service"] else finding["stack"],
            finding["rule"],
            "" if finding["value"] is None else show(finding["value"], finding["unit"]),
            "" if finding["threshold"] is None else show(finding["threshold"], finding["unit"]),
        ]
        for finding in answer["findings"]
    ]
    at = answer["at"].isoformat(timespec="minutes").replace("+00:00", "Z")
    if rows:
        output.table(f"At {at}", ["state", "severity", "subject", "rule", ">value", ">threshold"], rows)
    else:
        print(f"Nothing fires at {at}.")
    for concern in answer["concerns"]:
        print(f"\n{concern['title']}: {concern['recommendation']['headline']}")
    counts = watch.judgements()
    print(f"\n{', '.join(f'{count} {kind}' for kind, count in counts.items())}; --json says which and why.")
