"""What `once`, `tick` and `demo` print: what nears its limit, what to do, and what could not be seen."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

from advisor.commands import output
from advisor.core import wording
from advisor.core.message import DigestConcern
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Observed
from advisor.core.snapshot import MetricRow, Snapshot
from advisor.core.units import show

Evidence = Mapping[str, Sequence[Mapping[str, str]]]


def as_document(
    snapshot: Snapshot, evidence: Evidence | None = None, since_reset: Sequence[Observed] = ()
) -> None:
    """Print the snapshot as JSON: the shape of `/api/v1/snapshot` with `evidence` and `since_reset`."""
    from advisor.web.app import snapshot_json  # noqa: PLC0415 - the one shape for page and command

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
        print("Everything below is simulated.")
    _sources(snapshot)
    _metrics(snapshot.metrics)
    _since(since_reset, snapshot.at)
    _concerns(snapshot.concerns)
    for title, rows in (evidence or {}).items():
        if rows:
            output.heading(title)
            columns = list(rows[0])
            output.table("", columns, [[row.get(name, "") for name in columns] for row in rows])
    _counts(snapshot)


def _sources(snapshot: Snapshot) -> None:
    for source in snapshot.sources:
        if source.up is False:
            print(f"{source.subject} ({source.provider}): {source.error}", file=sys.stderr)
        for gap in source.gaps:
            print(f"not seen: {gap}", file=sys.stderr)


def _metrics(rows: Sequence[MetricRow]) -> None:
    ordered = sorted(rows, key=lambda row: (-(row.used if row.used is not None else -1.0), row.metric))
    shown = [
        [
            wording.place(row.stack, row.service) or f"@{row.account}",
            wording.metric_name(row.metric, row.stat),
            show(row.value, row.unit),
            "unlimited" if row.unlimited else "" if row.limit is None else show(row.limit, row.unit),
            "" if row.used is None else wording.share(row.used),
            _bar(row.used),
            row.limit_source,
            " ".join(
                [*([row.quality] if row.quality != "measured" else []), *([] if row.fresh else ["stale"])]
            ),
        ]
        for row in ordered
    ]
    if shown:
        output.heading("What is used, and of how much")
        output.table("", ["subject", "metric", ">value", ">limit", ">used", "", "limit from", "mark"], shown)


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


def _concerns(concerns: Sequence[DigestConcern]) -> None:
    if not concerns:
        output.heading("Nothing has to be done now.")
        return
    output.heading("What to do")
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
            for one in concerns
        ],
    )


def _counts(snapshot: Snapshot) -> None:
    counts = ", ".join(f"{count} {kind}" for kind, count in snapshot.judgements.items())
    output.heading(f"Rules: {counts}.")
