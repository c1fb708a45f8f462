"""A 429 that says in a header of its own when it may be asked again, in Unix seconds."""

import math
from datetime import UTC, datetime, timedelta

from advisor.polling.contract import Throttled
from advisor.polling.reply import Reply

__all__ = ["ok"]

_LONGEST = timedelta(days=1)


def ok(reply: Reply, header: str) -> Reply:
    """Return the reply where it is 2xx; `header` tells when the window of a 429 ends.

    Raises:
        CollectError: As `Reply.ok` says.
    """
    if reply.status != 429 or reply.headers.get("retry-after"):
        return reply.ok()
    raise Throttled(
        f"{reply.where} answered 429: asked too often; a longer `interval:` avoids it",
        _moment(reply.headers.get(header, ""), reply.now),
    )


def _moment(text: str, now: datetime) -> datetime | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    ahead = seconds - now.timestamp()
    if not math.isfinite(ahead):
        return None
    return now.astimezone(UTC) + min(max(timedelta(seconds=min(ahead, 1e6)), timedelta()), _LONGEST)
