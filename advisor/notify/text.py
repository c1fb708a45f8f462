"""Messages as plain text: standard output, the first part of an e-mail, what a notification shows."""

import textwrap
from collections.abc import Iterable, Iterator

from advisor.core.costs import words as costs
from advisor.core.message import Digest, DigestConcern, DigestLimit, Evidence, Message, Notice, Recommendation
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

_WIDTH = 78
_BAR = 20


def subject(message: Message) -> str:
    """Return one line that says what the message is about."""
    if message.digest is not None:
        return digest_headline(message.digest)
    text = " ".join(message.text.split())
    if any(notice.simulated for notice in message.notices):
        text = f"[simulated] {text}"
    return text


def text(message: Message) -> str:
    """Return the whole message; it ends with a newline."""
    if message.digest is not None:
        return digest_text(message.digest)
    lines = [subject(message)]
    if message.kind == "summary":
        lines += ["", *(_summary_line(notice) for notice in message.notices)]
    else:
        for notice in message.notices:
            lines += ["", *_notice(notice)]
    return "\n".join(lines) + "\n"


def digest_headline(digest: Digest) -> str:
    """Say in one line what the time was like."""
    todo = sum(not concern.waits for concern in digest.concerns)
    said = counted(todo, "thing") + " to do" if todo else "nothing to do"
    if quiet(digest):
        said = f"a quiet {'day' if digest.cadence == 'daily' else 'week'}"
    prefix = "[simulated] " if digest.simulated else ""
    return f"{prefix}Scaling Advisor, {digest.cadence} to {day(digest.until, digest.timezone)}: {said}"


def quiet(digest: Digest) -> bool:
    """Return whether nothing has to be done or was, nothing resolved and every source answered."""
    busy = digest.concerns or digest.resolved or digest.verified or digest.checklists
    return not (busy or digest.counts.get("silent"))


def digest_text(digest: Digest) -> str:
    """Return the digest: to do, next limits, unknown and silent, resolved."""
    zone = digest.timezone
    headline = digest_headline(digest)
    lines = [headline, "=" * min(len(headline), _WIDTH)]
    if digest.simulated:
        lines += ["All figures are simulated."]
    if quiet(digest):
        lines += ["", "Nothing has to be done, and every source answered."]
    if digest.concerns:
        lines += _heading("To do, the most urgent first")
        for number, concern in enumerate(digest.concerns, 1):
            lines += _concern(concern, number, zone)
    if digest.verified:
        lines += _heading("Said to be done")
        lines += list(_wrapped(digest.verified))
    if digest.checklists:
        lines += _heading("Checklists")
        lines += list(_wrapped(digest.checklists))
    if digest.limits:
        lines += _heading("Next limits")
        lines += [_limit(limit) for limit in digest.limits]
    if digest.costs:
        lines += _heading("What it costs")
        lines += list(_wrapped(map(costs, digest.costs)))
    if digest.down:
        lines += _heading("Could go down")
        lines += list(_wrapped(map(could, digest.down)))
    if digest.sources:
        lines += _heading("Sources that are silent or cannot see everything")
        lines += list(_wrapped(digest.sources))
    if digest.unknown:
        lines += _heading("Not known")
        lines += list(_wrapped(digest.unknown))
    if digest.resolved:
        lines += _heading("Resolved")
        lines += list(
            _wrapped(
                f"{place(one.stack, one.service)}: {one.title} ({day(one.since, zone)})"
                for one in digest.resolved
            )
        )
    lines += ["", *textwrap.wrap(". ".join(footer(digest)) + ".", _WIDTH)]
    return "\n".join(lines) + "\n"


def footer(digest: Digest) -> list[str]:
    """Return what was counted: cost, transitions, judgements, sources."""
    counts = digest.counts
    said = []
    if digest.monthly_cost is not None:
        least = "at least " if any(one.unknown for one in digest.costs) else ""
        said.append(f"Cost {least}{money(digest.monthly_cost)} a month")
    said.append(
        f"{counted(counts.get('fired', 0), 'finding')} fired and {counts.get('resolved', 0):,} resolved"
        f" from {day(digest.since, digest.timezone)} to {day(digest.until, digest.timezone)}"
    )
    judged = [
        f"{counts[state]:,} {state}" for state in ("judged", "unknown", "not applicable") if counts.get(state)
    ]
    if counts.get("question"):
        judged.append(counted(counts["question"], "open question"))
    if judged:
        said.append("Rules on services: " + ", ".join(judged))
    if counts.get("pending"):
        said.append(f"{counts['pending']:,} pending")
    if counts.get("acknowledged"):
        said.append(f"{counted(counts['acknowledged'], 'concern')} acknowledged")
    answered = [f"{counts[kind]:,} {kind}" for kind in ("accepted", "rejected", "done") if counts.get(kind)]
    if answered:
        said.append(f"Recommendations answered: {', '.join(answered)}")
    if counts.get("sources"):
        silent = counts.get("silent", 0)
        answer = f"{silent:,} silent" if silent else "all answer"
        said.append(f"{counted(counts['sources'], 'source')}, {answer}")
    return said


def _heading(title: str) -> list[str]:
    return ["", title, "-" * len(title)]


def _wrapped(lines: Iterable[str], bullet: str = "- ", indent: str = "") -> Iterator[str]:
    for line in lines:
        # A number stays with its sign of per cent.
        whole = " ".join(line.split()).replace(" %", "\N{NO-BREAK SPACE}%")
        wrapped = textwrap.wrap(
            whole,
            _WIDTH,
            initial_indent=indent + bullet,
            subsequent_indent=indent + " " * len(bullet),
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield from (part.replace("\N{NO-BREAK SPACE}%", " %") for part in wrapped or [indent + bullet])


def _marked(found: tuple[str, ...]) -> str:
    return f" [{', '.join(found)}]" if found else ""


def _notice(notice: Notice) -> Iterator[str]:
    about = place(notice.stack, notice.service, notice.environment)
    word = severity(notice.severity, notice.event).upper()
    title = f"{word}  {about}: {notice.title}{_marked(marks(notice, simulated=notice.simulated))}"
    yield from _wrapped([title], "")
    if event(notice) not in {"fired", "resolved", "verified"}:
        yield f"  ({event(notice)})"
    if notice.note:
        yield from _wrapped([notice.note], "", "  ")
    yield from _advice(notice.recommendation, notice.evidence, "UTC")


def _concern(concern: DigestConcern, number: int, zone: str) -> Iterator[str]:
    about = place(concern.stack, concern.service)
    head = f"{about}: {concern.title} ({concern.severity.value}){_marked(marks(concern))}"
    yield from _wrapped([head], f"{number}. ")
    yield from _wrapped(concern.words, "", "   ")
    yield from (f" {line}" for line in _advice(concern.recommendation, concern.evidence, zone))


def _advice(advice: Recommendation | None, evidence: tuple[Evidence, ...], zone: str) -> Iterator[str]:
    if advice is not None:
        yield from _wrapped([advice.headline], "→ ", "  ")
        if facts := [fact for fact in (price(advice), by_when(advice, zone)) if fact]:
            yield from _wrapped([" · ".join(facts)], "", "    ")
        yield from _wrapped(beside(advice), "", "    ")
    yield from _wrapped((f"Why: {line}" for line in whys(evidence)), "", "    ")
    if advice is None:
        return
    yield from _wrapped((f"Seen: {line}" for line in advice.evidence), "", "    ")
    yield from _wrapped((f"Step {number}: {step}" for number, step in first_steps(advice)), "", "    ")
    for other in advice.alternatives:
        cost = f", {money(other.monthly, advice)} a month" if other.monthly is not None else ""
        note = f" ({other.note})" if other.note else ""
        yield from _wrapped([f"Or {other.action}: {other.target}{cost}{note}"], "", "    ")
    if advice.playbook:
        yield from _wrapped([f"Playbook: {advice.playbook}"], "", "    ")


def _limit(limit: DigestLimit) -> str:
    full = filled(limit.used, _BAR)
    bar = "#" * full + "." * (_BAR - full)
    about = f"{place(limit.stack, limit.service)} {limit.metric}"
    extra = f", full {limit.when}" if limit.when else ""
    source = f", limit from {short_source(limit.limit_source)}" if limit.limit_source else ""
    return (
        f"[{bar}] {share(limit.used):>6}  {about}: {limit.value} of {limit.limit}{extra}{source}"
        f"{_marked(limit_marks(limit))}"
    )


def _summary_line(notice: Notice) -> str:
    word = severity(notice.severity, notice.event)
    about = place(notice.stack, notice.service, notice.environment)
    doing = ""
    if notice.recommendation is not None:
        doing = f" → {target(notice.recommendation)}"
        when = by_when(notice.recommendation)
        doing += f" {when}" if when else ""
    return f"- {word}  {about}: {notice.title}{doing}"
