"""A whole HTTP answer, and what its status means in our errors."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from advisor.polling.contract import Forbidden, Throttled, TokenRefused, Unexpected, Unreachable

__all__ = ["Reply", "again_at", "plain", "retry_after"]

_EPOCH_FROM = 1e9  # The reset of a rate limit above it is a moment, else seconds from now.
_LONGEST_WAIT = timedelta(days=1)  # A provider that says more is asked once a day all the same.


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. `where` names the server in every message made of it."""

    status: int
    headers: httpx.Headers
    body: bytes
    where: str
    now: datetime
    right: str = ""

    def ok(self) -> "Reply":
        """Return itself where the status is 2xx.

        Raises:
            TokenRefused: 401; as Forbidden 403, which names the right that is missing where it is known.
            Throttled: 429, with the time of `Retry-After`, else of the rate limit's reset.
            Unreachable: 408 and 5xx.
            Unexpected: any other.
        """
        said = f"{self.where} answered {self.status}{_phrase(self.status)}"
        if 200 <= self.status < 300:
            return self
        if self.status == 401:
            raise TokenRefused(
                f"{said}: the credential is missing, wrong or expired; put a valid one in place"
            )
        if self.status == 403:
            right = f"the right `{self.right}`" if self.right else "a right that this needs"
            raise Forbidden(
                f"{said}: the credential lacks {right}; grant it, or use another credential", self.right
            )
        if self.status == 429:
            at = again_at(self.headers, self.now)
            when = f"at {at:%Y-%m-%d %H:%M:%S} UTC" if at else "later"
            raise Throttled(
                f"{said}: asked too often; it is asked again {when}, a longer `interval:` avoids it", at
            )
        if self.status == 408 or self.status >= 500:
            raise Unreachable(f"{said}: the server is in trouble; it is asked again")
        if 300 <= self.status < 400:
            raise Unexpected(f"{said}: it sends elsewhere; write the final address as `url`")
        raise Unexpected(f"{said}: check path and query of `url`")

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            Unexpected: not JSON, a number JSON does not have (NaN), or nested too deeply.
        """
        try:
            return json.loads(self.body, parse_constant=_no_such_number)
        except RecursionError:
            raise Unexpected(f"{self.where} answered JSON nested too deeply to be a usage report") from None
        except ValueError as error:
            raise Unexpected(
                f"{self.where} answered {self._what(error)}: check that `url` is the API"
            ) from None

    def _what(self, error: ValueError) -> str:
        if not self.body.strip():
            return "nothing where JSON was expected"
        kind = plain(self.headers.get("content-type", "").split(";")[0])
        if kind and "json" not in kind:
            return f"`{kind}` where JSON was expected"
        line = (
            f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        )
        return f"what is not JSON{line}"


def _no_such_number(text: str) -> Any:
    raise ValueError(text)


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def plain(text: str, longest: int = 120) -> str:
    """Return what a server said as one short line without control characters, fit for a message."""
    line = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+", " ", text).strip()
    return line if len(line) <= longest else line[: longest - 1] + "…"


def again_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return when headers let us ask again: by `Retry-After`, else where the window of a rate limit ends.

    Providers name the latter `RateLimit-Reset`, `X-RateLimit-Reset`, or with a word of their own in it, and
    mean Unix seconds, seconds from now, or a date.
    """
    if at := retry_after(headers.get("retry-after", ""), now):
        return at
    for name, text in headers.items():
        if name.lower().endswith(("ratelimit-reset", "rate-limit-reset")):
            try:
                seconds = float(text)
            except ValueError:
                return retry_after(text, now)
            left = max(0.0, seconds - now.timestamp()) if seconds > _EPOCH_FROM else seconds
            return retry_after(str(left), now)
    return None


def retry_after(text: str, now: datetime) -> datetime | None:
    """Return when `Retry-After` (seconds or an HTTP date) lets us ask again, at most a day from `now`."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        return min(max(at, now), now + _LONGEST_WAIT)
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return now + min(timedelta(seconds=min(seconds, 1e6)), _LONGEST_WAIT)
