"""A backtest in words: sentences, rows, and the documented JSON."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from advisor.core.hindsight import Difference, Firing, Hit, Record, Report
from advisor.core.units import show
from advisor.core.wording import counted, metric_name

VERSION = 1


def headline(made: Report) -> str:
    """Say in two sentences what the rules would have done."""
    fired = sum(len(record.firings) for record in made.records)
    words = (
        f"{_day(made.since)} to {_day(made.until)}, judged at {counted(made.times, 'time')} over "
        f"{counted(made.readings, 'reading')}: {len(made.records)} of {counted(made.rules, 'rule')} would "
        f"have fired, {counted(fired, 'time')} in all. "
        f"{counted(len(made.messages), 'message')} at once ({len(made.messages) / made.weeks:.1f} a week), "
        f"{counted(made.lines, 'concern')} first told by a digest."
    )
    if not made.hits:
        return f"{words} No limit was hit."
    hit = [one for one in made.hits if not one.standing]
    silent, standing = len(made.unwarned), len(made.hits) - len(hit)
    without = f"{silent} of them without any warning" if silent else "each with a warning before"
    words += f" {counted(len(hit), 'limit')} hit{f', {without}' if hit else ''}"
    return f"{words}{f'; {standing} stood at the limit from the start' if standing else ''}."


def difference_text(two: Difference, against: str) -> str:
    """Say what is otherwise than with another configuration: "3 messages instead of 41, one limit missed"."""
    now, before = len(two.now.messages), len(two.before.messages)
    words = f"Against {against}: {counted(now, 'message')} at once "
    words += "as before" if now == before else f"instead of {before}"
    lines = (two.now.lines, two.before.lines)
    if lines[0] != lines[1]:
        words += f", {lines[0]} instead of {lines[1]} concerns in digests"
    words += f", {counted(len(two.missed), 'limit')} missed" if two.missed else ", no limit missed"
    if two.gained:
        words += f", {counted(len(two.gained), 'limit')} warned of that the other missed"
    return f"{words}."


def rule_rows(made: Report) -> list[list[str]]:
    """Return a row a rule that fired."""
    return [
        [
            record.severity.value,
            record.rule,
            _moment(record.first),
            str(len(record.firings)),
            str(record.subjects),
            _leads(record),
            f"{record.messages / made.weeks:.1f}" if record.messages else "",
            str(record.flaps) if record.flaps else "",
        ]
        for record in made.records
    ]


def hit_rows(hits: Sequence[Hit]) -> list[list[str]]:
    """Return a row a limit that was hit."""
    return [[_moment(hit.at), what(hit), reached(hit), _warning(hit)] for hit in hits]


def what(hit: Hit) -> str:
    """Return whose limit on what was hit."""
    return f"{hit.concern.partition('#')[0]} {metric_name(hit.metric)}"


def reached(hit: Hit) -> str:
    """Return the value beside the limit."""
    if hit.value is None or hit.most is None:
        return hit.limit.value
    return f"{show(hit.value, hit.unit)} of {show(hit.most, hit.unit)}"


def _warning(hit: Hit) -> str:
    if hit.standing:
        return "it was so at the start"
    if not hit.warned or hit.lead is None:
        return "no rule fired before"
    first = min(hit.warned, key=lambda one: one[1])[0]
    more = len(hit.warned) - 1
    return f"{ago(hit.lead)} before, by {first}" + (f" and {more} more" if more else "")


def _leads(record: Record) -> str:
    if not record.leads:
        return ""
    least, most = min(record.leads), max(record.leads)
    return ago(least) if ago(least) == ago(most) else f"{ago(least)} to {ago(most)}"


def ago(span: timedelta) -> str:
    """Return a span in its largest whole unit: 12 d, 5 h, 20 min."""
    seconds = span.total_seconds()
    for size, unit in ((86400, "d"), (3600, "h")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 60:.0f} min"


def _day(at: datetime) -> str:
    return f"{at:%d %b %Y}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def document(made: Report, two: Difference | None, against: str) -> dict[str, Any]:
    """Return the report as docs/backtest.md describes it."""
    found = {"version": VERSION, **_report(made)}
    if two is not None:
        found["against"] = {
            "config": against,
            **_report(two.before),
            "missed": [_hit(hit) for hit in two.missed],
            "gained": [_hit(hit) for hit in two.gained],
            "says": difference_text(two, against),
        }
    return found


def _report(made: Report) -> dict[str, Any]:
    return {
        "since": made.since,
        "until": made.until,
        "times": made.times,
        "readings": made.readings,
        "messages": len(made.messages),
        "messages_per_week": round(len(made.messages) / made.weeks, 2),
        "digest_concerns": made.lines,
        "rules": [_record(record, made.weeks) for record in made.records],
        "hits": [_hit(hit) for hit in made.hits],
    }


def _record(record: Record, weeks: float) -> dict[str, Any]:
    return {
        "rule": record.rule,
        "severity": record.severity.value,
        "told": record.cadence.value,
        "first_fired": record.first,
        "subjects": record.subjects,
        "messages": record.messages,
        "messages_per_week": round(record.messages / weeks, 2),
        "flaps": record.flaps,
        "seconds_before_limit": [lead.total_seconds() for lead in record.leads],
        "firings": [_firing(firing) for firing in record.firings],
    }


def _firing(firing: Firing) -> dict[str, Any]:
    return {
        "subject": firing.subject,
        "copy": firing.copy,
        "concern": firing.concern,
        "since": firing.since,
        "until": firing.until,
        "reason": firing.reason,
    }


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "subject": hit.subject,
        "metric": hit.metric,
        "of": hit.limit.value,
        "concern": hit.concern,
        "at": hit.at,
        "until": hit.until,
        "value": hit.value,
        "limit": hit.most,
        "unit": hit.unit,
        "standing": hit.standing,
        "seconds_warned": hit.lead.total_seconds() if hit.lead is not None else None,
        "warned_by": [{"rule": rule, "since": since} for rule, since in hit.warned],
    }
