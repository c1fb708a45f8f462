"""When a source that failed is asked again. Pure."""

from datetime import datetime, timedelta

__all__ = ["LONGEST", "not_before"]

LONGEST = timedelta(minutes=15)
_SPREAD = 0.2


def not_before(
    now: datetime,
    interval: float,
    failures: int,
    *,
    again: bool = True,
    retry_at: datetime | None = None,
    chance: float = 0.5,
) -> datetime | None:
    """Return the earliest next poll after `failures` failed ones in a row; None: at the usual interval.

    The wait starts at the interval (seconds), or at four intervals where trying again does not help (`again`
    False, such as a refused token), and doubles with each failure, up to 15 minutes (or the interval, where
    that is longer). `chance` in 0..1 spreads it by ±20 %, so that sources that failed together do not come
    back together, but not below the interval. `retry_at` is what the provider asked for: never undercut.
    """
    if failures <= 0 and retry_at is None:
        return None
    usual = timedelta(seconds=interval)
    doubled = min(max(failures - 1, 0) + (0 if again else 2), 20)
    wait = min(usual * float(2**doubled), max(LONGEST, usual))
    spread = max(wait * (1 + _SPREAD * (2 * chance - 1)), usual)
    at = now + spread
    return max(at, retry_at) if retry_at is not None else at
