"""The chart of `advisor backtest`: time across, a lane a rule that fired, and the limits that were hit.

With another configuration to compare, its firings lie as a thin grey bar under ours.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from html import escape

from advisor.commands.backtest_text import ago, reached, what
from advisor.core.hindsight import Difference, Firing, Hit, Record, Report
from advisor.core.wording import counted

WIDTH = 1080
LEFT, RIGHT, TOP, LANE, BOTTOM = 330, 24, 96, 22, 40
#: So many lanes of each sort are drawn; the rest are counted.
LANES = 30
#: Dates stand so far apart at least, in places of the paper.
APART = 90

_STYLE = """\
text { font: 12px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2933; }
.small { font-size: 11px; fill: #52606d; }
.title { font-size: 17px; font-weight: 600; }
.grid { stroke: #e4e7eb; }
.critical { fill: #ba2525; }
.warning { fill: #de911d; }
.info { fill: #4098d7; }
.before { fill: #9aa5b1; }
.hit { fill: #ba2525; }
.silent { fill: #ffffff; stroke: #ba2525; stroke-width: 2; }
.until { stroke: #ba2525; stroke-width: 2; stroke-opacity: .35; }
.paper { fill: #ffffff; }"""

_STEPS = (1, 2, 7, 14, 28, 91, 182, 365)


class _Axis:
    """Time to places."""

    def __init__(self, since: datetime, until: datetime) -> None:
        self.since = since
        self.until = until if until > since else since + timedelta(hours=1)

    def x(self, at: datetime) -> float:
        """Return where a moment lies; what is outside lies on the edge."""
        share = (at - self.since) / (self.until - self.since)
        return round(LEFT + max(0.0, min(1.0, share)) * (WIDTH - LEFT - RIGHT), 1)


def svg(made: Report, two: Difference | None = None) -> str:
    """Return the chart as SVG."""
    axis = _Axis(made.since, made.until)
    lanes = _lanes(made, two)
    limits = _limits(made.hits)
    rows = len(limits) + len(lanes)
    height = TOP + rows * LANE + BOTTOM + (18 if len(lanes) > LANES else 0)
    title = f"What the rules would have done, {made.since:%d %b %Y} to {made.until:%d %b %Y}"
    shown = lanes[:LANES]
    height -= max(0, len(lanes) - LANES) * LANE
    end = TOP + (len(limits) + len(shown)) * LANE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="16" y="28">{escape(title)}</text>',
        *_legend(made, two),
        *_grid(axis, end),
    ]
    y = TOP
    for name, hits in limits:
        parts += _hit_lane(axis, y, name, hits, made)
        y += LANE
    for name, record, before in shown:
        parts += _lane(axis, y, name, record, before)
        y += LANE
    if len(lanes) > LANES:
        rest = counted(len(lanes) - LANES, "more rule")
        parts.append(f'<text class="small" x="16" y="{y + 14}">and {rest} that fired</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


Lane = tuple[str, Record | None, Record | None]


def _lanes(made: Report, two: Difference | None) -> list[Lane]:
    """Return rule, what it does and what it does with the other configuration, the first to fire on top."""
    ours = {record.rule: record for record in made.records}
    theirs = {record.rule: record for record in two.before.records} if two is not None else {}
    both = [(name, ours.get(name), theirs.get(name)) for name in {*ours, *theirs}]
    return sorted(both, key=lambda lane: (min(r.first for r in lane[1:] if r is not None), lane[0]))


def _limits(hits: Sequence[Hit]) -> list[tuple[str, list[Hit]]]:
    found: dict[str, list[Hit]] = {}
    for hit in hits:
        found.setdefault(what(hit), []).append(hit)
    return list(found.items())[:LANES]


def _legend(made: Report, two: Difference | None) -> Iterator[str]:
    severities = {record.severity.value for record in made.records}
    known = [name for name in ("critical", "warning", "info") if name in severities]
    items: list[tuple[str, str, str]] = [("bar", name, f"{name} fires") for name in known]
    if two is not None:
        items.append(("bar", "before", "the other configuration"))
    if any(hit.warned or hit.standing for hit in made.hits):
        items.append(("mark", "hit", "limit hit after a warning, or from the start"))
    if made.unwarned:
        items.append(("mark", "silent", "limit hit without any"))
    x = 16
    for shape, name, words in items:
        if shape == "bar":
            yield f'<rect class="{name}" x="{x}" y="44" width="18" height="9" rx="2"/>'
        else:
            yield _diamond(name, x + 9, 48.5)
        yield f'<text class="small" x="{x + 24}" y="53">{escape(words)}</text>'
        x += 44 + round(6.2 * len(words))


def _grid(axis: _Axis, end: int) -> Iterator[str]:
    days = (axis.until - axis.since) / timedelta(days=1)
    least = days * APART / (WIDTH - LEFT - RIGHT)
    step = next((one for one in _STEPS if one >= least), 365)
    at = axis.since.replace(hour=0, minute=0, second=0, microsecond=0)
    while at <= axis.until:
        if at >= axis.since:
            x = axis.x(at)
            yield f'<line class="grid" x1="{x}" y1="{TOP - 8}" x2="{x}" y2="{end}"/>'
            yield f'<text class="small" x="{x}" y="{TOP - 14}" text-anchor="middle">{at:%d %b}</text>'
        at += timedelta(days=step)


def _name(y: int, name: str) -> str:
    short = name if len(name) <= 50 else f"{name[:49]}…"
    return f'<text x="16" y="{y + 15}">{escape(short)}<title>{escape(name)}</title></text>'


def _hit_lane(axis: _Axis, y: int, name: str, hits: Sequence[Hit], made: Report) -> Iterator[str]:
    yield _name(y, name)
    for hit in hits:
        x, end = axis.x(hit.at), axis.x(hit.until or axis.until)
        yield f'<line class="until" x1="{x}" y1="{y + 11}" x2="{end}" y2="{y + 11}"/>'
    for hit in hits:
        warning = f"warned {ago(hit.lead)} before" if hit.lead is not None else "no rule fired before"
        words = f"{hit.at:%d %b %H:%M}: {name} {reached(hit)}, {warning}"
        yield _diamond("silent" if hit in made.unwarned else "hit", axis.x(hit.at), y + 11, words)


def _diamond(name: str, x: float, y: float, words: str = "") -> str:
    title = f"<title>{escape(words)}</title>" if words else ""
    return f'<path class="{name}" d="M{x} {y - 6} l6 6 l-6 6 l-6 -6 z">{title}</path>'


def _lane(axis: _Axis, y: int, name: str, now: Record | None, before: Record | None) -> Iterator[str]:
    yield _name(y, name)
    if now is not None:
        yield from _bars(axis, now.severity.value, y + 4, 10, now.firings)
    if before is not None:
        yield from _bars(axis, "before", y + 15, 4, before.firings)


def _bars(axis: _Axis, name: str, y: int, height: int, firings: Sequence[Firing]) -> Iterator[str]:
    for firing in firings:
        x = axis.x(firing.since)
        width = max(round(axis.x(firing.until or axis.until) - x, 1), 2)
        ended = f"{firing.until:%d %b %H:%M}" if firing.until is not None else "now"
        words = f"{firing.subject}: {firing.since:%d %b %H:%M} to {ended}"
        yield (
            f'<rect class="{name}" x="{x}" y="{y}" width="{width}" height="{height}" rx="2">'
            f"<title>{escape(words)}</title></rect>"
        )
