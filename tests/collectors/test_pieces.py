"""A poll in pieces: what fails alone, what ends it, and what is remembered."""

import pytest

from advisor.collectors._pieces import Piece, together
from advisor.core.model import Gap, Reading
from advisor.polling.contract import Answer, CollectError, Forbidden, Throttled, TokenRefused, Unreachable
from advisor.testing.replay import NOON

READING = Reading("instances", 1.0, NOON)


def good(key: str) -> Piece:
    async def ask() -> Answer:
        return Answer([READING], keep={key: "new"})

    return Piece(key, ask, (), {key: "old"})


def bad(key: str, error: CollectError) -> Piece:
    async def ask() -> Answer:
        raise error

    return Piece(key, ask, ("cpu",), {key: "old"})


async def test_a_failing_piece_is_a_gap_and_keeps_what_it_knew() -> None:
    answer = await together([good("a"), bad("b", Unreachable("no answer"))])
    assert answer.readings == [READING]
    assert answer.gaps == [Gap("b", "no answer", ("cpu",))]
    assert answer.keep == {"a": "new", "b": "old"}


async def test_where_all_fail_a_wrong_credential_is_named_first() -> None:
    errors = [Unreachable("x"), Forbidden("right"), TokenRefused("token")]
    with pytest.raises(TokenRefused, match="token"):
        await together([bad(str(index), error) for index, error in enumerate(errors)])


async def test_asked_too_often_what_has_not_begun_is_not_asked() -> None:
    answer = await together([good("a"), bad("b", Throttled("slower")), good("c")], at_once=1)
    assert [gap.what for gap in answer.gaps] == ["b", "c"]
    assert answer.keep == {"a": "new", "b": "old", "c": "old"}
