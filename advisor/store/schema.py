"""The tables. One schema for SQLite and PostgreSQL; the migrations build the same.

Times are microseconds since 1970 (see `moment.py`); values are in the metric's base unit.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

from advisor.store.moment import Moment, Words

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: SQLite numbers rows by itself only where the key is exactly INTEGER.
_ID = BigInteger().with_variant(Integer(), "sqlite")


def _numbered() -> "Column[int]":
    return Column("id", _ID, primary_key=True, autoincrement=True)


def _series() -> "Column[int]":
    return Column("series_id", _ID, ForeignKey("series.id"), primary_key=True, autoincrement=False)


def _words(name: str, **more: Any) -> "Column[str]":
    return Column(name, Words(), nullable=False, **more)


#: The one row that says which revision this database has. Alembic writes it too.
schema_revision = Table(
    "schema_revision",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="schema_revision_pkc"),  # Alembic's name for it.
)

#: `revision` counts the commands' changes; `instance` names this store; `raw_since` is the first UTC day
#: whose samples are still kept.
meta = Table(
    "meta",
    metadata,
    Column("key", Words(), primary_key=True),
    Column("text", Words()),
    Column("number", BigInteger),
)

#: What a row of samples is about. `fresh` is for how many seconds its newest reading stays usable.
series = Table(
    "series",
    metadata,
    _numbered(),
    _words("subject"),
    _words("metric"),
    _words("stat"),
    _words("part"),
    _words("source"),
    _words("kind"),
    Column("fresh", Double, nullable=False),
    UniqueConstraint("subject", "metric", "stat", "part", "source"),
)

#: Polls not yet folded into chunks: one row a poll, all its samples in one blob.
recent = Table(
    "recent",
    metadata,
    _numbered(),
    Column("rows", Integer, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

#: The samples of one series on one UTC day (`day` counts from 1970), packed by `codec.py`. SQLite would put
#: all but the start of each block on a page of its own if the rows lay in their index (WITHOUT ROWID).
chunks = Table(
    "chunks",
    metadata,
    _series(),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("codec", SmallInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

#: Amounts, shares and histograms: a value from `start_at` to `end_at`. Buckets of a series never overlap.
#: A histogram without a beginning has start_at = end_at; `histogram` is JSON: [[upper edge, count], ...].
buckets = Table(
    "buckets",
    metadata,
    _series(),
    Column("end_at", BigInteger, primary_key=True, autoincrement=False),
    Column("start_at", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("of", Double),
    Column("low", Double),
    Column("high", Double),
    Column("histogram", Words()),
    Column("seen_at", BigInteger, nullable=False),
    Column("quality", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: What a bucket said before it was corrected or replaced by finer ones, and when we had seen that.
revisions = Table(
    "revisions",
    metadata,
    _numbered(),
    Column("series_id", _ID, ForeignKey("series.id"), nullable=False),
    Column("start_at", BigInteger, nullable=False),
    Column("end_at", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("of", Double),
    Column("seen_at", BigInteger, nullable=False),
    Column("quality", SmallInteger, nullable=False),
    Column("replaced_at", BigInteger, nullable=False),
    Index(None, "series_id", "end_at"),
)

#: UTC days whose roll-ups are older than their readings.
stale_days = Table(
    "stale_days",
    metadata,
    _series(),
    Column("day", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

#: A series' day in a time zone, `day` counting from 1970. `mean` is weighted by time, `weight` the seconds
#: it covers; of a share `sum` over `of` is the ratio.
daily = Table(
    "daily",
    metadata,
    _series(),
    Column("zone", Words(), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("rows", Integer, nullable=False),
    Column("sum", Double, nullable=False),
    Column("min", Double, nullable=False),
    Column("max", Double, nullable=False),
    Column("mean", Double),
    Column("weight", Double, nullable=False),
    Column("last", Double, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("of", Double),
    sqlite_with_rowid=False,
)

#: Plan, limits and prices of a subject as a time series. Neither number nor text: unlimited.
terms = Table(
    "terms",
    metadata,
    _numbered(),
    _words("subject"),
    _words("what"),
    _words("metric"),
    _words("limit_kind"),
    _words("part"),
    _words("source"),
    Column("valid_from", Moment(), nullable=False),
    Column("number", Double),
    Column("text", Words()),
    _words("confidence"),
    Column("seen_at", Moment(), nullable=False),
    UniqueConstraint(
        "subject", "what", "metric", "limit_kind", "part", "source", "valid_from", name="uq_terms"
    ),
)

#: How a source answered last; `error` is empty where it did well. JSON in gaps and evidence.
sources = Table(
    "sources",
    metadata,
    Column("subject", Words(), primary_key=True),
    Column("provider", Words(), primary_key=True),
    Column("last_poll", Moment(), nullable=False),
    Column("last_success", Moment()),
    Column("duration", Double, nullable=False),
    _words("error"),
    _words("gaps"),
)

#: What a collector wants to remember, and its evidence for people: zlib over JSON, written when changed.
kept = Table(
    "kept",
    metadata,
    Column("subject", Words(), primary_key=True),
    Column("provider", Words(), primary_key=True),
    Column("what", String(8), primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

#: Findings that are not inactive or whose clocks run. `version` is made from the row's content and guards
#: every change; `holds` is JSON.
findings = Table(
    "findings",
    metadata,
    Column("rule", Words(), primary_key=True),
    Column("subject", Words(), primary_key=True),
    Column("copy", Words(), primary_key=True),
    Column("version", String(16), nullable=False),
    Column("state", String(8), nullable=False),
    Column("since", Moment(), nullable=False),
    _words("concern"),
    Column("fired_at", Moment()),
    _words("episode"),
    Column("value", Double),
    Column("threshold", Double),
    _words("unit"),
    Column("limit_value", Double),
    _words("limit_source"),
    Column("stale", Boolean, nullable=False),
    _words("reason"),
    _words("holds"),
)

#: Every change of a finding's state. `evidence` is the id of the message that told it, where one did.
flips = Table(
    "flips",
    metadata,
    _numbered(),
    _words("rule"),
    _words("subject"),
    _words("copy"),
    Column("before", String(8), nullable=False),
    Column("after", String(8), nullable=False),
    Column("at", Moment(), nullable=False),
    Column("value", Double),
    _words("reason"),
    _words("evidence"),
    Index(None, "at"),
)

#: What people said about concerns; `ended_at` is empty while it counts.
attention = Table(
    "attention",
    metadata,
    _numbered(),
    _words("concern"),
    _words("kind"),
    _words("by"),
    Column("at", Moment(), nullable=False),
    _words("reason"),
    Column("until", Moment()),
    Column("until_value", Double),
    Column("ended_at", Moment()),
    Index(None, "concern", "ended_at"),
)

#: What people answered to recommendations, one row an answer; `ended_at` is empty while it counts, `outcome`
#: and `words` say how it ended. `share` and `value` are what a rejection waits for; `seen` is JSON: plan and
#: limit at the time of the answer; `polls` counts the provider's reports since.
answers = Table(
    "answers",
    metadata,
    _numbered(),
    _words("concern"),
    _words("said"),
    _words("by"),
    Column("at", Moment(), nullable=False),
    _words("reason"),
    _words("severity"),
    Column("until", Moment()),
    Column("share", Double),
    Column("value", Double),
    Column("stage", Integer, nullable=False),
    Column("due", Moment()),
    Column("polls", Integer, nullable=False),
    _words("seen"),
    Column("ended_at", Moment()),
    _words("outcome"),
    _words("words"),
    Index(None, "concern", "ended_at"),
)

#: The stage that a concern's recommendation has reached, where that is not the first; gone when it is over.
#: `passed` is JSON: the stages before it, [[action, when it was done], ...].
stages = Table(
    "stages",
    metadata,
    Column("concern", Words(), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("since", Moment(), nullable=False),
    _words("passed"),
)

#: Items of checklists that were done, one row each time; `ended_at` is when that was taken back.
items_done = Table(
    "items_done",
    metadata,
    _numbered(),
    _words("stack"),
    _words("item"),
    _words("by"),
    Column("at", Moment(), nullable=False),
    Column("ended_at", Moment()),
    Index(None, "stack", "item"),
)

#: What people were last told at once of a concern; gone once its end was told.
told = Table(
    "told",
    metadata,
    Column("concern", Words(), primary_key=True),
    Column("severity", String(8), nullable=False),
    Column("at", Moment(), nullable=False),
    _words("episode"),
)

#: Messages to send, and those sent. `id` is the idempotency key; `fence` counts the claims; `digest_key`
#: lets one digest a channel, kind and local date be queued, however often its clock strikes.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Words(), primary_key=True),
    _words("channel"),
    _words("kind"),
    Column("digest_key", Words(), unique=True),
    _words("payload"),
    Column("state", String(8), nullable=False),
    Column("created_at", Moment(), nullable=False),
    Column("due_at", Moment(), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_by", Words()),
    Column("claim_until", Moment()),
    Column("fence", BigInteger, nullable=False),
    _words("last_error"),
    Column("sent_at", Moment()),
    Index(None, "state", "due_at"),
)

#: Who may do what only one may do. `fence` grows with every new holder.
leases = Table(
    "leases",
    metadata,
    Column("name", Words(), primary_key=True),
    _words("owner"),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", Moment(), nullable=False),
)
