"""Any S3-compatible bucket, by walking its listing: bytes stored. Opt-in, for every page costs a request.

API     GET /{bucket}?list-type=2 (or ?versions), path style, signed (SigV4), 1,000 keys a page.
Token   an access key with s3:ListBucket; with `versions: true` also s3:ListBucketVersions. Never more.
Quirks  The protocol has no size of a bucket and tells neither requests nor egress, cost or quota: use the
        provider's own collector where there is one. A walk asks one request for each thousand objects, as a
        rule once a day, and goes on with the next poll where one does not suffice; what changed meanwhile
        makes it an estimate. Between walks the last total is said again, as an estimate. Over `max_pages`
        it stops and says how much there is at least. Earlier versions count only with `versions: true`;
        unfinished uploads never do. Both are billed. Signing needs the extra `aws`.
        The description is AWS' own, no OpenAPI: samples are held to its documentation. Not confirmed: which
        stores lack list-type=2.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors.s3_compatible.listing import Page, page_of, refusal
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Quality, Reading
from advisor.polling.contract import About, Access, Answer, Budget, Poll, Tier, Verified
from advisor.polling.fetch import fetch, place
from advisor.polling.sigv4 import Keys, signed

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "s3-compatible"
METRICS = (VOCABULARY["storage"],)
SCOPES = ("s3:ListBucket", "s3:ListBucketVersions")
INTERVAL = 1800.0
ABOUT = About(
    title="S3-compatible bucket",
    access=(
        Access(Tier.NOTHING, "figures by hand", "the storage that you state"),
        Access(Tier.READ, SCOPES[0], "bytes of the current objects", "names and sizes of all objects"),
        Access(Tier.READ, SCOPES[1], "bytes of earlier versions too", "names and sizes of deleted objects"),
    ),
    open=("which stores lack list-type=2",),
    delay="up to a day, by `every`",
    connect=(
        "Create an access key that may s3:ListBucket on this one bucket and nothing else.",
        "Put it into `access_key_id:` and `secret_access_key:` as ${NAME}, the address into `base_url:`.",
        "Set `walk: true` once you know what a listing of all objects costs there.",
    ),
    example={
        "base_url": "https://s3.example.com",
        "bucket": "photos",
        "access_key_id": "EXAMPLE_KEY",
        "secret_access_key": "s3_example_secret",
        "walk": True,
    },
    budget=Budget(6000, 60.0, "bucket", "none is documented in common; this one is careful"),
)

_SECONDS = 20.0  # Of a poll, after which the walk goes on with the next one.
_PER_POLL = 150  # Pages of a poll.


class Settings(BaseModel):
    """What advisor.yaml says about a bucket."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str = Field(description="The store's address: https://s3.example.com.")
    bucket: str = Field(description="The bucket's name.", min_length=1)
    access_key_id: str = Field(description="The key's id.")
    secret_access_key: SecretStr = Field(description="The key's secret.")
    session_token: SecretStr | None = Field(None, description="For temporary keys.")
    region: str = Field("us-east-1", description="As the store calls it; `auto` where it has none.")
    prefix: str = Field("", description="Only objects whose name begins so.")
    walk: bool = Field(False, description="List all objects: one billed request for each thousand.")
    versions: bool = Field(False, description="Count earlier versions too.")
    every: float = Field(86_400.0, ge=3600, description="Seconds between the beginnings of two walks.")
    max_pages: int = Field(1000, ge=1, le=20_000, description="Requests that a walk may take.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return the bytes stored, once a walk is through; the last total until then.

    Raises:
        CollectError: The store cannot be reached, refuses, or answers in another shape.
        InputError: The extra `aws` is not installed.
    """
    if not settings.walk:
        why = (
            "a bucket tells its size only by listing all objects, a billed request for each thousand: set "
            "`walk: true`, or state it by hand"
        )
        return Answer(gaps=[Gap("storage", f"{_where(settings)}: {why}", ("storage",))])
    walk = _Walk.of(poll.previous, settings, poll.now)
    if not walk.rests:
        await _go_on(poll, settings, walk)
    return walk.answer(_where(settings), settings, poll.now)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Return that the key may list, by one page of one key.

    Raises:
        CollectError: As `collect`.
    """
    await _page(poll, settings, {}, 1)
    return Verified(settings.access_key_id, (SCOPES[1] if settings.versions else SCOPES[0],))


@dataclass(slots=True)
class _Walk:
    """How far a walk has come; `rests` where the next one is not due yet."""

    began: float
    cursor: dict[str, str] = field(default_factory=dict)
    size: float = 0.0
    objects: int = 0
    pages: int = 0
    polls: int = 0
    over: bool = False
    capped: bool = False
    last: Mapping[str, Any] = field(default_factory=dict)
    rests: bool = False

    @classmethod
    def of(cls, kept: Mapping[str, Any], settings: Settings, now: datetime) -> "_Walk":
        """Return the walk that was begun, or a new one where it is due or asks for something else."""
        what = _what(settings)
        if kept.get("what") != what:
            return cls(now.timestamp())
        walk = cls(
            kept["began"],
            dict(kept["cursor"]),
            kept["size"],
            kept["objects"],
            kept["pages"],
            kept["polls"],
            kept["over"],
            kept["capped"],
            kept["last"],
        )
        if not (walk.over or walk.capped):
            return walk
        if now.timestamp() - walk.began < settings.every:
            walk.rests = True
            return walk
        return cls(now.timestamp(), last=walk.last)

    def add(self, page: Page) -> None:
        """Count a page."""
        self.size += page.size
        self.objects += page.objects
        self.pages += 1
        self.cursor = dict(page.next)
        self.over = not page.next

    def answer(self, where: str, settings: Settings, now: datetime) -> Answer:
        """Return what is known now."""
        gaps = []
        readings = []
        fresh = self.over and not self.rests
        if fresh:
            self.last = {"size": self.size, "objects": self.objects, "at": now.timestamp()}
        if self.capped:
            why = (
                f"more than {settings.max_pages} pages: there are at least {self.size:.0f} bytes in "
                f"{self.objects} objects; raise `max_pages` (each is a billed request), or name a `prefix`"
            )
            gaps.append(Gap("storage", f"{where}: {why}", ("storage",)))
        elif self.last:
            quality = Quality.MEASURED if fresh and self.polls == 1 else Quality.ESTIMATED
            readings.append(Reading("storage", float(self.last["size"]), now, quality=quality))
        if not (self.over or self.capped):
            why = f"the walk goes on with the next poll, after {self.pages} pages and {self.objects} objects"
            gaps.append(Gap("storage", f"{where}: {why}", ("storage",)))
        evidence = {}
        if self.last:
            at = datetime.fromtimestamp(self.last["at"], UTC)
            row = {"objects": str(self.last["objects"]), "bytes": f"{self.last['size']:.0f}"}
            evidence["Last walk"] = [{**row, "at": f"{at:%Y-%m-%d %H:%M} UTC"}]
        keep = {
            "what": _what(settings),
            "began": self.began,
            "cursor": self.cursor,
            "size": self.size,
            "objects": self.objects,
            "pages": self.pages,
            "polls": self.polls,
            "over": self.over,
            "capped": self.capped,
            "last": dict(self.last),
        }
        return Answer(readings, gaps=gaps, keep=keep, evidence=evidence)


async def _go_on(poll: Poll, settings: Settings, walk: _Walk) -> None:
    until = time.monotonic() + _SECONDS
    walk.polls += 1
    for _ in range(_PER_POLL):
        if walk.pages >= settings.max_pages:
            walk.capped = True
            return
        walk.add(await _page(poll, settings, walk.cursor, 1000))
        if walk.over or time.monotonic() > until:
            return


async def _page(poll: Poll, settings: Settings, cursor: Mapping[str, str], most: int) -> Page:
    query = {"versions": ""} if settings.versions else {"list-type": "2"}
    query |= {"max-keys": str(most), "prefix": settings.prefix, **cursor}
    if not settings.prefix:
        del query["prefix"]
    encoded = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(query.items()))
    url = f"{settings.base_url.rstrip('/')}/{quote(settings.bucket, safe='')}?{encoded}"
    keys = Keys(settings.access_key_id, settings.secret_access_key, settings.session_token)
    headers = signed(keys, "GET", url, service="s3", region=settings.region)
    right = SCOPES[1] if settings.versions else SCOPES[0]
    reply = await fetch(poll.http, url, where=_where(settings), now=poll.now, headers=headers, right=right)
    if not 200 <= reply.status < 300:
        raise refusal(reply)
    return page_of(reply.body, _where(settings))


def _where(settings: Settings) -> str:
    return f"the bucket at {place(settings.base_url)}"


def _what(settings: Settings) -> list[Any]:
    return [settings.base_url, settings.bucket, settings.prefix, settings.versions]
