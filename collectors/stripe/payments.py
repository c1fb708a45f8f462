"""Balance transactions become revenue by UTC day. Pure."""

from datetime import datetime

from advisor.collectors._days import utc_day
from advisor.collectors._revenue import DAY, Ledger, major
from advisor.collectors.stripe.api import Seen
from advisor.core.model import Gap, Reading

__all__ = ["COUNTED", "told"]

#: Reporting categories that are revenue: what customers paid, less what went back (negative in `amount`).
COUNTED = frozenset(
    {
        "charge",
        "charge_failure",
        "dispute",
        "dispute_reversal",
        "partial_capture_reversal",
        "platform_earning",
        "platform_earning_refund",
        "refund",
        "refund_failure",
    }
)


def told(
    seen: Seen, since: datetime, until: datetime, ledger: Ledger
) -> tuple[list[Reading], tuple[datetime, datetime] | None, list[Gap]]:
    """Return the revenue of the days that were wholly seen, the stretch that was not, and gaps.

    Rows come newest first, so that the oldest day that was seen may be a part of one.
    """
    oldest = until
    rows = []
    for row in seen.rows:
        at = row.time("created")
        oldest = min(oldest, at)
        if row.text("reporting_category") in COUNTED:
            amount = row.number("amount")
            if amount is None:
                raise row["amount"].unexpected("a number")
            rows.append((at, amount, row.text("currency")))
    gaps, left, start = [], None, since
    if not seen.whole:
        start = utc_day(oldest) + DAY
        left = (since, start)
        if (
            start >= until
        ):  # One day is more than a poll reads: it is given up, or nothing older would be read.
            left = (since, utc_day(oldest)) if utc_day(oldest) > since else None
            why = f"{len(seen.rows)} payments and more on {oldest:%Y-%m-%d} are more than a poll reads"
            gaps.append(Gap(f"payments of {oldest:%Y-%m-%d}", why, ("revenue",)))
    for at, amount, currency in rows:
        if at >= start or seen.whole:
            ledger.add(at, major(amount, currency), currency)
    return ledger.readings(start, until), left, gaps
