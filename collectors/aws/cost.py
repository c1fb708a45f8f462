"""Cost Explorer: what each day cost, by service. A request costs $0.01, so it is asked twice a day."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from advisor.collectors.aws.ask import Api
from advisor.core.model import Gap, Quality, Reading
from advisor.polling.body import Body
from advisor.polling.contract import Answer, CollectError

__all__ = ["COST", "cost", "days"]

COST = "ce:GetCostAndUsage"

_AGAIN = 12 * 3600.0  # Seconds between two askings, whatever the interval is.
_PAGES = 5  # A cent each.
_FIRST, _SETTLE = timedelta(days=62), timedelta(days=3)
_DAY = timedelta(days=1)


async def cost(api: Api, tags: Mapping[str, str]) -> Answer:
    """Return what each day cost; between two askings, what was told last.

    Raises:
        CollectError: AWS cannot be reached or refuses.
    """
    now, kept = api.poll.now, dict(api.poll.previous)
    tried = kept.get("tried")
    if isinstance(tried, int | float) and 0 <= now.timestamp() - tried < _AGAIN:
        return _again(kept, now)
    today = now.astimezone(UTC).date()
    asked = kept.get("asked")
    start = today - _FIRST
    if isinstance(asked, int | float):  # The month is final only some days after its end.
        seen = datetime.fromtimestamp(asked, UTC).date()
        start = max(start, min(seen - _SETTLE, _month(today - _SETTLE)))
    ask: dict[str, Any] = {
        "TimePeriod": {"Start": start.isoformat(), "End": (today + _DAY).isoformat()},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
    }
    if tags:
        each = [{"Tags": {"Key": key, "Values": [value]}} for key, value in sorted(tags.items())]
        ask["Filter"] = each[0] if len(each) == 1 else {"And": each}
    return await _asked(api, ask, kept)


async def _asked(api: Api, ask: Mapping[str, Any], kept: Mapping[str, Any]) -> Answer:
    now = api.poll.now
    rows: list[list[Any]] = []
    gaps: list[Gap] = []
    token = ""
    for page in range(_PAGES):
        more = {"NextPageToken": token} if token else {}
        try:
            body = await api.json(
                "ce", "AWSInsightsIndexService.GetCostAndUsage", "1.1", {**ask, **more}, COST
            )
        except CollectError as error:
            if not page:
                raise
            gaps.append(Gap("cost", f"{error}; what came before is kept", ("cost",)))
            break
        found, missed = days(body)
        rows += found
        gaps += missed
        next_token = body.get("NextPageToken")
        token = next_token.text() if next_token is not None else ""
        if not token:
            break
    else:
        gaps.append(
            Gap("cost", f"Cost Explorer has more than {_PAGES} pages; a tag in `tags` narrows it", ("cost",))
        )
    keep = {"tried": now.timestamp(), "rows": rows}
    keep["asked"] = now.timestamp() if not gaps else kept.get("asked")
    told = {key: value for key, value in keep.items() if value is not None}
    return Answer(readings(rows, now), (), gaps, told, _largest(rows))


def _again(kept: Mapping[str, Any], now: datetime) -> Answer:
    """Say the days of the last asking again: the day that is not over ends now."""
    rows = kept.get("rows", [])
    return Answer(readings(rows, now), keep=kept, evidence=_largest(rows))


def _month(day: date) -> date:
    return day.replace(day=1)


def days(body: Body) -> tuple[list[list[Any]], list[Gap]]:
    """Return day, service, dollars and whether AWS calls it an estimate, of a page. Pure."""
    rows: list[list[Any]] = []
    foreign: set[str] = set()
    for result in body["ResultsByTime"].each():
        day = date.fromisoformat(result.text("TimePeriod", "Start")[:10]).isoformat()
        flag = result.get("Estimated")
        estimated = flag is not None and flag.value is True
        listed = result.get("Groups")
        groups = [
            ("; ".join(key.text() for key in group["Keys"].each()), group["Metrics"]["UnblendedCost"])
            for group in (listed.each() if listed is not None else ())
        ]
        # A day that nothing was used on has no groups, and its total then.
        if not groups and (total := result.get("Total", "UnblendedCost")) is not None:
            groups = [("", total)]
        for name, price in groups:
            if (unit := price.get("Unit")) is not None and unit.text() != "USD":
                foreign.add(unit.text())
                continue
            if (amount := price.number("Amount")) is not None:
                rows.append([day, name, amount, estimated])
    gaps = [
        Gap("cost", f"Cost Explorer counts in {unit}, not in USD; it is left out", ("cost",))
        for unit in sorted(foreign)
    ]
    return rows, gaps


def readings(rows: Sequence[Sequence[Any]], now: datetime) -> list[Reading]:
    """Turn rows into amounts by UTC day and service; a day that is not over is an estimate. Pure."""
    found: list[Reading] = []
    for day, name, amount, estimated in rows:
        start = datetime.combine(date.fromisoformat(day), time(), UTC)
        end = min(start + _DAY, now)
        if start < end:
            quality = Quality.ESTIMATED if estimated or end == now else Quality.MEASURED
            found.append(Reading("cost", amount, end, start, name, quality=quality))
    return found


def _largest(rows: Sequence[Sequence[Any]]) -> Mapping[str, Sequence[Mapping[str, str]]]:
    sums: dict[str, list[float]] = {}
    for _, name, amount, _ in rows:
        sums.setdefault(name, []).append(amount)
    ordered = sorted(((math.fsum(amounts), name) for name, amounts in sums.items()), reverse=True)[:10]
    return (
        {"Dearest services": [{"service": name, "cost": f"${amount:.2f}"} for amount, name in ordered]}
        if rows
        else {}
    )
