"""`advisor whatif`: what so many users would use, break and cost, beside the documents' figures."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from advisor import scenario
from advisor.commands import output, whatif_table
from advisor.core import bands
from advisor.core.break_even import BreakEven, break_even
from advisor.core.metrics import VOCABULARY
from advisor.core.outlook import Choice, Outlook
from advisor.core.per_user import revenue_of
from advisor.core.units import Unit, read
from advisor.errors import InputError
from advisor.scenario import Scenario

_GROWTH = re.compile(r"(?P<times>[0-9]+(?:\.[0-9]+)?)x")


def run(
    config: Path,
    *,
    users: str | None,
    growth: str | None,
    stack: str | None,
    document: str | None,
    revenue: str | None,
    chart: Path | None,
    json: bool,
) -> int:
    """Print what `users` users (or `growth` times as many as now) would use and cost; draw it where asked.

    Raises:
        InputError: an option is at fault, the number of users is not known, or the chart cannot be written.
    """
    now = datetime.now(UTC)
    if chart is not None:
        _refuse_chart(chart)
    wanted = _users(users)
    times = _times(growth)
    earned = _dollars(revenue)
    found = (
        scenario.of_document(document, now)
        if document is not None
        else scenario.of_config(config, stack, now)
    )
    if found.note:
        output.prose(f"{found.note}; usage per user is that of the documents", sys.stderr)
    size = wanted if wanted is not None else _grown(times, found)
    answer = Answer(found, size, earned)
    if json:
        output.as_json(as_document(answer))
    else:
        whatif_table.show_answer(answer)
    if chart is not None:
        _draw(answer, chart)
    return 0


class Answer:
    """Everything that is said of one stack at one size."""

    def __init__(self, asked: Scenario, users: float, revenue: float | None = None) -> None:
        what = asked.what
        self.asked, self.what, self.users = asked, what, users
        self.revenue_guessed = False
        if revenue is None and (earns := revenue_of(what.stack, what.histories, what.now)) and what.users:
            revenue = earns * users / what.users
            self.revenue_guessed = True
        what.revenue_per_user = revenue / users if revenue is not None else None
        self.now: Outlook = what.present()
        self.then: Outlook = what.at(users)
        self.breaks = what.breaks()
        self.targets = bands.targets(asked.documents, users, self.then.known)
        self.items = {item.role: item for item in bands.items(asked.documents, users)}
        self.break_even: BreakEven = break_even(
            scenario.on_revenue(asked.documents),
            self.then.known,
            users,
            revenue,
            whole=self.then.total is not None,
        )

    def present(self, choice: Choice) -> Choice | None:
        """Return what the same services are on now."""
        return next((one for one in self.now.choices if one.services == choice.services), None)

    def item(self, choice: Choice) -> bands.Item | None:
        """Return what a document says of the same part of the stack."""
        return self.items.get(choice.role)


def as_document(answer: Answer) -> dict[str, Any]:
    """Return the answer as JSON has it; docs/commands.md describes it."""
    what, then = answer.what, answer.then
    return {
        "version": 1,
        "stack": what.stack.key,
        "title": answer.asked.title,
        "documents": [one.name for one in answer.asked.documents],
        "at": what.now,
        "users": answer.users,
        "users_now": what.users,
        "usage": [
            {
                "service": one.service,
                "metric": one.metric,
                "period": one.period,
                "unit": VOCABULARY[one.metric].unit,
                "per_user": {"low": one.per_user.low, "high": one.per_user.high},
                "low": one.low,
                "high": one.high,
                "limit": one.limit,
                "limit_known": not (one.limited and one.limit is None),
                "limit_source": one.limit_source,
                "source": one.per_user.source,
                "measured": one.per_user.measured,
            }
            for one in then.projected
        ],
        "not_projected": [{"service": service, "metric": metric} for service, metric in what.not_projected()],
        "breaks": [
            {
                "service": one.service,
                "metric": one.metric,
                "period": one.period,
                "unit": VOCABULARY[one.metric].unit,
                "limit": one.limit,
                "limit_source": one.source,
                "users": one.users,
                "reached": one.users <= answer.users,
                "at_end": one.at_end,
                "usage_source": one.by,
            }
            for one in answer.breaks
        ],
        "plans": [_plan(answer, choice) for choice in then.choices],
        "cost": {"now": _cost(answer.now), "then": _cost(then)},
        "targets": [
            {
                "document": one.document,
                "line": one.line,
                "table": one.table,
                "item": one.item,
                "users": [one.users_min, one.users_max],
                "low": one.low,
                "high": one.high,
                "ours": one.place,
            }
            for one in answer.targets
        ],
        "revenue": _revenue(answer),
    }


def _plan(answer: Answer, choice: Choice) -> dict[str, Any]:
    item, present = answer.item(choice), answer.present(choice)
    return {
        "services": choice.services,
        "now": None if present is None else _choice(present),
        "then": _choice(choice),
        "document": None
        if item is None
        else {
            "document": item.document,
            "lines": item.lines,
            "items": item.names,
            "low": item.low,
            "high": item.high,
        },
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "name": choice.name,
        "product": choice.product,
        "plan": choice.plan,
        "size": choice.size,
        "count": choice.count,
        "monthly": choice.monthly,
        "at_least": bool(choice.cautions),
        "present": choice.present,
        "ladder": choice.moved,
        "not_known": [*choice.unknown, *choice.cautions],
        "limits_not_known": choice.open_,
        "notes": choice.notes,
        "others": [{"name": name, "monthly": usd, "at_least": least} for name, usd, least in choice.others],
    }


def _cost(outlook: Outlook) -> dict[str, Any]:
    return {"monthly": outlook.total, "at_least": outlook.known, "not_known": outlook.missing}


def _revenue(answer: Answer) -> dict[str, Any]:
    said = answer.break_even
    return {
        "monthly": said.revenue,
        "in_proportion": answer.revenue_guessed,
        "subscriptions": [
            {"price": one.price, "payers": one.payers, "share": one.share, "source": one.source}
            for one in said.subscriptions
        ],
        "ads": [
            {"rate": one.rate, "revenue": one.revenue, "profit": one.profit, "source": one.source}
            for one in said.ads
        ],
        "rules": [
            {
                "share": one.share,
                "needs": round(one.needed, 2),
                "ours": one.ours,
                "kept": one.kept,
                "source": one.source,
            }
            for one in said.rules
        ],
    }


def _users(text: str | None) -> float | None:
    if text is None:
        return None
    value, unit = _read("--users", text, "write a number, such as 50000 or 50K")
    if unit is not Unit.COUNT or value < 1:
        raise InputError(f"--users {text}: write a number of users, such as 50000 or 50K")
    return value


def _times(text: str | None) -> float | None:
    if text is None:
        return None
    match = _GROWTH.fullmatch(text)
    if match is None or float(match["times"]) <= 0:
        raise InputError(f"--growth {text}: write how many times as many users, such as 3x")
    return float(match["times"])


def _dollars(text: str | None) -> float | None:
    if text is None:
        return None
    value, unit = _read("--revenue", text, "write dollars a month, such as $2K")
    if unit is not Unit.USD or value < 0:
        raise InputError(f"--revenue {text}: write dollars a month, such as $2K")
    return value


def _read(option: str, text: str, hint: str) -> tuple[float, Unit]:
    try:
        return read(text)
    except ValueError as error:
        raise InputError(f"{option}: {error}; {hint}") from None


def _grown(times: float | None, found: Scenario) -> float:
    now = found.what.users
    if times is None:
        raise InputError("how many users? Write --users 50000, or --growth 3x")
    if now is None:
        raise InputError(
            "--growth: how many users there are now is not known; write --users 50000, or "
            "`facts: {users: 800}` in the stack"
        )
    return now * times


def _refuse_chart(path: Path) -> None:
    """Refuse what cannot be drawn before anything is computed."""
    if path.suffix.lower() != ".svg":
        raise InputError(
            f"--chart {path}: a chart is written as SVG, which browsers show; name a file such as "
            f"{path.with_suffix('.svg').name}"
        )
    if not path.parent.is_dir():
        raise InputError(
            f"--chart {path}: the folder {path.parent} does not exist; create it, or name another"
        )


def _draw(answer: Answer, path: Path) -> None:
    from advisor.commands import chart

    try:
        path.write_text(chart.svg(answer.asked, answer.users, answer.breaks), "utf-8")
    except OSError as error:
        cause = (error.strerror or "cannot be written").lower()
        raise InputError(f"--chart {path}: {cause}; name a file in a folder that you may write to") from None
    output.prose(f"chart: {path}", sys.stderr)
