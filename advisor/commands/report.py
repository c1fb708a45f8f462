"""What `once`, `tick` and `demo` print: what to do first, what is used, then the evidence.

On a terminal the advice is a list; in a pipe every concern is one line, for `grep`.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

from advisor.commands import output
from advisor.core import costs, wording
from advisor.core.digest import urgency
from advisor.core.message import DigestConcern
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Observed
from advisor.core.snapshot import MetricRow, Snapshot
from advisor.core.units import show

Evidence = Mapping[str, Sequence[Mapping[str, str]]]

#: Evidence that says what can be done comes before what only informs; what is not named comes between.
_FIRST = ("largest tables", "slowest statements", "lack an index", "unused", "dead rows", "long transactions")
_LAST = ("connections", "counters", "transaction ids")


def as_document(
    snapshot: Snapshot, evidence: Evidence | None = None, since_reset: Sequence[Observed] = ()
) -> None:
    """Print the snapshot as JSON: the shape of `/api/v1/snapshot` with `evidence` and `since_reset`."""
    from advisor.web.app import snapshot_json  # The one shape for page and command.

    document = json.loads(snapshot_json(snapshot))
    document["evidence"] = evidence or {}
    document["since_reset"] = [
        {
            "metric": one.reading.metric,
            "stat": one.reading.stat,
            "value": one.reading.value if one.reading.of is None else one.reading.value / one.reading.of,
            "unit": VOCABULARY[one.reading.metric].unit,
            "since": one.reading.since,
            "quality": one.reading.quality,
        }
        for one in _since_reset(since_reset)
    ]
    output.as_json(document)


def print_report(
    snapshot: Snapshot, evidence: Evidence | None = None, since_reset: Sequence[Observed] = ()
) -> None:
    """Print the snapshot for people."""
    if snapshot.simulated:
        print("\nEverything below is simulated.")
    _silent(snapshot)
    _concerns(snapshot)
    _metrics(snapshot.metrics)
    _costs(snapshot)
    _since(since_reset, snapshot.at)
    for title, rows in sorted((evidence or {}).items(), key=lambda one: _place_of(one[0])):
        _evidence(title, rows)
    _counts(snapshot)
    _gaps(snapshot)


def _costs(snapshot: Snapshot) -> None:
    if snapshot.costs:
        output.heading("What it costs")
        for one in sorted(snapshot.costs, key=lambda cost: (-cost.expected, cost.stack)):
            output.prose(costs.words(one))


def _silent(snapshot: Snapshot) -> None:
    for source in snapshot.sources:
        if source.up is False:
            output.prose(f"{source.subject} ({source.provider}): {source.error}", sys.stderr)


def _gaps(snapshot: Snapshot) -> None:
    sys.stdout.flush()  # Where both go to one place, what was not seen stands last.
    for source in snapshot.sources:
        for gap in source.gaps:
            output.prose(f"not seen: {gap}", sys.stderr)


def _place_of(title: str) -> int:
    name = title.casefold()
    for place, words in enumerate(_FIRST):
        if words in name:
            return place
    for place, words in enumerate(_LAST):
        if name.startswith(words):
            return len(_FIRST) + 1 + place
    return len(_FIRST)


def _evidence(title: str, rows: Sequence[Mapping[str, str]]) -> None:
    if not rows:
        return
    names = list(rows[0])
    sinces = {row.get("since", "") for row in rows}
    if output.on_terminal() and len(sinces) == 1 and "since" in names and len(names) > 2:
        names.remove("since")
        title = f"{title} ({sinces.pop()})"
    cells = [[row.get(name, "") for name in names] for row in rows]
    columns = [
        f">{name}" if all(row[place][:1].isdigit() for row in cells if row[place]) else name
        for place, name in enumerate(names)
    ]
    output.heading(title)
    output.table("", columns, cells)


def _metrics(rows: Sequence[MetricRow]) -> None:
    limited = [row for row in rows if row.limit is not None or row.unlimited]
    if limited:
        limited.sort(key=lambda row: (-(row.used if row.used is not None else -1.0), row.metric))
        _of_subjects(
            "What is used, and of how much",
            ["subject", "metric", ">value", ">limit", ">used", "", "limit from", "mark"],
            [
                [
                    *_named(row),
                    show(row.value, row.unit),
                    "unlimited" if row.limit is None else show(row.limit, row.unit),
                    "" if row.used is None else wording.share(row.used),
                    _bar(row.used),
                    wording.short_source(row.limit_source),
                    _mark(row),
                ]
                for row in limited
            ],
        )
    others = [row for row in rows if row.limit is None and not row.unlimited]
    if others:
        others.sort(key=lambda row: (row.stack, row.service, row.metric))
        _of_subjects(
            "What else is seen, without a known limit",
            ["subject", "metric", ">value", "mark"],
            [[*_named(row), show(row.value, row.unit), _mark(row)] for row in others],
        )


def _of_subjects(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose first column is the subject; on a terminal a single one stands in the title."""
    subjects = {row[0] for row in rows}
    if output.on_terminal() and len(subjects) == 1:
        title, columns, rows = f"{title}: {subjects.pop()}", columns[1:], [row[1:] for row in rows]
    output.heading(title)
    output.table("", columns, rows)


def _named(row: MetricRow) -> tuple[str, str]:
    return (
        wording.place(row.stack, row.service) or f"@{row.account}",
        wording.metric_name(row.metric, row.stat),
    )


def _mark(row: MetricRow) -> str:
    return " ".join(
        [*([row.quality] if row.quality != "measured" else []), *([] if row.fresh else ["stale"])]
    )


def _bar(used: float | None) -> str:
    if used is None:
        return ""
    full = min(10, round(used * 10))
    return "█" * full + "░" * (10 - full)


def _since_reset(observed: Sequence[Observed]) -> list[Observed]:
    return [
        one
        for one in observed
        if one.reading.since is not None
        and not one.reading.part
        and VOCABULARY[one.reading.metric].kind in {Kind.DISTRIBUTION, Kind.SHARE}
    ]


def _since(observed: Sequence[Observed], now: datetime) -> None:
    rows = _since_reset(observed)
    if not rows:
        return
    output.heading("Since the statistics were reset")
    output.table(
        "",
        ["metric", ">value", "since", "mark"],
        [
            [
                wording.metric_name(one.reading.metric, one.reading.stat),
                show(
                    one.reading.value if one.reading.of is None else one.reading.value / one.reading.of,
                    VOCABULARY[one.reading.metric].unit,
                ),
                wording.ago(one.reading.since, now) if one.reading.since else "",
                "" if one.reading.quality == "measured" else one.reading.quality.value,
            ]
            for one in rows
        ],
    )


def _concerns(snapshot: Snapshot) -> None:
    if not snapshot.concerns:
        output.heading(_nothing(snapshot))
        return
    ordered = sorted(
        snapshot.concerns, key=lambda one: (not one.state.startswith("firing"), urgency(one, snapshot.at))
    )
    output.heading("What to do, the most urgent first")
    if output.on_terminal():
        for number, one in enumerate(ordered, 1):
            output.item(number, one.severity.value, _head(one), _lines(one))
        return
    output.table(
        "",
        ["state", "severity", "concern", "what", "to do"],
        [
            [
                one.state,
                one.severity.value,
                one.concern,
                one.title,
                one.recommendation.headline if one.recommendation else "",
            ]
            for one in ordered
        ],
    )


def _nothing(snapshot: Snapshot) -> str:
    """Say that nothing has to be done, and no more than is known."""
    silent = sum(source.up is False for source in snapshot.sources)
    if silent and silent == len(snapshot.sources):
        return "Whether something has to be done is not known: no source answered."
    if silent:
        return f"Nothing has to be done of what is known; {wording.counted(silent, 'source')} did not answer."
    return "Nothing has to be done now."


def _head(one: DigestConcern) -> str:
    where = wording.place(one.stack, one.service)
    state = "" if one.state == "firing" else f" ({one.state})"
    return f"{where}: {one.title}{state}"


def _lines(one: DigestConcern) -> list[str]:
    lines = []
    advice = one.recommendation
    if advice is not None:
        lines.append(f"→ {advice.headline}")
        if advice.otherwise:
            lines.append(f"Otherwise: {advice.otherwise}")
        if advice.playbook:
            lines.append(f"How: playbook {advice.playbook}, {wording.counted(len(advice.steps), 'step')}")
    lines += one.words
    lines.append(f"Concern: {one.concern}")
    return lines


def _counts(snapshot: Snapshot) -> None:
    counts = [
        f"{count:,} {kind}" for kind, count in snapshot.judgements.items() if count and kind != "question"
    ]
    if asked := snapshot.judgements.get("question"):
        counts.append(wording.counted(asked, "open question"))
    output.heading(f"Rules on services: {', '.join(counts) or 'none applies'}.")
