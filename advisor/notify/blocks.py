"""Messages as Slack Block Kit, within Slack's limits.

A message has at most 50 blocks, a header 150 characters and a section 3,000. All blocks together must
stay below some 13,200 characters although each limit alone is kept (slackapi/bolt-js#2509), so we count.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from advisor.core.costs import words as costs
from advisor.core.message import Digest, DigestConcern, DigestLimit, Evidence, Message, Notice, Recommendation
from advisor.core.model import Severity
from advisor.core.wording import (
    beside,
    by_when,
    could,
    counted,
    day,
    event,
    filled,
    first_steps,
    limit_marks,
    marks,
    money,
    place,
    price,
    severity,
    share,
    short_source,
    target,
    whys,
)
from advisor.notify.text import footer, quiet, subject

BLOCKS = 50
HEADER = 150
SECTION = 3000
PAYLOAD = 12_000
#: `text` is what a notification and a screen reader show.
TEXT = 300

#: One concern may take so much, so that several fit.
_ONE = 1_500
#: What the closing blocks and the envelope need.
_RESERVE = 1_200

_SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
_GOOD = "🟢"

Block = dict[str, Any]


def escape(text: str) -> str:
    """Return text that Slack shows as it is: no link, no mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def payload(message: Message) -> dict[str, Any]:
    """Return `text` and `blocks` of a message; what does not fit is counted in a last line."""
    headline = subject(message)
    # A single concern's own title stands on top; a header would say it twice.
    blocks = [] if len(message.notices) == 1 else [_header(headline)]
    if message.digest is not None:
        parts = list(_digest(message.digest))
        closing = [_context(" · ".join(footer(message.digest)))]
    else:
        notices = message.notices
        parts = [_lines(map(_short, notices))] if message.kind == "summary" else list(map(_notice, notices))
        if len(headline) > HEADER or not notices:
            parts.insert(0, [_section(escape(message.text))])
        closing = []
    closing.append(_context(f"Scaling Advisor, message {message.id}", f"advisor-{message.id}"))
    left = len(parts)
    for part in parts:
        if len(blocks) + len(part) > BLOCKS - 3 or _size([*blocks, *part, *closing]) > PAYLOAD - _RESERVE:
            break
        blocks += part
        left -= 1
    if left:
        blocks.append(_context(f"{counted(left, 'part')} more did not fit; `advisor digest` shows all"))
    return {"text": _cut(escape(headline), TEXT), "blocks": blocks + closing}


def _size(blocks: list[Block]) -> int:
    return len(json.dumps(blocks))


def _cut(text: str, most: int) -> str:
    """Shorten escaped text without leaving half an entity behind."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    start = kept.rfind("&")
    if start >= 0 and ";" not in kept[start:]:
        kept = kept[:start]
    return kept + "…"


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": _cut(escape(text), HEADER)}}


def _section(mrkdwn: str, most: int = SECTION) -> Block:
    # `verbatim` keeps Slack from making links of channel names and user groups.
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(mrkdwn, most), "verbatim": True}}


def _context(text: str, block_id: str = "") -> Block:
    element = {"type": "mrkdwn", "text": _cut(escape(text), 2000), "verbatim": True}
    block: Block = {"type": "context", "elements": [element]}
    if block_id:
        block["block_id"] = block_id[:255]
    return block


def _lines(lines: Iterable[str]) -> list[Block]:
    """Put lines into as few sections as hold them."""
    sections: list[str] = []
    for line in lines:
        short = _cut(line, 600)
        if sections and len(sections[-1]) + len(short) < _ONE:
            sections[-1] += f"\n{short}"
        else:
            sections.append(short)
    return [_section(text) for text in sections]


def _sign(of: Severity, word: str) -> str:
    return _GOOD if word in {"resolved", "verified"} else _SIGNS[of]


def _marked(found: tuple[str, ...]) -> str:
    return f" _[{escape(', '.join(found))}]_" if found else ""


def _short(notice: Notice) -> str:
    word = severity(notice.severity, notice.event)
    about = escape(place(notice.stack, notice.service, notice.environment))
    line = f"{_sign(notice.severity, word)} *{about}*: {escape(notice.title)} ({word})"
    if notice.recommendation is not None:
        line += f" → {escape(target(notice.recommendation))} {by_when(notice.recommendation)}".rstrip()
    return line


def _notice(notice: Notice) -> list[Block]:
    word = severity(notice.severity, notice.event)
    about = escape(place(notice.stack, notice.service, notice.environment))
    title = f"{_sign(notice.severity, word)} *{about}: {escape(notice.title)}* ({word})"
    lines = [title + _marked(marks(notice, simulated=notice.simulated))]
    if event(notice) not in {"fired", "resolved", "verified"}:
        lines.append(f"_{event(notice)}_")
    if notice.note:
        lines.append(escape(notice.note))
    lines += _advice(notice.recommendation, notice.evidence, "UTC")
    return [_section("\n".join(lines), _ONE)]


def _advice(advice: Recommendation | None, evidence: tuple[Evidence, ...], zone: str) -> Iterator[str]:
    if advice is not None:
        yield f"*→ {escape(advice.headline)}*"
        facts = [fact for fact in (price(advice), by_when(advice, zone)) if fact]
        if facts:
            yield escape(" · ".join(facts))
        yield from map(escape, beside(advice))
    for line in whys(evidence):
        yield f"• {escape(line)}"
    if advice is None:
        return
    for line in advice.evidence:
        yield f"• {escape(line)}"
    for number, step in first_steps(advice):
        yield f"{number}. {escape(step)}"
    for other in advice.alternatives:
        cost = f", {money(other.monthly, advice)} a month" if other.monthly is not None else ""
        note = f" ({other.note})" if other.note else ""
        yield escape(f"Or {other.action}: {other.target}{cost}{note}")
    if advice.playbook:
        yield f"Playbook: {escape(advice.playbook)}"


def _digest(digest: Digest) -> Iterator[list[Block]]:
    if digest.simulated:
        yield [_section("_All figures are simulated._")]
    if quiet(digest):
        yield [_section("Nothing has to be done, and every source answered.")]
    if digest.concerns:
        yield [_section("*To do, the most urgent first*")]
    for concern in digest.concerns:
        yield [_concern(concern, digest.timezone)]
    yield from _titled("Said to be done", map(_bullet, digest.verified))
    yield from _titled("Checklists", map(_bullet, digest.checklists))
    yield from _titled("Next limits", map(_limit, digest.limits))
    yield from _titled("What it costs", map(_bullet, map(costs, digest.costs)))
    yield from _titled("Could go down", map(_bullet, map(could, digest.down)))
    yield from _titled("Sources that are silent or cannot see everything", map(_bullet, digest.sources))
    yield from _titled("Not known", map(_bullet, digest.unknown))
    resolved = (
        f"{place(one.stack, one.service)}: {one.title} ({day(one.since, digest.timezone)})"
        for one in digest.resolved
    )
    yield from _titled("Resolved", map(_bullet, resolved))


def _titled(title: str, lines: Iterable[str]) -> Iterator[list[Block]]:
    blocks = _lines(lines)
    if blocks:
        yield [{"type": "divider"}, _section(f"*{title}*"), *blocks]


def _bullet(text: str) -> str:
    return f"• {escape(text)}"


def _concern(concern: DigestConcern, zone: str) -> Block:
    about = escape(place(concern.stack, concern.service))
    sign = _SIGNS[concern.severity]
    lines = [f"{sign} *{about}: {escape(concern.title)}*{_marked(marks(concern))}"]
    lines += [f"_{escape(words)}_" for words in concern.words]
    lines += _advice(concern.recommendation, concern.evidence, zone)
    return _section("\n".join(lines), _ONE)


def _limit(limit: DigestLimit) -> str:
    full = filled(limit.used, 10)
    extra = f", full {limit.when}" if limit.when else ""
    source = f" (limit from {short_source(limit.limit_source)})" if limit.limit_source else ""
    what = (
        f"{place(limit.stack, limit.service)} {limit.metric}: {limit.value} of {limit.limit}{extra}{source}"
    )
    bar = "▓" * full + "░" * (10 - full)
    return f"`{bar}` {share(limit.used)}  {escape(what)}{_marked(limit_marks(limit))}"
