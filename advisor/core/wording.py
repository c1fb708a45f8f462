"""How shares, money, dates and marks are written for people: the same words in every channel and page."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from advisor.core.message import Could, DigestConcern, DigestLimit, Event, Evidence, Notice, Recommendation
from advisor.core.model import Action, Quality, Severity
from advisor.core.money import USD, Currency
from advisor.core.units import Unit, show

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def share(ratio: float) -> str:
    """Write a ratio in per cent: `80 %`; of a limit of nothing any use is over it."""
    if math.isinf(ratio):
        return "over 100 %"
    return "< 0.1 %" if 0 < ratio < 0.0005 else show(ratio, Unit.RATIO)


def short_source(source: str) -> str:
    """Return the first of a limit's sources: the one that is in force; the page and JSON name all."""
    return source.partition("; ")[0]


def filled(ratio: float, cells: int) -> int:
    """Return how many cells of a bar are full."""
    return max(0, round(min(ratio, 1.0) * cells))


def money(usd: float, advice: Recommendation | None = None) -> str:
    """Write US dollars: `$25`, `-$12.50`; those of an advice in the currency that it is shown in."""
    return (Currency(advice.currency, advice.rate) if advice is not None else USD).show(usd)


def difference(usd: float | None, advice: Recommendation | None = None) -> str:
    """Write what a change costs a month; empty where it is not known."""
    if usd is None:
        return ""
    if abs(usd) < 0.005:
        return "no change in price"
    return f"{money(abs(usd), advice)} a month {'more' if usd > 0 else 'less'}"


def day(at: datetime, timezone: str = "UTC") -> str:
    """Write the date at a place: `12 Mar 2026`."""
    local = at.astimezone(ZoneInfo(timezone))
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def span(low: datetime, high: datetime, timezone: str = "UTC") -> str:
    """Write two dates without what they share: `18 to 27 Nov 2026`."""
    first, last = day(low, timezone).split(), day(high, timezone)
    for shared in (f" {first[1]} {first[2]}", f" {first[2]}", ""):
        if last.endswith(shared):
            start = " ".join(first).removesuffix(shared)
            return last if start == last.removesuffix(shared) else f"{start} to {last}"
    return f"{' '.join(first)} to {last}"


def moment(at: datetime, timezone: str = "UTC") -> str:
    """Write date and time at a place, with the zone's short name: `12 Mar 2026 09:00 UTC`."""
    return f"{day(at, timezone)} {at.astimezone(ZoneInfo(timezone)):%H:%M %Z}"


def ago(then: datetime, now: datetime) -> str:
    """Write how long ago something was, in the largest unit that fits: `3 min ago`."""
    passed = now - then
    if passed < timedelta(minutes=1):
        return "just now"
    for size, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min")):
        if passed >= size:
            count = passed // size
            plural = "s" if name == "day" and count > 1 else ""
            return f"{count} {name}{plural} ago"
    return "just now"


def counted(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun: `1 concern`, `1,200 concerns`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def place(stack: str, service: str, environment: str = "") -> str:
    """Name whom something is about: `shop/database`, with the environment where it is not production."""
    name = f"{stack}/{service}" if stack and service else stack or service
    return f"{name} ({environment})" if environment not in {"", "production"} else name


def metric_name(metric: str, stat: str = "") -> str:
    """Write a metric for people: `p95 response time`."""
    plain = metric.replace("_", " ")
    return f"{stat} {plain}" if stat else plain


def event(notice: Notice) -> str:
    """Say what happened to a concern."""
    match notice.event:
        case Event.STALE:
            return "still firing, on stale data"
        case Event.NOT_MOVED:
            return "done, but nothing has moved"
        case (
            Event.FIRED
            | Event.ESCALATED
            | Event.RESOLVED
            | Event.NEW_PERIOD
            | Event.VERIFIED
            | Event.NEXT_STAGE
        ):
            return notice.event.value


def severity(of: Severity, happened: Event | None = None) -> str:
    """Say how bad it is; what resolved is not bad any more, and what was done and seen is good news."""
    if happened is Event.VERIFIED:
        return "verified"
    return "resolved" if happened in {Event.RESOLVED, Event.NEW_PERIOD} else of.value


def by_when(advice: Recommendation, timezone: str = "UTC") -> str:
    """Say by which date to act, with the interval where there is one; empty where no date is known."""
    if advice.by is None:
        return ""
    text = f"by {day(advice.by, timezone)}"
    if advice.by_low and advice.by_high and advice.by_low != advice.by_high:
        text += f" (80 % interval: {span(advice.by_low, advice.by_high, timezone)})"
    return text


def target(advice: Recommendation) -> str:
    """Say what to do in a few words: `upgrade free → pro`."""
    if advice.from_plan and advice.to_plan:
        return f"{advice.action.value} {advice.from_plan} → {advice.to_plan}"
    if advice.to_plan:
        return f"{advice.action.value} to {advice.to_plan}"
    return advice.action.value


def price(advice: Recommendation) -> str:
    """Say what the advice costs; "price not known" is said only where a plan would change."""
    text = difference(advice.difference, advice)
    if text:
        if advice.monthly_now is not None and advice.monthly_then is not None:
            text += f" ({money(advice.monthly_now, advice)} → {money(advice.monthly_then, advice)})"
        if advice.price_as_of:
            text += f", price as of {advice.price_as_of}"
        return text
    changes = advice.action in {Action.UPGRADE, Action.DOWNGRADE, Action.MIGRATE, Action.SCALE_OUT}
    return "price not known" if changes else ""


def parts(advice: Recommendation) -> str:
    """Say what the price is made of, where it is more than one part: `Pro $25 + tax of 23% $5.75`."""
    return " + ".join(advice.price_parts) if len(advice.price_parts) > 1 else ""


def beside(advice: Recommendation) -> tuple[str, ...]:
    """Return what stands beside an advice, a line each, from what happens otherwise to the forecast."""
    lines = (
        ("Otherwise", advice.otherwise),
        ("Moving takes", advice.switching),
        ("Price", parts(advice)),
        ("Next", advice.binds_next),
        ("The document says", advice.document_step),
        ("Forecast", advice.forecast),
    )
    return tuple(f"{name}: {text}" for name, text in lines if text)


def could(one: Could) -> str:
    """Write what could go down again, with how sure that is and the concern to answer by."""
    found = f" [{'; '.join(one.recommendation.states)}]" if one.recommendation.states else ""
    said = f" ({one.answer})" if one.answer else ""
    about = place(one.stack, one.service)
    return f"{about}: {one.recommendation.headline}{found} Concern: {one.concern}{said}"


def why(evidence: Evidence) -> str:
    """Write one line of evidence: the figures, the limit with its source, and how sure the value is."""
    text = evidence.says or evidence.sentence
    figures = f"{evidence.value} against {evidence.threshold}" if evidence.threshold else evidence.value
    if figures:
        text = f"{text.rstrip('.')}: {figures}" if text else figures
    if evidence.limit:
        source = f", from {short_source(evidence.limit_source)}" if evidence.limit_source else ""
        text += f" (limit {evidence.limit}{source})"
    if evidence.quality is not Quality.MEASURED:
        text += f" [{evidence.quality.value}]"
    return text


def whys(evidence: Sequence[Evidence], most: int = 3) -> tuple[str, ...]:
    """Write the first lines of evidence and count the rest: ten rules that say the same drown the advice."""
    lines = [why(one) for one in evidence[:most]]
    if len(evidence) > most:
        lines.append(f"{counted(len(evidence) - most, 'more rule')} on the same metric")
    return tuple(lines)


def first_steps(advice: Recommendation, most: int = 4) -> tuple[tuple[str, str], ...]:
    """Return the first steps with their numbers, then where the rest of them is found."""
    steps = [(f"{number}", step) for number, step in enumerate(advice.steps, 1)]
    if len(steps) <= most + 1:
        return tuple(steps)
    where = f"in the playbook {advice.playbook}" if advice.playbook else "on the page"
    return (*steps[:most], (f"{most + 1} to {len(steps)}", where))


def marks(about: Notice | DigestConcern, *, simulated: bool = False) -> tuple[str, ...]:
    """Return the marks of honesty a concern carries: simulated, stale, estimated, manual, learning, ..."""
    found: list[str] = []
    if simulated:
        found.append("simulated")
    stale = about.event is Event.STALE if isinstance(about, Notice) else "stale" in about.state
    if stale:
        found.append("stale")
    qualities = {one.quality for one in about.evidence}
    found += [quality.value for quality in (Quality.ESTIMATED, Quality.MANUAL) if quality in qualities]
    if about.recommendation:
        found += [state for state in about.recommendation.states if state not in found]
    return tuple(found)


def limit_marks(limit: DigestLimit) -> tuple[str, ...]:
    """Return the marks of honesty a limit's line carries."""
    found = () if limit.quality is Quality.MEASURED else (limit.quality.value,)
    return (*found, "stale") if limit.stale else found
