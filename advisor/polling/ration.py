"""How often one account of a provider may be asked: a tenth of its rate limit, for production shares it.

All sources of an account draw from one ration. What the provider says in its headers is obeyed as well: where
little is left, nothing is asked until its window ends.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from advisor.polling.contract import Budget, Throttled

if TYPE_CHECKING:
    import httpx

__all__ = ["Ration", "Rationed"]

SHARE = 0.1  #: Of the provider's limit, in the long run.
BURST = 0.5  #: Of the provider's limit, at most within one of its windows.
_SAVED_UP = 900.0  # Seconds of unused share that a poll with many pages may use at once.
_LITTLE = 0.2  # Of the limit, as the provider's headers tell it: the rest is left to production.
_LONGEST = timedelta(hours=1)
_EPOCH_FROM = 1e9  # A reset above it is a moment, else seconds from now.


@dataclass(slots=True)
class Ration:
    """What is left of one account's share. Times are those of the polls."""

    budget: Budget
    left: float = math.nan
    at: datetime | None = None
    closed_until: datetime | None = None
    _most: float = field(init=False)
    _rate: float = field(init=False)

    def __post_init__(self) -> None:
        """Work out the share."""
        self._rate = SHARE * self.budget.requests / self.budget.seconds
        self._most = max(1.0, min(BURST * self.budget.requests, self._rate * _SAVED_UP))
        self.left = self._most

    def take(self, now: datetime, where: str) -> None:
        """Use one request.

        Raises:
            Throttled: Nothing is left; `retry_at` is when there is again.
        """
        if self.closed_until is not None and now < self.closed_until:
            raise Throttled(f"{where} says that little of its rate limit is left", self.closed_until)
        if self.at is not None and now > self.at:
            self.left = min(self._most, self.left + (now - self.at).total_seconds() * self._rate)
        self.at = now if self.at is None else max(now, self.at)
        if self.left < 1.0:
            wait = timedelta(seconds=math.ceil((self._most / 2 - self.left) / self._rate))
            raise Throttled(
                f"{where}: more would be over a tenth of its limit of {self.budget.requests} requests in "
                f"{self.budget.seconds:g} s; a longer `interval:` avoids it",
                now + min(max(wait, timedelta(seconds=1)), _LONGEST),
            )
        self.left -= 1.0

    def learn(self, headers: Mapping[str, str], now: datetime) -> None:
        """Read the provider's own count in its answer: `X-RateLimit-*`, or `RateLimit-*`."""
        told = {name: _number(headers, name) for name in ("limit", "remaining", "reset")}
        limit, remaining, reset = told["limit"], told["remaining"], told["reset"]
        if limit is None or remaining is None or reset is None or remaining > _LITTLE * limit:
            return
        try:
            until = (
                datetime.fromtimestamp(reset, UTC) if reset > _EPOCH_FROM else now + timedelta(seconds=reset)
            )
        except (ValueError, OverflowError, OSError):
            return
        self.closed_until = min(until, now + _LONGEST)


def _number(headers: Mapping[str, str], name: str) -> float | None:
    for prefix in ("x-ratelimit-", "ratelimit-", "x-rate-limit-"):
        text = headers.get(prefix + name, "").partition(";")[0].partition(",")[0].strip()
        try:
            value = float(text)
        except ValueError:
            continue
        if math.isfinite(value) and value >= 0:
            return value
    return None


class Rationed:
    """A client that draws each request from a ration; for `fetch` it is one like any other."""

    def __init__(self, http: "httpx.AsyncClient", ration: Ration, now: datetime, where: str) -> None:
        self._http = http
        self._ration = ration
        self._now = now
        self._where = where

    def build_request(self, *args: Any, **more: Any) -> "httpx.Request":
        """As the client's."""
        return self._http.build_request(*args, **more)

    async def send(self, request: "httpx.Request", **more: Any) -> "httpx.Response":
        """As the client's, once the ration has one left.

        Raises:
            Throttled: It has not.
        """
        self._ration.take(self._now, self._where)
        response = await self._http.send(request, **more)
        self._ration.learn(response.headers, self._now)
        return response
