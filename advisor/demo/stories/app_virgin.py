"""A small product on free plans grows for 60 days.

What happens, by day:

 8  the answers of the database get slower as a table without an index grows, until day 37
19  the mail provider's API answers 503 for half a day
24  a clean-up makes room in the database
33  requests fail for most of a day, and the monitoring itself is down for most of the next
41  a launch: for a week more mail, one day more than the provider takes; users and traffic stay
52  the database is four fifths full, its limit weeks away
58  the endpoint that counts users is gone
"""

import math
from datetime import datetime, timedelta

from advisor.demo.world import Outage, Rate, World, noise, rhythm

__all__ = ["world"]

#: How much more is mailed on the days of the launch; on day 42 the provider stops at the day's hundred.
_LAUNCH = {41: 1.5, 42: 2.7, 43: 1.5, 44: 1.4, 45: 1.3, 46: 1.2, 47: 1.1}
_FAILS, _MOST_MAILS = (33.2, 33.9), 100
_KINDS = {"auth": 0.12, "realtime": 0.05, "rest": 0.75, "storage": 0.08}


class _Shop:
    def __init__(self, start: datetime) -> None:
        self.start = start

    def day(self, at: datetime) -> float:
        return (at - self.start) / timedelta(days=1)

    def users(self, at: datetime) -> float:
        """Registered users: 9 a day at first, a launch on day 41, more a day after it."""
        day = self.day(at)
        launch = 260 * (1 - math.exp(-max(0.0, day - 41) / 3))
        return math.floor(310 + 9 * day + launch + max(0.0, day - 41) * 5)

    def storage(self, at: datetime) -> float:
        """Bytes in the database: 140 KB a user, and logs that nobody deletes; a clean-up on day 24."""
        day = self.day(at)
        cleaned = 21e6 if day >= 24 else 0.0
        return round(168e6 + 0.14e6 * self.users(at) + 2.1e6 * day - cleaned + 0.4e6 * noise(day, 1))

    def connections(self, at: datetime) -> float:
        """Open connections: a pool of two machines, more in busy hours."""
        day = self.day(at)
        return float(round(4 + 6 * rhythm(at) + day / 14 + noise(day, 2)))

    def query_time(self, at: datetime) -> float:
        """Seconds, 95th of hundred: an index is missed as the table grows, until it is made on day 37."""
        day = self.day(at)
        slow = 0.052 + 0.0021 * day if day < 37 else 0.049
        return slow * (0.97 + 0.06 * rhythm(at)) + 0.0005 * noise(day, 3)

    def response_time(self, at: datetime) -> float:
        """Seconds at the edge, 95th of hundred."""
        return 0.05 + 0.9 * self.query_time(at) + 0.03 * rhythm(at) + 0.004 * noise(self.day(at), 4)

    def cpu(self, at: datetime) -> float:
        """Use of the machines over what they may use for good."""
        return min(0.97, 0.18 + 0.42 * rhythm(at) * self.users(at) / 1100 + 0.03 * noise(self.day(at), 5))

    def memory(self, at: datetime) -> float:
        """Bytes of the fullest machine: leaks a little, restarts on Mondays."""
        day, since_monday = self.day(at), (at.weekday() + at.hour / 24) / 7
        return round((148 + 0.62 * day + 34 * since_monday + 2 * noise(day, 6)) * 1e6)

    def requests(self, at: datetime) -> float:
        """Requests an hour, all machines."""
        return 2.9 * self.users(at) * rhythm(at)

    def failures(self, at: datetime) -> float:
        """Failed requests an hour: 0.2 %, and 4 % for most of day 33."""
        begin, end = _FAILS
        return self.requests(at) * (0.04 if begin <= self.day(at) < end else 0.002)

    def emails(self, at: datetime) -> float:
        """E-mails an hour that are wanted: one user in fourteen a day."""
        return self.users(at) / 14.2 / 24 * _LAUNCH.get(math.floor(self.day(at)), 1.0)

    def photos(self, at: datetime) -> float:
        """Bytes of files: users upload more than they delete."""
        return round(1.1e9 + 3.2e6 * self.users(at) + 9e6 * self.day(at))


def world(start: datetime) -> World:
    """Return the story from `start` on."""
    shop = _Shop(start)

    def of_requests(share: float) -> Rate:
        return Rate(lambda at: share * shop.requests(at))

    return World(
        start,
        levels={
            ("own", "users"): shop.users,
            ("own", "query_time"): shop.query_time,
            ("supabase", "storage"): shop.storage,
            ("supabase", "connections"): shop.connections,
            ("supabase", "max_connections"): lambda _: 60.0,
            ("supabase", "disk_size"): lambda _: 8_242_450_432.0,
            ("supabase", "disk_used"): lambda at: 1.3e9 + 1.2 * shop.storage(at),
            ("supabase", "memory"): lambda at: round(230e6 + 40e6 * rhythm(at)),
            ("supabase", "memory_total"): lambda _: 4.6e8,
            ("fly", "memory"): shop.memory,
            ("fly", "memory_total"): lambda _: 230_686_720.0,
            ("fly", "cpu"): shop.cpu,
            ("fly", "response_time"): shop.response_time,
            ("cloudflare-r2", "storage"): shop.photos,
            ("firebase", "active_users"): lambda at: round(0.58 * shop.users(at)),
        },
        rates={
            **{("supabase", f"{kind}_requests"): of_requests(share) for kind, share in _KINDS.items()},
            # Seconds that two cores are busy.
            ("supabase", "cpu_seconds"): Rate(lambda at: 7200 * (0.06 + 0.22 * rhythm(at))),
            ("fly", "requests"): Rate(shop.requests),
            ("fly", "failures"): Rate(shop.failures),
            ("fly", "egress"): of_requests(21e3),
            ("cloudflare-r2", "class_a_operations"): of_requests(0.02),
            ("cloudflare-r2", "class_b_operations"): of_requests(0.6),
            ("cloudflare-r2", "egress"): of_requests(90e3),
            # The SDK sends one of five failed requests, and what else goes wrong.
            ("sentry", "errors"): Rate(lambda at: 0.2 * shop.failures(at) + 0.0012 * shop.users(at)),
            ("sentry", "transactions"): of_requests(0.02),
            ("resend", "emails"): Rate(shop.emails, most_a_day=_MOST_MAILS),
            ("firebase", "events"): of_requests(1.7),
        },
        plans={"supabase": "free", "resend": "free"},
        outages=(
            Outage("resend", 19.0, 19.5, 503),
            Outage("fly", 33.6, 34.6, 503),
            Outage("own/accounts", 58.0, math.inf, 404),
        ),
    )
