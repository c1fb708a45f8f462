"""What one poll has come to so far, for collectors that ask several things, each of which may fail alone."""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from advisor.core.model import Gap, Limit, Quality, Reading, Term
from advisor.polling.contract import (
    Answer,
    CollectError,
    Forbidden,
    Poll,
    Throttled,
    TokenRefused,
    Unexpected,
    Unreachable,
)

__all__ = ["Found"]

_SOURCE = "provider API"


@dataclass(slots=True)
class Found:
    """Collects readings, terms and gaps, and lets a part of a poll fail alone."""

    poll: Poll
    readings: list[Reading] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    keep: dict[str, Any] = field(default_factory=dict)
    evidence: dict[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    _answered: int = 0
    _failed: CollectError | None = None
    _throttled: Throttled | None = None

    @property
    def now(self) -> datetime:
        """The time of the poll."""
        return self.poll.now

    def level(
        self, metric: str, value: float | None, part: str = "", *, quality: Quality = Quality.MEASURED
    ) -> None:
        """Add a value of now; None is none, and what is told already stays."""
        told = any((one.metric, one.part) == (metric, part) for one in self.readings)
        if value is not None and not told:
            self.readings.append(Reading(metric, value, self.now, part=part, quality=quality))

    def limit(self, metric: str, limit: Limit, value: float | None, source: str = _SOURCE) -> None:
        """Add a limit that the provider reports, in the base unit; None is none."""
        if value is not None:
            self.terms.append(Term("limit", value, source, self.now, metric, limit))

    def plan(self, name: str) -> None:
        """Add the plan that is in force."""
        self.terms.append(Term("plan", name, _SOURCE, self.now))

    async def attempt(self, what: str, metrics: Sequence[str], part: Coroutine[Any, Any, None]) -> None:
        """Let one part of the poll run; where it fails, that is a gap.

        Raises:
            TokenRefused: The credential is wrong, so that nothing else would do better.
        """
        if self._throttled is not None:
            self.gaps.append(Gap(what, str(self._throttled), tuple(metrics)))
            part.close()
            return
        try:
            await part
            self._answered += 1
        except (Forbidden, Unexpected, Unreachable) as error:
            self._fail(what, metrics, error)
        except Throttled as error:
            self._throttled = error
            self._fail(what, metrics, error)
        except TokenRefused as error:
            if not self._answered:
                raise
            self._fail(what, metrics, error)

    def _fail(self, what: str, metrics: Sequence[str], error: CollectError) -> None:
        self._failed = self._failed or error
        self.gaps.append(Gap(what, str(error), tuple(metrics)))

    def answer(self) -> Answer:
        """Return all of it.

        Raises:
            CollectError: A part failed, and nothing at all was read; it is the first one's error.
        """
        if self._failed is not None and not (self._answered or self.readings or self.terms):
            raise self._failed
        return Answer(self.readings, self.terms, self.gaps, self.keep, self.evidence)
