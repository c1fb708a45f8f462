"""The workloads: what runs, how often, and what makes each of them hard to see in moments."""

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["SETUP", "WORKLOADS", "Workload"]

#: 100,000 accounts of some 13 MB, and 60,000 wide rows of some 120 MB: four times the shared buffers.
SETUP = (
    "CREATE EXTENSION pg_stat_statements",
    "CREATE TABLE accounts AS SELECT id, id * 3 AS balance, "
    "CASE WHEN id <= 2000 THEN 0 ELSE id END AS owner, repeat('x', 80) AS note "
    "FROM generate_series(1, 100000) AS id",
    "ALTER TABLE accounts ADD PRIMARY KEY (id)",
    "CREATE INDEX ON accounts (owner)",
    "CREATE TABLE wide AS SELECT id, repeat(md5(id::text), 60) AS body FROM generate_series(1, 60000) AS id",
    "ALTER TABLE wide ALTER body SET STORAGE PLAIN",
    "UPDATE wide SET body = body",
    "VACUUM FULL wide",
    "ALTER TABLE wide ADD PRIMARY KEY (id)",
    "CREATE TABLE hot AS SELECT id, 0 AS count FROM generate_series(1, 10) AS id",
    "ALTER TABLE hot ADD PRIMARY KEY (id)",
    "ANALYZE",
)

POINT = "\\set id random(1, 100000)\nSELECT balance FROM accounts WHERE id = :id;\n"
REPORT = "\\set id random(1, 50000)\nSELECT sum(balance), max(note) FROM accounts WHERE id > :id;\n"
RANGE = "\\set id random(1, 90000)\nSELECT sum(balance) FROM accounts WHERE id BETWEEN :id AND :id + 2000;\n"
WRITE = "\\set id random(1, 100000)\nUPDATE accounts SET balance = balance + 1 WHERE id = :id;\n"
#: Owner 0 has 2,000 accounts, everybody else one: one statement, two speeds.
OWNER = (
    "\\set rich random(1, 100)\n\\set id random(2001, 100000)\n"
    "\\if :rich <= 8\n\\set id 0\n\\endif\n"
    "SELECT count(*), max(md5(md5(note || balance))) FROM accounts WHERE owner = :id;\n"
)
#: The row stays locked for as long as the transaction sleeps; two clients meet on one of ten rows.
LOCKED = (
    "\\set id random(1, 3)\n"
    "UPDATE hot SET count = count + 1 WHERE id = :id AND pg_sleep(0.002 + 0.004 * random()) IS NOT NULL;\n"
)
COLD = "\\set id random(1, 60000)\nSELECT length(body) FROM wide WHERE id = :id;\n"
PLANNED = (
    "\\set id random(1, 100000)\n"
    "SELECT a.balance FROM accounts a JOIN accounts b ON b.id = a.id + 1 JOIN accounts c ON c.id = b.id + 1 "
    "JOIN accounts d ON d.id = c.id + 1 JOIN accounts e ON e.id = d.id + 1 WHERE a.id = :id;\n"
)


def waits(median: float, sigma: float, columns: int = 1) -> str:
    """Return a script whose one statement takes a log-normal time (median in ms).

    The server makes it normal out of two uniform numbers (Box and Muller), since pgbench knows no cosine.
    pg_stat_statements tells statements apart by their shape, so each has its number of `columns`.
    """
    normal = "sqrt(-2 * ln(:u / 1000000.0)) * cos(6.283185307 * :v / 1000000.0)"
    return (
        "\\set u random(1, 1000000)\n\\set v random(1, 1000000)\n"
        f"SELECT pg_sleep({median / 1000} * exp({sigma} * {normal})){', 1' * (columns - 1)};\n"
    )


@dataclass(frozen=True)
class Workload:
    """Scripts of one statement each with their weights, by so many clients at so many transactions a second.

    `rate` 0 is as fast as it goes. `mode` is pgbench's query mode. `settings` hold for the workload. `cold`
    has the system forget the data files all the time.
    """

    name: str
    scripts: Sequence[tuple[str, int]]
    rate: int = 0
    mode: str = "prepared"
    settings: dict[str, str] = field(default_factory=dict)
    cold: bool = False


WORKLOADS = (
    Workload("one kind: point selects", [(POINT, 1)], rate=500),
    Workload("one kind: ranges of 2,000 rows", [(RANGE, 1)], rate=300),
    Workload(
        "mixed: point 70 %, about 20 ms 25 %, about 120 ms 5 %",
        [(POINT, 70), (waits(20, 0.5), 25), (waits(120, 0.5, 2), 5)],
    ),
    Workload("heavy tail: log-normal, sigma 1, about 4 ms", [(waits(4, 1.0), 1)]),
    Workload("lock waits: two clients on three rows", [(LOCKED, 1)]),
    Workload("cold cache: every file forgotten ten times a second", [(COLD, 1)], rate=500, cold=True),
    Workload("many cheap, few slow: point 98 %, report 2 %", [(POINT, 98), (REPORT, 2)], rate=300),
    Workload("two speeds of one statement: 8 % read 2,000 rows", [(OWNER, 1)], rate=300),
    Workload(
        "planning: a join of five, planned each time, track_planning on",
        [(PLANNED, 1)],
        rate=200,
        mode="simple",
        settings={"pg_stat_statements.track_planning": "on"},
    ),
    Workload(
        "writes: an UPDATE, flushed at each COMMIT",
        [(WRITE, 1)],
        rate=200,
        settings={"fsync": "on", "synchronous_commit": "on"},
    ),
)
