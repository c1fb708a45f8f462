"""Blocks of samples come back bit by bit."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from advisor.store import codec

ints = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50)
any_float = st.floats(allow_nan=False, width=64)
decimals = st.integers(-(10**9), 10**9).map(lambda n: n / 100)
wholes = st.integers(-(2**53), 2**53).map(float)
columns = st.lists(st.one_of(any_float, decimals, wholes, st.just(-0.0)), min_size=1, max_size=50)


def bits(column: "np.ndarray") -> list[int]:
    return column.view(np.uint64).tolist()


@given(ints)
@example([-(2**63), 2**63 - 1, 0])
@example([2**62, -(2**62), 2**62])
def test_integers_come_back(numbers: list[int]) -> None:
    column = np.array(numbers, np.int64)
    (back,), none = codec.decode(codec.encode([column], []))
    assert back.tolist() == numbers
    assert none == []


@given(st.one_of(columns, st.lists(decimals, min_size=1), st.lists(wholes, min_size=1)))
@example([0.0, -0.0])
@example([float("inf"), 1.0])
@example([0.1, 0.2, 0.30000000000000004])
@example([2.0**53, 2.0**53 - 1])
@example([5e-324, 1.7976931348623157e308])
def test_floats_come_back_bit_by_bit(numbers: list[float]) -> None:
    column = np.array(numbers, np.float64)
    _, (back,) = codec.decode(codec.encode([], [column]))
    assert bits(back) == bits(column)


@given(st.lists(st.one_of(st.none(), any_float), min_size=1, max_size=20))
def test_missing_values_stay_missing(numbers: list[float | None]) -> None:
    column = np.array([np.nan if n is None else n for n in numbers])
    _, (back,) = codec.decode(codec.encode([], [column]))
    assert bits(back) == bits(column)


def test_several_columns_keep_their_order_and_an_empty_block_is_empty() -> None:
    times, values = np.arange(3, dtype=np.int64), np.array([1.5, 2.5, np.nan])
    (a, b), (c,) = codec.decode(codec.encode([times, times * 7], [values]))
    assert a.tolist() == [0, 1, 2]
    assert b.tolist() == [0, 7, 14]
    assert bits(c) == bits(values)
    empty = np.empty(0)
    (none,), (nothing,) = codec.decode(codec.encode([empty.astype(np.int64)], [empty]))
    assert len(none) == len(nothing) == 0


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda b: b[:-3], "cut off"),
        (lambda b: b[:0], "empty"),
        (lambda b: b"rubbish" + b, "not a block"),
        (lambda _: zlib.compress(struct.pack("<IBB", 9, 1, 0) + b"\x07"), "unknown section"),
        (lambda _: zlib.compress(struct.pack("<IBBBBqQ", 9, 1, 0, 1, 8, 0, 1)), "too short"),
    ],
)
def test_a_damaged_block_is_said_to_be_damaged(damage, why) -> None:
    block = codec.encode([np.arange(300, dtype=np.int64)], [np.arange(300) * 0.37])
    with pytest.raises(ValueError, match="damaged"):
        codec.decode(damage(block))


def test_growing_bytes_cost_at_most_two_bytes_and_a_quarter() -> None:
    random = np.random.default_rng(7)
    steps = random.integers(0, 65_536, 288) * random.integers(0, 2, 288)
    values = np.cumsum(steps).astype(np.float64) + 5e9
    times = np.arange(288, dtype=np.int64) * 300_000_000 + 1_790_000_000_000_000
    assert len(codec.encode([times, times * 0, times * 0], [values])) / 288 < 2.25
