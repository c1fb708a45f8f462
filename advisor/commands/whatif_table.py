"""What `advisor whatif` prints for people: what breaks, what is used, what it costs, and revenue."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from advisor.commands import output
from advisor.core import wording
from advisor.core.bands import Item, Target
from advisor.core.metrics import VOCABULARY
from advisor.core.outlook import Choice, Outlook
from advisor.core.projection import Projected
from advisor.core.units import Unit, show

if TYPE_CHECKING:
    from advisor.commands.whatif import Answer


def show_answer(answer: "Answer") -> None:
    """Print the answer: a table each for limits, usage, cost and targets, then sentences."""
    what = answer.what
    now = "users now are not known" if what.users is None else f"{_users(what.users)} users now"
    output.heading(f"{answer.asked.title} at {_users(answer.users)} users ({now})")
    _breaks(answer)
    _usage(answer)
    _cost(answer)
    _targets(answer.targets, answer.then)
    _revenue(answer)
    _unsaid(answer)


def _users(users: float) -> str:
    return f"{users:,.0f}"


def _value(value: float, metric: str, period: str) -> str:
    return _per(show(value, VOCABULARY[metric].unit), period)


def _per(text: str, period: str) -> str:
    return f"{text} a {period}" if period else text


def _breaks(answer: "Answer") -> None:
    output.heading("What breaks first, on the present plans")
    if not answer.breaks:
        print("No known limit of the present plans grows with users.")
        return
    output.table(
        "",
        [">at users", "", "service", "metric", ">limit", "then", "limit from", "usage from"],
        [
            [
                _users(one.users),
                "reached" if one.users <= answer.users else "",
                one.service,
                wording.metric_name(one.metric),
                _value(one.limit, one.metric, one.period),
                "" if one.at_end == "unknown" else one.at_end,
                wording.short_source(one.source),
                one.by,
            ]
            for one in answer.breaks
        ],
    )


def _usage(answer: "Answer") -> None:
    rows = answer.then.projected
    if not rows:
        return
    output.heading(f"What {_users(answer.users)} users use")
    output.table(
        "",
        ["service", "metric", ">of one user", ">of all", ">limit now", "from"],
        [
            [
                one.service,
                wording.metric_name(one.metric),
                _per(_range(one.per_user.low, one.per_user.high, one.metric), one.period),
                _per(_range(one.low, one.high, one.metric), one.period),
                _limit(one),
                one.per_user.source,
            ]
            for one in rows
        ],
    )


def _range(low: float, high: float, metric: str) -> str:
    unit = VOCABULARY[metric].unit
    first, last = show(low, unit), show(high, unit)
    return last if first == last else f"{first} to {last}"


def _limit(one: Projected) -> str:
    if one.limit is not None:
        return show(one.limit, VOCABULARY[one.metric].unit)
    return "not known" if one.limited else "none"


def _cost(answer: "Answer") -> None:
    output.heading("What it costs a month")
    rows = []
    for choice in answer.then.choices:
        present = answer.present(choice)
        item = answer.item(choice)
        rows.append(
            [
                ", ".join(choice.services),
                present.name if present is not None else "",
                _price(present),
                "the same" if present is not None and choice.name == present.name else choice.name,
                _price(choice),
                _said(item),
                _why(choice),
            ]
        )
    rows.append(["all", "", _total(answer.now), "", _total(answer.then), "", ""])
    columns = ["service", "now", ">price now", "then", ">price then", ">document", "why"]
    output.table("", columns, rows)


def _price(choice: Choice | None) -> str:
    if choice is None:
        return ""
    if choice.monthly is None:
        return "not known"
    return f"{'≥ ' if choice.cautions else ''}{wording.money(choice.monthly)}"


def _total(outlook: Outlook) -> str:
    return f"{'' if outlook.total is not None else '≥ '}{wording.money(outlook.known)}"


def _said(item: Item | None) -> str:
    if item is None:
        return ""
    lines = ", ".join(str(line) for line in item.lines)
    return f"{dollars(item.low, item.high)} (line {lines})"


def dollars(low: float | None, high: float | None) -> str:
    """Write a range of money: `$191 to $336`, `$500 or more`."""
    if high is None:
        return f"{wording.money(low or 0.0)} or more"
    return (
        wording.money(high)
        if low in {None, high}
        else f"{wording.money(low or 0.0)} to {wording.money(high)}"
    )


def _why(choice: Choice) -> str:
    parts = []
    if choice.moved:
        parts.append(f"on the ladder, {choice.moved}")
    parts += choice.notes
    if choice.open_:
        words = ", ".join(metric.replace("_", " ") for metric in choice.open_)
        parts.append(f"limit not known: {words}")
    whole = [(name, usd) for name, usd, least in choice.others if not least]
    if whole:
        name, usd = whole[0]
        parts.append(f"else {name} {wording.money(usd)}")
    return "; ".join(parts)


def _targets(targets: Iterable[Target], then: Outlook) -> None:
    rows = [
        [
            f"{one.document} line {one.line}",
            one.item,
            band(one.users_min, one.users_max),
            dollars(one.low, one.high),
            one.place.value + ("" if then.total is not None else ", as far as known"),
        ]
        for one in targets
    ]
    if rows:
        output.heading(f"Beside the documents' own figures: {_total(then)}")
        output.table("", ["document", "what", "users", ">range", "ours is"], rows)


def band(least: int | None, most: int | None) -> str:
    """Write a band of users: `1,000 to 5,000`, `50,000`, `500,000 or more`."""
    if least is None:
        return "not said"
    if most is None:
        return f"{least:,} or more"
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _revenue(answer: "Answer") -> None:
    said = answer.break_even
    least = "" if said.whole else "at least "
    output.heading("Revenue")
    if said.revenue is not None:
        how = ", in proportion to users" if answer.revenue_guessed else ""
        print(f"Revenue at that size: {wording.money(said.revenue)} a month{how}.")
    for rule in said.rules:
        share = show(rule.share, Unit.RATIO)
        text = (
            f"Below {share} of revenue ({rule.source}): asks for {least}{wording.money(rule.needed)} a month"
        )
        if rule.ours is not None:
            ours = "it is " if said.whole else "it is at least "
            kept = {True: ", kept", False: ", not kept", None: ""}[rule.kept]
            text += f"; {ours}{wording.share(rule.ours)}{kept}"
        print(f"{text}.")
    for one in said.subscriptions:
        share = wording.share(one.share)
        print(
            f"Break-even at {wording.money(one.price)} a month ({one.source}): {least}"
            f"{wording.counted(one.payers, 'paying user')}, {share} of all."
        )
    for ad in said.ads:
        most = "" if said.whole else "at most "
        print(
            f"Advertising at {wording.money(ad.rate)} a user ({ad.source}): {wording.money(ad.revenue)} a "
            f"month, which leaves {most}{wording.money(ad.profit)}."
        )


def _unsaid(answer: "Answer") -> None:
    if answer.then.missing:
        output.heading(f"At least {wording.money(answer.then.known)}, because")
        for why in dict.fromkeys(answer.then.missing):
            print(f"- {why}")
    by_service: dict[str, list[str]] = {}
    for service, metric in answer.what.not_projected():
        by_service.setdefault(service, []).append(wording.metric_name(metric))
    if by_service:
        said = "; ".join(f"{service}: {', '.join(metrics)}" for service, metrics in by_service.items())
        output.heading("Not projected, because nothing says how it follows the users")
        output.prose(f"{said}.")
