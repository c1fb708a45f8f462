"""Backblaze B2: storage, egress and transactions by day from usage reports; storage now by a walk.

API     Native API v4: b2_authorize_account, the daily usage report in the bucket b2-reports-<account>, and
        with `walk: true` b2_list_buckets and b2_list_file_versions, 10,000 files a page.
Token   an application key with readFiles and listFiles on the bucket of the reports; for the walk listBuckets
        and listFiles. Not the master key.
Quirks  There is no usage API, no price and no cap to be read. Reports come the day after, once switched on; a
        day without one is a gap. GB are 10⁹. Storage is a day's byte-hours by 24. The account's own row
        overlaps with the buckets': calls are taken from it, bytes from the buckets. `operations` are those of
        class C. A cap that is reached shows only when it refuses us: then `restricted` is 1. A walk costs a
        class C call for each 1,000 files, counts all versions, and leaves out unfinished large files.
        Not confirmed: the codes of reached caps, whether favoured egress is within downloaded_bytes (it is
        not taken off), whether reports are there without asking support. The description that samples are
        held to is not Backblaze's own; the report has none.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors.backblaze.api import DEFAULT, WHERE, Api, CapReached, buckets, capabilities
from advisor.collectors.backblaze.report import parse
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Quality, Reading
from advisor.polling.body import Body
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    Budget,
    Forbidden,
    Poll,
    Tier,
    Unexpected,
    Verified,
)

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "backblaze"
METRICS = tuple(
    VOCABULARY[name]
    for name in (
        "storage", "egress", "class_a_operations", "class_b_operations", "operations", "restricted",
    )
)  # fmt: skip
SCOPES = ("readFiles", "listFiles", "listBuckets")
INTERVAL = 10_800.0
ABOUT = About(
    title="Backblaze B2",
    access=(
        Access(Tier.NOTHING, "figures by hand", "what you state of the console's reports page"),
        Access(
            Tier.READ,
            "readFiles on the bucket of the reports",
            "storage, egress and calls by day",
            "usage by bucket, names of buckets",
        ),
        Access(
            Tier.READ,
            "listBuckets, listFiles",
            "storage now, by a walk",
            "names and sizes of all files",
        ),
    ),
    products=("b2",),
    spec="backblaze/b2-native-api-v4-unofficial.yaml",
    open=("codes of reached caps", "whether favoured egress is within downloaded_bytes"),
    dashboard="https://secure.backblaze.com/reports.htm",
    delay="a day",
    connect=(
        "Switch usage reports on: an organisation under Report Settings; else ask Backblaze's support.",
        "Open Application Keys, Add a New Application Key, read only, on the bucket b2-reports-....",
        "Put it into `key_id:` and `application_key:` as ${NAME}.",
    ),
    example={"key_id": "0050a1b2c3d4e5f000000001", "application_key": "backblaze_example_key", "walk": True},
    budget=Budget(300, 60.0, "account", "far below the documented 500 a second"),
)

_LOOK_BACK = 31  # Days, at first.
_LATE = 2  # Days that are asked again.
_DAILY = timedelta(hours=23)
_PAGE = 10_000
_ENOUGH = frozenset({"listBuckets", "listFiles", "readBuckets", "readFiles", "shareFiles"})


class Settings(BaseModel):
    """What advisor.yaml says about Backblaze B2."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key_id: str = Field(description="The application key's id.")
    application_key: SecretStr = Field(description="The application key.")
    bucket: str = Field("", description="One bucket by name; empty: all of the account.")
    report: str = Field(
        "", description="The report's file name, where it is not usage.account-<account>.csv."
    )
    walk: bool = Field(False, description="Once a day list all files: a class C call for each 1,000.")
    max_pages: int = Field(20, ge=1, le=100, description="Pages of 10,000 files that a walk may take.")
    base_url: str = Field(DEFAULT, description="Another address of the API.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what the reports say of the days up to yesterday, and what a walk finds now.

    Raises:
        CollectError: B2 cannot be reached, refuses the key, or answers in another shape.
    """
    readings: list[Reading] = []
    gaps: list[Gap] = []
    keep: dict[str, Any] = dict(poll.previous)
    evidence: dict[str, list[Mapping[str, str]]] = {}
    try:
        api = await _sign_in(poll, settings)
        try:
            await _reports(api, settings, readings, gaps)
        except Forbidden as error:
            if not settings.walk:
                raise
            gaps.append(Gap("usage reports", str(error), ("egress", "class_b_operations", "operations")))
        if settings.walk and _due(poll, keep):
            sizes = await _walk(api, settings, gaps)
            keep |= {"walked": poll.now.timestamp(), "total": None}
            if sizes is not None:
                keep["total"] = sum(sizes.values())
                readings.append(Reading("storage", keep["total"], poll.now))
                largest = sorted(sizes.items(), key=lambda one: -one[1])[:20]
                evidence["Largest"] = [{"name": name, "bytes": f"{size:.0f}"} for name, size in largest]
        elif settings.walk and isinstance(keep.get("total"), int | float):
            said_again = Quality.ESTIMATED
            readings.append(Reading("storage", keep["total"], poll.now, quality=said_again))
    except CapReached as error:
        readings.append(Reading("restricted", 1.0, poll.now))
        gaps.append(Gap("usage", str(error), ("storage", "egress")))
        keep["capped"] = True
    else:
        if keep.pop("capped", False):  # Known to be over, for calls go through again.
            readings.append(Reading("restricted", 0.0, poll.now))
    return Answer(readings, gaps=gaps, keep=keep, evidence=evidence)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Return whose the key is, what it may and when it ends.

    Raises:
        CollectError: It is refused, or B2 cannot be reached.
    """
    api = await _sign_in(poll, settings)
    rights = capabilities(api.body)
    ends = api.body.number("applicationKeyExpirationTimestamp")
    return Verified(
        api.account,
        rights,
        tuple(one for one in rights if one not in _ENOUGH),
        None if ends is None else datetime.fromtimestamp(ends / 1000, UTC),
    )


async def _sign_in(poll: Poll, settings: Settings) -> Api:
    secret = settings.application_key.get_secret_value()
    return await Api.sign_in(poll, settings.base_url.rstrip("/"), settings.key_id, secret)


async def _reports(api: Api, settings: Settings, readings: list[Reading], gaps: list[Gap]) -> None:
    today = api.poll.now.astimezone(UTC).date()
    first = today - timedelta(days=_LOOK_BACK)
    if api.poll.since is not None:
        first = max(first, api.poll.since.astimezone(UTC).date() - timedelta(days=_LATE))
    day = today - timedelta(days=1)
    holes: list[date] = []
    missing: list[date] = []
    found = False
    while day >= first and len(missing) <= _LATE:  # More in a row: they had not begun to be written.
        text = await api.report(day, settings.report)
        if text is None:
            missing.append(day)
        else:
            found = True
            holes += missing
            missing = []
            readings += parse(text, settings.bucket, WHERE)
        day -= timedelta(days=1)
    metrics = tuple(metric.name for metric in METRICS if metric.name != "restricted")
    if not found:
        why = (
            "there are no usage reports: switch them on (see the page of this provider), or set `walk: true`"
        )
        gaps.append(Gap("usage reports", f"{WHERE}: {why}", metrics))
    elif holes:
        days = ", ".join(one.isoformat() for one in holes[:5])
        gaps.append(Gap("usage reports", f"{WHERE}: no report of {days}, which is not zero", metrics))


async def _walk(api: Api, settings: Settings, gaps: list[Gap]) -> dict[str, float] | None:
    """Return the bytes of all versions by bucket; None where there are too many."""
    asked: list[dict[str, Any]] = [{"bucketName": settings.bucket} if settings.bucket else {}]
    if not settings.bucket and (limited := buckets(api.body)):
        asked = [{"bucketId": one} for one in limited]  # Such a key may not list the others.
    found: list[Body] = []
    for one in asked:
        listed = await api.call("b2_list_buckets", {"accountId": api.account, **one}, "listBuckets")
        found += listed["buckets"].each()
    sizes: dict[str, float] = {}
    pages = 0
    for bucket in found:
        name = bucket.text("bucketName")
        sizes[name] = 0.0
        cursor: dict[str, Any] | None = {}
        while cursor is not None:
            if pages >= settings.max_pages:
                why = (
                    f"more than {settings.max_pages} pages of files, with at least {sum(sizes.values()):.0f} "
                    "bytes: raise `max_pages` (each is ten class C calls), or name a `bucket`"
                )
                gaps.append(Gap("storage", f"{WHERE}: {why}", ("storage",)))
                return None
            pages += 1
            more = {"bucketId": bucket.text("bucketId"), "maxFileCount": _PAGE, **cursor}
            page = await api.call("b2_list_file_versions", more, "listFiles")
            sizes[name] += size_of(page)
            cursor = next_of(page)
    if settings.bucket and settings.bucket not in sizes:
        raise Unexpected(f"{WHERE}: there is no such bucket that this key sees; check `bucket`")
    return sizes


def size_of(page: Body) -> float:
    """Return the bytes of a page's versions. Pure."""
    return sum(one.number("contentLength") or 0.0 for one in page["files"].each())


def next_of(page: Body) -> dict[str, Any] | None:
    """Return what asks for the page after; None: this is the last. Pure."""
    name, key = page.get("nextFileName"), page.get("nextFileId")
    if name is None:
        return None
    return {"startFileName": name.text(), **({"startFileId": key.text()} if key is not None else {})}


def _due(poll: Poll, keep: Mapping[str, Any]) -> bool:
    at = keep.get("walked")
    return not isinstance(at, int | float) or poll.now.timestamp() - at >= _DAILY.total_seconds()
