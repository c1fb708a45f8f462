"""The chart of `advisor whatif`: users across, dollars a month up, drawn as SVG by hand.

Both axes are logarithmic, because the documents' bands grow tenfold from one to the next; dollars start
at 0, so their axis is that of 1 + x. Where a part of the cost is not known, the line is dashed: it is at
least that.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import NamedTuple

from advisor.core import bands, wording
from advisor.core.projection import Break
from advisor.scenario import Scenario

WIDTH, HEIGHT = 960, 560
LEFT, RIGHT, TOP, BOTTOM = 72, 24, 76, 64
#: The line is computed at so many numbers of users.
POINTS = 90
#: So many breaks are named; the rest are counted.
NAMED = 6

_STYLE = """\
text { font: 13px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2933; }
.small { font-size: 11.5px; fill: #52606d; }
.title { font-size: 17px; font-weight: 600; }
.grid { stroke: #e4e7eb; }
.band { fill: #f0b429; fill-opacity: .22; stroke: #de911d; stroke-opacity: .55; }
.point { fill: #f0b429; stroke: #8d5f0b; }
.ours { fill: none; stroke: #0b69a3; stroke-width: 2.5; stroke-linejoin: round; }
.least { stroke-dasharray: 7 5; }
.break { stroke: #ba2525; stroke-dasharray: 2 4; }
.mark { fill: #ba2525; }
.number { fill: #ffffff; font-size: 11px; font-weight: 600; }
.size { stroke: #3e4c59; }
.paper { fill: #ffffff; }"""


class _Scale(NamedTuple):
    """Where a value of an axis lies on the paper."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the place of a value; what is outside lies on the edge."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return round(self.start + max(0.0, min(1.0, share)) * (self.end - self.start), 1)


class _Paper:
    """The two axes: users and dollars to places."""

    def __init__(self, users: tuple[float, float], dollars: float) -> None:
        self.users, self.dollars = users, dollars
        self._x = _Scale(math.log10(users[0]), math.log10(users[1]), LEFT, WIDTH - RIGHT)
        self._y = _Scale(0.0, math.log10(1 + dollars), HEIGHT - BOTTOM, TOP)

    def x(self, users: float) -> float:
        """Return where so many users lie."""
        return self._x.at(math.log10(max(users, self.users[0] / 10)))

    def y(self, dollars: float) -> float:
        """Return where so many dollars lie."""
        return self._y.at(math.log10(1 + max(dollars, 0.0)))


def svg(asked: Scenario, users: float, breaks: Sequence[Break]) -> str:
    """Return the chart as SVG: the cost by users, the documents' bands, and where limits break."""
    what = asked.what
    seen = [one for one in breaks if one.users <= users * 2]
    anchors = [users, *([what.users] if what.users else []), *(one.users for one in seen[:1])]
    least = max(1.0, min(*anchors, users / 10) / 2)
    most = max(users, what.users or 0.0) * 2
    outlooks = [what.at(round(least * (most / least) ** (place / (POINTS - 1)))) for place in range(POINTS)]
    said = [target for target in _said(asked) if _within(target, least, most)]
    tops = [outlook.known for outlook in outlooks]
    tops += [target.high if target.high is not None else (target.low or 0.0) for target in said]
    paper = _Paper((least, most), max(10.0, *tops) * 1.25)
    title = f"{asked.title}: what a month costs by number of users"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + _below(seen)}" '
        f'width="{WIDTH}" height="{HEIGHT + _below(seen)}" role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT + _below(seen)}"/>',
        f'<text class="title" x="{LEFT}" y="28">{escape(title)}</text>',
        *_legend(
            any(outlook.total is not None for outlook in outlooks),
            any(outlook.total is None for outlook in outlooks),
            bool(said),
            bool(seen),
        ),
        *_grid(paper),
        *_bands(paper, said),
        *_sizes(paper, what.users, users),
        *_line(paper, [(o.users, o.known, o.total is not None) for o in outlooks]),
        *_breaks(paper, seen),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _said(asked: Scenario) -> Iterator[bands.Target]:
    for document in asked.documents:
        for cost in document.costs:
            if cost.total and cost.per == "USD/month" and cost.users_min is not None:
                yield from (
                    target
                    for target in bands.targets([document], cost.users_min, 0.0)
                    if target.line == cost.line and target.users_min == cost.users_min
                )


def _within(target: bands.Target, least: float, most: float) -> bool:
    start = target.users_min or 0
    end = target.users_max if target.users_max is not None else math.inf
    return start < most and end >= least


def _legend(whole: bool, least: bool, said: bool, broken: bool) -> Iterator[str]:
    x = LEFT
    entries = [('<line class="ours" x1="{x}" y1="46" x2="{end}" y2="46"/>', "cheapest plans in reach", whole)]
    entries.append(
        (
            '<line class="ours least" x1="{x}" y1="46" x2="{end}" y2="46"/>',
            "cheapest plans in reach, at least: a part is not known",
            least,
        )
    )
    entries.append(
        ('<rect class="band" x="{x}" y="40" width="28" height="12"/>', "the document's figures", said)
    )
    entries.append(('<line class="break" x1="{x}" y1="46" x2="{end}" y2="46"/>', "a limit breaks", broken))
    for shape, words, wanted in entries:
        if wanted:
            yield shape.format(x=x, end=x + 28)
            yield f'<text class="small" x="{x + 35}" y="50">{words}</text>'
            x += 35 + round(len(words) * 6.4) + 24


def _grid(paper: _Paper) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for usd in (0, *_decades(paper.dollars, (1, 3))):
        y = paper.y(usd)
        yield f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{right}" y2="{y}"/>'
        yield f'<text class="small" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{wording.money(usd)}</text>'
    for users in _decades(paper.users[1], (1, 2, 5)):
        if users >= paper.users[0]:
            x = paper.x(users)
            yield f'<line class="grid" x1="{x}" y1="{TOP}" x2="{x}" y2="{bottom}"/>'
            yield f'<text class="small" x="{x}" y="{bottom + 18}" text-anchor="middle">{_short(users)}</text>'
    yield f'<text class="small" x="{right}" y="{bottom + 36}" text-anchor="end">users</text>'
    yield f'<text class="small" x="{LEFT - 8}" y="{TOP - 10}" text-anchor="end">a month</text>'


def _decades(most: float, steps: Iterable[int]) -> list[int]:
    steps = tuple(steps)
    return [
        step * 10**power
        for power in range(int(math.log10(max(most, 1.0))) + 1)
        for step in steps
        if step * 10**power <= most
    ]


def _short(users: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "K")):
        if users >= size:
            return f"{users / size:g}{letter}"
    return f"{users:g}"


def _bands(paper: _Paper, said: Sequence[bands.Target]) -> Iterator[str]:
    for target in said:
        start, end = paper.x(max(target.users_min or 0, paper.users[0])), WIDTH - RIGHT
        if target.users_max is not None:
            end = round(paper.x(target.users_max))
        high = target.high if target.high is not None else paper.dollars
        top, bottom = paper.y(high), paper.y(target.low or 0.0)
        words = f"{target.document} line {target.line}: {target.item}, {_dollars(target)}"
        height = max(round(bottom - top, 1), 3)
        if target.users_min == target.users_max and target.low == target.high:
            place = f"M{start} {top - 7} l7 7 l-7 7 l-7 -7 z"
            yield f'<path class="point" d="{place}"><title>{escape(words)}</title></path>'
            continue
        yield (
            f'<rect class="band" x="{start}" y="{top}" width="{max(round(end - start, 1), 2)}" '
            f'height="{height}"><title>{escape(words)}</title></rect>'
        )


def _dollars(target: bands.Target) -> str:
    low = wording.money(target.low or 0.0)
    return f"{low} or more" if target.high is None else f"{low} to {wording.money(target.high)}"


def _sizes(paper: _Paper, now: float | None, then: float) -> Iterator[str]:
    for users, word in ((now, "now"), (then, "then")):
        if users is not None and users >= paper.users[0]:
            x = paper.x(users)
            yield f'<line class="size" x1="{x}" y1="{TOP}" x2="{x}" y2="{HEIGHT - BOTTOM}"/>'
            yield (
                f'<text class="small" x="{x}" y="{HEIGHT - BOTTOM + 36}" text-anchor="middle">'
                f"{word}: {users:,.0f}</text>"
            )


def _line(paper: _Paper, points: Sequence[tuple[float, float, bool]]) -> Iterator[str]:
    """Yield the cost, in runs of what is whole and what is at least so much."""
    run: list[tuple[float, float]] = []
    whole = points[0][2]
    for users, usd, sure in points:
        if sure != whole:
            yield _run(paper, run, whole)
            run, whole = run[-1:], sure
        run.append((users, usd))
    yield _run(paper, run, whole)


def _run(paper: _Paper, run: Sequence[tuple[float, float]], whole: bool) -> str:
    places = " ".join(f"{paper.x(users)},{paper.y(usd)}" for users, usd in run)
    return f'<polyline class="ours{"" if whole else " least"}" points="{places}"/>'


def _below(seen: Sequence[Break]) -> int:
    """Return the height of the list of breaks under the axes."""
    lines = min(len(seen), NAMED) + (1 if len(seen) > NAMED else 0)
    return (lines + 1) // 2 * 20 + 8 if seen else 0


def _breaks(paper: _Paper, seen: Sequence[Break]) -> Iterator[str]:
    for number, one in enumerate(seen[:NAMED], 1):
        x = paper.x(max(one.users, paper.users[0]))
        y = TOP + 10 + (number - 1) % 3 * 22
        yield f'<line class="break" x1="{x}" y1="{TOP}" x2="{x}" y2="{HEIGHT - BOTTOM}"/>'
        yield f'<circle class="mark" cx="{x}" cy="{y}" r="9"/>'
        yield f'<text class="number" x="{x}" y="{y + 4}" text-anchor="middle">{number}</text>'
        words = f"{number} · {one.users:,.0f} users: {one.service}, {wording.metric_name(one.metric)}"
        words += f" {one.at_end}" if one.at_end not in {"", "unknown"} else " limit reached"
        yield _under(number - 1, words)
    if len(seen) > NAMED:
        yield _under(NAMED, f"and {wording.counted(len(seen) - NAMED, 'more limit')}")


def _under(place: int, words: str) -> str:
    x = LEFT + place % 2 * (WIDTH - LEFT - RIGHT) // 2
    return f'<text class="small" x="{x}" y="{HEIGHT + place // 2 * 20}">{escape(words)}</text>'
