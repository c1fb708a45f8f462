"""A learning product on managed services, with sign-ups that pay.

What happens, by day:

19  the mail provider's API answers 503 for half a day
33  the product is down for most of a day, and the monitoring's own API for most of the next
41  a launch: for a week more mail, more users from then on
48  the free plan's mails of a month come to their end
52  the database is four fifths full, its limit weeks away
58  the endpoint that counts users is gone
"""

import math
from datetime import datetime, timedelta

from advisor.demo.world import Outage, Rate, World, noise, rhythm

__all__ = ["world"]

_LAUNCH = {41: 1.6, 42: 1.8, 43: 1.5, 44: 1.4, 45: 1.3, 46: 1.2, 47: 1.1}
_DOWN, _MOST_MAILS = (33.2, 33.9), 100
_KINDS = {"auth": 0.12, "realtime": 0.2, "rest": 0.6, "storage": 0.08}


class _School:
    def __init__(self, start: datetime) -> None:
        self.start = start

    def day(self, at: datetime) -> float:
        return (at - self.start) / timedelta(days=1)

    def users(self, at: datetime) -> float:
        """Registered users: 55 a day, and a launch that brings 700 in its week."""
        day = self.day(at)
        return math.floor(5_200 + 55 * day + 700 * (1 - math.exp(-max(0.0, day - 41) / 3)))

    def requests(self, at: datetime) -> float:
        """Requests an hour; none while the product is down."""
        begin, end = _DOWN
        return 0.0 if begin <= self.day(at) < end else 1.4 * self.users(at) * rhythm(at)

    def storage(self, at: datetime) -> float:
        """Bytes in the database: 0.4 megabytes a user, and 14 MB a day of logs."""
        day = self.day(at)
        return round(2.6e9 + 0.42e6 * self.users(at) + 14e6 * day + 3e6 * noise(day, 1))


def world(start: datetime) -> World:
    """Return the story from `start` on."""
    school = _School(start)

    def of_requests(share: float) -> Rate:
        return Rate(lambda at: share * school.requests(at))

    def of_users(share: float) -> Rate:
        """So many a user and day."""
        return Rate(lambda at: share * school.users(at) * rhythm(at) / 12)

    def emails(at: datetime) -> float:
        return school.users(at) / 115 / 24 * _LAUNCH.get(math.floor(school.day(at)), 1.0)

    return World(
        start,
        levels={
            ("own", "users"): school.users,
            ("supabase", "storage"): school.storage,
            ("supabase", "connections"): lambda at: float(round(4 + 7 * rhythm(at))),
            ("supabase", "max_connections"): lambda _: 60.0,
            ("supabase", "disk_size"): lambda _: 16_484_900_864.0,
            ("supabase", "disk_used"): lambda at: 0.2e9 + 1.02 * school.storage(at),
            ("supabase", "memory"): lambda at: round(560e6 + 120e6 * rhythm(at)),
            ("supabase", "memory_total"): lambda _: 9.6e8,
            ("axiom", "monitors"): lambda _: 2.0,
            ("posthog", "active_users"): lambda at: round(0.44 * school.users(at)),
            ("better-stack", "monitors"): lambda _: 3.0,
            ("eas", "active_users"): lambda at: round(0.14 * school.users(at)),
            ("vercel", "domains"): lambda _: 1.0,
            ("vercel", "projects"): lambda _: 2.0,
        },
        rates={
            **{("supabase", f"{kind}_requests"): of_requests(share) for kind, share in _KINDS.items()},
            ("supabase", "cpu_seconds"): Rate(lambda at: 7200 * (0.08 + 0.3 * rhythm(at))),
            ("vercel", "egress"): of_requests(22_000),
            ("vercel", "requests"): of_requests(1.0),
            ("vercel", "invocations"): of_requests(0.4),
            ("vercel", "gb_hours"): of_requests(0.00006),
            ("vercel", "builds"): Rate(lambda _: 3.1 / 24),
            ("eas", "builds"): Rate(lambda _: 0.7 / 24),
            ("eas", "egress"): of_users(55_000),
            ("lemon-squeezy", "revenue"): Rate(lambda at: school.users(at) / 900 / 24),
            ("resend", "emails"): Rate(emails, most_a_day=_MOST_MAILS),
            ("inngest", "runs"): Rate(lambda at: school.users(at) / 140 / 24),
            ("sentry", "errors"): of_requests(0.0012),
            ("sentry", "transactions"): of_requests(0.02),
            ("axiom", "logs"): of_requests(8_000),
            ("posthog", "events"): of_requests(0.11),
        },
        plans={"supabase": "pro", "resend": "free", "vercel": "pro", "eas": "Starter"},
        outages=(
            Outage("resend", 19.0, 19.5, 503),
            Outage("better_stack", 33.6, 34.6, 503),
            Outage("own/accounts", 58.0, math.inf, 404),
        ),
        down=(_DOWN,),
    )
