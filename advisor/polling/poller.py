"""One poll of one source: the collector is run, what it says is checked, and failure is a fact of its own."""

import asyncio
import json
import random
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from advisor.core.fleet import Account, Service
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Metric, Observed, Term
from advisor.errors import AdvisorError, InputError
from advisor.polling.contract import (
    Answer,
    CollectError,
    Collector,
    Forbidden,
    Poll,
    Throttled,
    TokenRefused,
    Verified,
)
from advisor.polling.ration import Ration, Rationed
from advisor.polling.retry import not_before
from advisor.polling.validity import sifted, sound_terms

__all__ = ["KEEP", "PATIENCE", "Polled", "Poller", "Source", "Trouble"]

PATIENCE = 30.0  #: Seconds that a poll may take.
KEEP = 2**20  #: Bytes of JSON that a collector may keep.

if TYPE_CHECKING:
    import httpx

_FRESH_POLLS = 3.0
_Said = TypeVar("_Said")


@dataclass(frozen=True, slots=True)
class Source:
    """A service (or what stands for one) and the collector that asks it.

    `settings` makes the collector's settings when it polls, and not before: secrets are resolved then.
    `interval` is in seconds. `subject` is the readings' (by default the service's), `name` their source (by
    default the provider).
    """

    service: Service
    account: Account
    collector: Collector
    settings: Callable[[], Any]
    interval: float
    subject: str = ""
    name: str = ""
    windows: Sequence[tuple[str, str, float]] = ()

    @property
    def about(self) -> str:
        """Whom its readings are about."""
        return self.subject or self.service.subject.key

    @property
    def called(self) -> str:
        """What its readings name as their source."""
        return self.name or self.collector.PROVIDER

    @property
    def key(self) -> str:
        """The source's own name, unique in a daemon; the schedule and the store know it by this."""
        return f"{self.about}:{self.called}"


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll came to.

    `duration` is in seconds. `keep` None means that what was kept before stays. `error` is one sentence, and
    then nothing was observed; `again` says whether trying again helps, `fault` that the user's input is
    wrong, such as a credential that cannot be looked up. `retry_at` is the earliest next poll, None: at the
    usual interval.
    """

    subject: str
    provider: str
    at: datetime
    duration: float
    observed: tuple[Observed, ...] = ()
    terms: tuple[Term, ...] = ()
    gaps: tuple[Gap, ...] = ()
    keep: Mapping[str, Any] | None = None
    evidence: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    error: str | None = None
    again: bool = False
    fault: bool = False
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a collector could not be asked, in one sentence; `refused`: its credential is wrong or expired."""

    error: str
    again: bool
    fault: bool = False
    refused: bool = False
    retry_at: datetime | None = None


class Poller:
    """Runs polls with one client (None: no source asks over HTTP); it remembers failures in a row."""

    def __init__(
        self,
        http: "httpx.AsyncClient | None",
        *,
        patience: float = PATIENCE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._http = http
        self._patience = patience
        self._chance = chance
        self._failures: dict[str, int] = {}
        self._rations: dict[tuple[str, str], Ration] = {}

    def forget(self, key: str) -> None:
        """Forget the failures of a source that is gone or was configured anew."""
        self._failures.pop(key, None)

    async def poll(
        self,
        source: Source,
        now: datetime,
        since: datetime | None = None,
        previous: Mapping[str, Any] | None = None,
    ) -> Polled:
        """Ask a source once. Never raises for what a collector does; a cancelled poll ends as cancelled.

        `since` is the last poll that succeeded, `previous` what it kept.
        """
        began = time.monotonic()
        asked = await self._ask(source, now, source.collector.collect, since, previous)
        if isinstance(asked, Trouble):
            return self._failed(source, now, began, asked)
        self._failures.pop(source.key, None)
        return self._kept(source, asked, now, time.monotonic() - began)

    async def verify(self, source: Source, now: datetime) -> Verified | Trouble | None:
        """Ask whose a source's credential is and what it may; None where its collector has no such call."""
        verify = getattr(source.collector, "verify", None)
        if verify is None:
            return None
        return await self._ask(source, now, cast("Callable[[Poll, Any], Awaitable[Verified]]", verify))

    async def _ask(
        self,
        source: Source,
        now: datetime,
        call: Callable[[Poll, Any], Awaitable[_Said]],
        since: datetime | None = None,
        previous: Mapping[str, Any] | None = None,
    ) -> _Said | Trouble:
        """Return what one of a collector's coroutines says, or what kept it from it."""
        try:
            settings = source.settings()
            poll = Poll(
                self._client(source, now),
                source.service,
                source.account,
                now,
                since,
                previous or {},
                source.windows,
            )
            async with asyncio.timeout(self._patience):
                return await call(poll, settings)
        except CollectError as error:
            retry_at = error.retry_at if isinstance(error, Throttled) else None
            refused = isinstance(error, TokenRefused) and not isinstance(error, Forbidden)
            return Trouble(str(error), again=error.again, retry_at=retry_at, refused=refused)
        except AdvisorError as error:
            return Trouble(str(error), again=False, fault=isinstance(error, InputError))
        except TimeoutError:
            said = (
                f"{source.about}: {source.called} did not finish in {self._patience:g} s; it is asked again"
            )
            return Trouble(said, again=True)
        except Exception as error:  # noqa: BLE001 - a collector's fault must not end the daemon
            kind = type(error).__name__
            # The error's own text and the values in its frames may hold secrets: places alone are logged.
            from advisor.logs import get_logger  # A look at one database does without it.

            get_logger().error(
                "collector failed",
                source=source.key,
                kind=kind,
                frames="".join(traceback.format_tb(error.__traceback__)),
            )
            said = (
                f"{source.about}: a fault in the collector `{source.called}` ({kind}); the log has the place"
            )
            return Trouble(said, again=True)

    def _client(self, source: Source, now: datetime) -> "httpx.AsyncClient":
        """Return the client; where the provider limits requests, one that keeps to the account's ration."""
        budget = source.collector.ABOUT.budget
        if budget is None or self._http is None:
            return cast("httpx.AsyncClient", self._http)
        key = (source.called, source.account.key)
        ration = self._rations.setdefault(key, Ration(budget))
        rationed = Rationed(self._http, ration, now, source.collector.ABOUT.title)
        return cast("httpx.AsyncClient", rationed)

    def _kept(self, source: Source, answer: Answer, now: datetime, duration: float) -> Polled:
        metrics: dict[str, Metric] = dict(VOCABULARY)
        metrics.update((metric.name, metric) for metric in source.collector.METRICS)
        # What people enter by hand is renewed by them, however often it is read: such a collector says FRESH.
        fresh = getattr(source.collector, "FRESH", None) or _FRESH_POLLS * source.interval
        readings, refused = sifted(answer.readings, metrics, now)
        terms, refused_terms = sound_terms(answer.terms, metrics)
        gaps = [*answer.gaps, *refused, *refused_terms]
        keep: Mapping[str, Any] | None = answer.keep
        if fault := _unkeepable(answer.keep):
            keep = None
            gaps.append(Gap("memory", f"what the collector wants to remember is refused: {fault}"))
        return Polled(
            subject=source.about,
            provider=source.called,
            at=now,
            duration=duration,
            observed=tuple(
                Observed(
                    reading,
                    source.about,
                    source.called,
                    now,
                    metrics[reading.metric].fresh or fresh,
                )
                for reading in readings
            ),
            terms=tuple(terms),
            gaps=tuple(gaps),
            keep=keep,
            evidence=answer.evidence,
        )

    def _failed(self, source: Source, now: datetime, began: float, trouble: Trouble) -> Polled:
        failures = self._failures[source.key] = self._failures.get(source.key, 0) + 1
        return Polled(
            subject=source.about,
            provider=source.called,
            at=now,
            duration=time.monotonic() - began,
            error=" ".join(trouble.error.split()),
            again=trouble.again,
            fault=trouble.fault,
            retry_at=not_before(
                now,
                source.interval,
                failures,
                again=trouble.again,
                retry_at=trouble.retry_at,
                chance=self._chance(),
            ),
        )


def _unkeepable(keep: Mapping[str, Any]) -> str:
    """Return why something cannot be kept, or nothing."""
    try:
        size = len(json.dumps(keep, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError):
        return "it is no JSON"
    return f"{size} bytes of JSON are more than {KEEP}" if size > KEEP else ""
