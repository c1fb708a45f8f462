"""SES: the sending quota and state of a region's account, and what was sent and bounced."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from advisor.collectors._pieces import Piece, together
from advisor.collectors.aws.ask import Api
from advisor.core.model import Gap, Limit, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["ACCOUNT", "STATISTICS", "account", "sent", "ses"]

ACCOUNT, STATISTICS = "ses:GetAccount", "ses:GetSendStatistics"

_SOURCE = "provider API: Amazon SES"
_FIRST, _SETTLE = timedelta(days=13), timedelta(hours=24)  # Bounces come long after their mail.
_HOUR = timedelta(hours=1)


async def ses(api: Api) -> Answer:
    """Return what the region's account may send, and what it sent.

    Raises:
        CollectError: AWS cannot be reached or refuses, and nothing was measured.
    """

    async def ask_account() -> Answer:
        return account(await api.get("email", "/v2/email/account", ACCOUNT), api.poll.now)

    async def ask_sent() -> Answer:
        body = await api.query("email", "GetSendStatistics", "2010-12-01", {}, STATISTICS)
        return sent(body, api.poll.now, api.poll.since)

    return await together(
        [
            Piece("sending quota", ask_account, ("restricted", "emails")),
            Piece("sending statistics", ask_sent, ("emails", "error_rate")),
        ]
    )


def account(body: Body, now: datetime) -> Answer:
    """Turn what GetAccount says into plan, quota and restrictions. Pure."""
    terms: list[Term] = []
    rows: list[Mapping[str, str]] = []
    gaps: list[Gap] = []
    most = body.number("SendQuota", "Max24HourSend")
    used = body.number("SendQuota", "SentLast24Hours")
    if most is not None:
        # -1 is no end.
        terms.append(
            Term("limit", most if most >= 0 else None, _SOURCE, now, "emails", Limit.QUOTA, "rolling day")
        )
    if used is not None:
        rows.append({"what": "sent in the last 24 hours", "value": f"{used:g}"})
    if (rate := body.number("SendQuota", "MaxSendRate")) is not None:
        rows.append({"what": "most a second", "value": f"{rate:g}"})
    if (production := _flag(body, "ProductionAccessEnabled")) is not None:
        terms.append(Term("plan", "production" if production else "sandbox", _SOURCE, now))
    sending, status = _flag(body, "SendingEnabled"), body.get("EnforcementStatus")
    if status is not None:
        rows.append({"what": "reputation", "value": status.text()})
    if (pricing := body.get("PricingAttributes", "CurrentPlan")) is not None:
        rows.append({"what": "pricing plan", "value": pricing.text()})
    readings = []
    if sending is None and status is None:
        gaps.append(
            Gap("restrictions", "Amazon SES does not say whether sending is enabled", ("restricted",))
        )
    else:
        in_force = [sending is False, status is not None and status.text() == "SHUTDOWN"]
        in_force.append(most is not None and used is not None and 0 <= most <= used)
        readings.append(Reading("restricted", float(sum(in_force)), now))
    return Answer(readings, terms, gaps, {}, {"Sending": rows} if rows else {})


def _flag(body: Body, key: str) -> bool | None:
    found = body.get(key)
    if found is None:
        return None
    if not isinstance(found.value, bool):
        raise found.unexpected("a yes or no")
    return found.value


def sent(body: Body, now: datetime, since: datetime | None) -> Answer:
    """Add the quarter hours up to hours; one without mail is not listed, so that it counts as zero. Pure.

    The list is in no order and reaches two weeks back.
    """
    hours: dict[datetime, tuple[float, float]] = {}
    for point in body["SendDataPoints"].each():
        hour = point.time("Timestamp").astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        tried, bounced = point.number("DeliveryAttempts"), point.number("Bounces")
        before = hours.get(hour, (0.0, 0.0))
        hours[hour] = (before[0] + (tried or 0.0), before[1] + (bounced or 0.0))
    start = now - _FIRST if since is None else max(now - _FIRST, since - _SETTLE)
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    readings = []
    while hour < now:
        end = min(hour + _HOUR, now)
        tried, bounced = hours.get(hour, (0.0, 0.0))
        readings.append(Reading("emails", tried, end, hour))
        if tried > 0:
            readings.append(Reading("error_rate", min(bounced, tried), end, hour, of=tried))
        hour += _HOUR
    return Answer(readings)
