"""A chat on Workers and a database of its own grows towards 50,000 users.

What happens, by day:

19  the mail provider's API answers 503 for half a day
33  a new release needs too much CPU for most of a day, and the provider's analytics fail for most of the next
41  a launch: users, messages and files grow faster for a week
52  fifty thousand users: the document says what comes next
58  the endpoint that counts users is gone
"""

import math
from datetime import datetime, timedelta

from advisor.demo.world import Outage, Rate, World, noise, rhythm

__all__ = ["world"]

_SLOW = (33.2, 33.9)
_R2, _KV, _CDN = "cloudflare-r2", "cloudflare-kv", "cloudflare-cdn"
_WORKERS, _OBJECTS, _QUEUES = "cloudflare-workers", "cloudflare-durable-objects", "cloudflare-queues"


class _Chat:
    def __init__(self, start: datetime) -> None:
        self.start = start

    def day(self, at: datetime) -> float:
        return (at - self.start) / timedelta(days=1)

    def users(self, at: datetime) -> float:
        """Registered users: 90 a day, and a launch that brings 2,600 in its week."""
        day = self.day(at)
        launch = 2600 * (1 - math.exp(-max(0.0, day - 41) / 3))
        return math.floor(43_000 + 90 * day + launch)

    def requests(self, at: datetime) -> float:
        """Requests an hour to the Workers: thirty a day and user, most of them by sockets' first steps."""
        return 2.2 * self.users(at) * rhythm(at)

    def cpu_time(self, at: datetime) -> float:
        """Seconds of CPU of a request, 99th of hundred; one release needs five times as much."""
        begin, end = _SLOW
        slow = 5.0 if begin <= self.day(at) < end else 1.0
        return slow * (0.014 + 0.004 * rhythm(at) + 0.0005 * noise(self.day(at), 1))

    def storage(self, at: datetime) -> float:
        """Bytes in the database: half a megabyte a user, and 95 MB a day of messages."""
        day = self.day(at)
        return round(18.5e9 + 0.5e6 * self.users(at) + 95e6 * day + 4e6 * noise(day, 2))


def world(start: datetime) -> World:
    """Return the story from `start` on."""
    chat = _Chat(start)

    def of_requests(share: float) -> Rate:
        return Rate(lambda at: share * chat.requests(at))

    return World(
        start,
        levels={
            ("own", "users"): chat.users,
            ("neon", "storage"): chat.storage,
            (_WORKERS, "cpu_time"): chat.cpu_time,
            (_WORKERS, "response_time"): lambda at: 0.06 + 4 * chat.cpu_time(at),
            (_R2, "storage"): lambda at: round(350e9 + 1.5e6 * chat.users(at) + 0.9e9 * chat.day(at)),
            (_KV, "storage"): lambda at: round(3e3 * chat.users(at)),
            (_OBJECTS, "storage"): lambda at: round(12e3 * chat.users(at)),
            (_CDN, "cache_hit_rate"): lambda at: 0.985 + 0.01 * noise(chat.day(at), 3),
            (_CDN, "bandwidth_saved"): lambda at: 0.93 + 0.01 * noise(chat.day(at), 4),
        },
        rates={
            ("neon", "compute_seconds"): Rate(lambda at: 3600 * (0.6 + 2.2 * rhythm(at))),
            ("neon", "egress"): of_requests(2_500),
            (_WORKERS, "requests"): of_requests(1.0),
            (_WORKERS, "failures"): of_requests(0.0015),
            (_WORKERS, "egress"): of_requests(9_000),
            (_WORKERS, "cpu_micros"): Rate(lambda at: chat.requests(at) * chat.cpu_time(at) / 4 * 1e6),
            (_R2, "class_a_operations"): of_requests(0.01),
            (_R2, "class_b_operations"): of_requests(0.15),
            (_R2, "egress"): of_requests(45_000),
            (_KV, "reads"): of_requests(0.9),
            (_KV, "writes"): of_requests(0.01),
            (_OBJECTS, "requests"): of_requests(0.6),
            (_OBJECTS, "gb_seconds"): of_requests(0.08),
            (_OBJECTS, "reads"): of_requests(2.0),
            (_OBJECTS, "writes"): of_requests(0.7),
            (_QUEUES, "operations"): of_requests(0.09),
            (_CDN, "requests"): of_requests(1.4),
            (_CDN, "egress"): of_requests(60_000),
            ("sentry", "errors"): Rate(lambda at: 0.00025 * chat.requests(at)),
            ("sentry", "transactions"): of_requests(0.002),
            ("resend", "emails"): Rate(lambda at: chat.users(at) / 40 / 24),
        },
        plans={"neon": "scale", "resend": "pro", "cloudflare-workers": "paid"},
        outages=(
            Outage("resend", 19.0, 19.5, 503),
            Outage("cloudflare", 33.6, 34.6, 503),
            Outage("own/accounts", 58.0, math.inf, 404),
        ),
    )
