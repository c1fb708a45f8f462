"""What Render says of a service's or data store's size and standing. Pure."""

from collections.abc import Sequence
from datetime import datetime

from advisor.core.model import Reading
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["standing"]

#: Whom a suspension comes from where it is no restriction: people did it, or with it.
_OWN = frozenset({"user", "parent_service"})


def standing(found: Sequence[Body], now: datetime) -> Answer:
    """Count the reasons for which Render holds each of them back, and show sizes as evidence."""
    readings: list[Reading] = []
    rows: list[dict[str, str]] = []
    for one in found:
        reasons = []
        if (suspenders := one.get("suspenders")) is not None:
            reasons = sorted({reason.text() for reason in suspenders.each()} - _OWN)
        readings.append(Reading("restricted", float(len(reasons)), now, part=one.text("id")))
        details = one.get("serviceDetails") or one
        plan, status, expires = details.get("plan"), one.get("status"), one.get("expiresAt")
        row = {"name": _text(one.get("name")), "instance type": _text(plan), "status": _text(status)}
        if expires is not None:
            row["expires"] = _text(expires)[:10]
        if reasons:
            row["held back by"] = ", ".join(reasons)
        rows.append(row)
    return Answer(readings, evidence={"Services at Render": rows[:20]})


def _text(found: Body | None) -> str:
    return "" if found is None else found.text()
