"""What the simulated providers report at a moment of the demo. Pure: the same moment, the same values.

A small product grows for 60 days. What happens, by day:

     8  the answers of the database get slower as a table without an index grows, until day 37
    19  the mail provider's API answers 503 for half a day
    24  a clean-up makes room in the database
    33  requests fail for half a day, and the monitoring itself is down for most of the next
    41  a launch: mail doubles for a week, users and traffic stay
    52  the database is four fifths full, its limit weeks away
    58  the endpoint that counts users is gone
"""

import math
from collections.abc import Callable
from datetime import datetime, timedelta

DAYS = 60


class Simulation:
    """The state of the world between `start` and `start` + 60 days."""

    def __init__(self, start: datetime) -> None:
        self.start = start

    def day(self, at: datetime) -> float:
        """Days since the start."""
        return (at - self.start) / timedelta(days=1)

    def _noise(self, at: datetime, salt: int) -> float:
        """Return something between -1 and 1 that looks random and is not."""
        x = math.sin(self.day(at) * 86.1 + salt * 78.233) * 43758.5453
        return 2 * (x - math.floor(x)) - 1

    def _rhythm(self, at: datetime) -> float:
        """Return the share of the daily peak: nights are quiet, weekends quieter."""
        hour = at.hour + at.minute / 60
        wave = 0.55 + 0.45 * math.sin((hour - 9) / 24 * 2 * math.pi)
        return wave * (0.7 if at.weekday() >= 5 else 1.0)

    def users(self, at: datetime) -> float:
        """Registered users: 9 a day at first, a launch on day 41, more a day after it."""
        day = self.day(at)
        launch = 260 * (1 - math.exp(-max(0.0, day - 41) / 3))
        return math.floor(310 + 9 * day + launch + max(0.0, day - 41) * 5)

    def storage(self, at: datetime) -> float:
        """Bytes in the database: 140 KB a user, and logs that nobody deletes; a clean-up on day 24."""
        day = self.day(at)
        cleaned = 21e6 if day >= 24 else 0.0
        return round(168e6 + 0.14e6 * self.users(at) + 2.1e6 * day - cleaned + 0.4e6 * self._noise(at, 1))

    def connections(self, at: datetime) -> float:
        """Open connections: a pool of two machines, more in busy hours."""
        return float(round(4 + 6 * self._rhythm(at) + self.day(at) / 14 + self._noise(at, 2)))

    def query_p95(self, at: datetime) -> float:
        """Seconds: a missing index is felt as the table grows, until it is made on day 37."""
        day = self.day(at)
        slow = 0.052 + 0.0021 * day if day < 37 else 0.049
        return slow * (0.9 + 0.2 * self._rhythm(at)) + 0.002 * self._noise(at, 3)

    def response_p95(self, at: datetime) -> float:
        """Seconds at the server."""
        return 0.09 + 0.9 * self.query_p95(at) + 0.03 * self._rhythm(at) + 0.004 * self._noise(at, 4)

    def cpu(self, at: datetime) -> float:
        """Busy share of the machines."""
        return min(0.97, 0.18 + 0.42 * self._rhythm(at) * self.users(at) / 1100 + 0.03 * self._noise(at, 5))

    def memory(self, at: datetime) -> float:
        """Bytes of the fullest machine: leaks a little, restarts on Mondays."""
        since_monday = (at.weekday() + at.hour / 24) / 7
        return round((148 + 0.62 * self.day(at) + 34 * since_monday + 2 * self._noise(at, 6)) * 1e6)

    def requests_per_second(self, at: datetime) -> float:
        """Requests a second, all machines."""
        return 0.004 * self.users(at) * self._rhythm(at)

    def failures_per_second(self, at: datetime) -> float:
        """Failed requests a second: 0.2 %, and 4 % for most of day 33."""
        burst = 33.2 <= self.day(at) <= 33.9
        return self.requests_per_second(at) * (0.04 if burst else 0.002)

    def emails(self, since: datetime, until: datetime) -> float:
        """E-mails between two moments: one user in fourteen a day, the launch doubles it for a week."""
        middle = since + (until - since) / 2
        launch = 2.0 if 41 <= self.day(middle) < 48 else 1.0
        return math.floor(self.users(middle) / 14.2 * launch * ((until - since) / timedelta(days=1)))

    def egress(self, since: datetime, until: datetime) -> float:
        """Bytes sent by the database between two moments."""
        middle = since + (until - since) / 2
        return round(
            66e3 * self.users(middle) * ((until - since) / timedelta(days=1)) * (1 + self._rhythm(middle))
        )

    def email_api_down(self, at: datetime) -> bool:
        """The mail provider's API answers 503 for half a day."""
        return 19.0 <= self.day(at) < 19.5

    def monitoring_down(self, at: datetime) -> bool:
        """The simulated Prometheus answers 503 from the middle of the failures on, for most of a day."""
        return 33.6 <= self.day(at) < 34.6

    def accounts_down(self, at: datetime) -> bool:
        """The endpoint that counts users is gone from day 58 on."""
        return self.day(at) >= 58.0

    def promql(self) -> dict[str, Callable[[datetime], float]]:
        """The queries that the simulated Prometheus knows, as the demo's configuration asks them."""
        p95 = "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))"
        return {
            p95: self.response_p95,
            'sum(rate(http_requests_total{code=~"5.."}[1h]))': self.failures_per_second,
            "sum(rate(http_requests_total[1h]))": self.requests_per_second,
            "avg(fly_instance_cpu_busy)": self.cpu,
            "max(fly_instance_memory_used)": self.memory,
        }
