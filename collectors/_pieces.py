"""A poll in pieces: what one of them cannot get is a gap, and what the others got is kept.

So asks a collector of several endpoints; only where none of them gave anything, an error is raised.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from advisor.core.model import Gap
from advisor.polling.contract import Answer, CollectError, Forbidden, Throttled, TokenRefused

__all__ = ["Piece", "parsed", "together"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One endpoint: what people call it, how it is asked, which metrics are missing without it.

    `kept` is what stays remembered where it fails.
    """

    what: str
    ask: Callable[[], Awaitable[Answer]]
    metrics: tuple[str, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict)


def parsed(parse: Callable[[], Answer]) -> Callable[[], Awaitable[Answer]]:
    """Return the parse of what was asked already as something to ask: a piece of its own."""

    async def ask() -> Answer:
        return parse()

    return ask


async def together(pieces: Sequence[Piece], at_once: int = 4) -> Answer:
    """Ask all pieces, `at_once` at a time, and return the sum of what they gave.

    Once the provider says that it is asked too often, what has not begun is not asked.

    Raises:
        CollectError: No piece gave an answer; a wrong credential is named before anything else.
    """
    gate = asyncio.Semaphore(at_once)
    throttled: list[Throttled] = []

    async def one(piece: Piece) -> Answer | CollectError:
        async with gate:
            if throttled:
                return throttled[0]
            try:
                return await piece.ask()
            except Throttled as error:
                throttled.append(error)
                return error
            except CollectError as error:
                return error

    found = await asyncio.gather(*(one(piece) for piece in pieces))
    failed = [answer for answer in found if isinstance(answer, CollectError)]
    if failed and len(failed) == len(found):
        raise min(failed, key=_gravity)
    return _sum(pieces, found)


def _gravity(error: CollectError) -> int:
    if isinstance(error, TokenRefused) and not isinstance(error, Forbidden):
        return 0
    return 1 if isinstance(error, Throttled) else 2


def _sum(pieces: Sequence[Piece], found: Sequence[Answer | CollectError]) -> Answer:
    good = [answer for answer in found if isinstance(answer, Answer)]
    keep: dict[str, Any] = {}
    gaps: list[Gap] = []
    for piece, answer in zip(pieces, found, strict=True):
        if isinstance(answer, CollectError):
            gaps.append(Gap(piece.what, str(answer), piece.metrics))
            keep.update(piece.kept)
        else:
            gaps += answer.gaps
            keep.update(answer.keep)
    return Answer(
        readings=[reading for answer in good for reading in answer.readings],
        terms=[term for answer in good for term in answer.terms],
        gaps=gaps,
        keep=keep,
        evidence={title: rows for answer in good for title, rows in answer.evidence.items()},
    )
