"""Columns of numbers as a few bytes, without loss.

A block is zlib over one section a column. A section is a tag and what the tag says:

    0  same         one number in every row (NaN among floats: no value)
    1  whole        integers, or floats that are whole numbers
    2  decimal      floats that are whole numbers over 10ⁿ, such as 0.25
    3  bits         any other floats

Whole numbers are written as differences, divided by their greatest common divisor, folded to unsigned
(zigzag) and laid out byte by byte (all lowest bytes, then all second bytes ...), leading zero bytes left
out; that is what zlib does well with. Bits are the XOR of neighbours, laid out in the same way.
"""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_Bits = NDArray[np.uint64]

CODEC = 1  #: Written beside every block, so that a later one can be told from it.

_SAME, _WHOLE, _DECIMAL, _BITS = 0, 1, 2, 3
_HEAD = struct.Struct("<IBB")  # Rows, columns of integers, columns of floats.
_EIGHT = struct.Struct("<Q")
_NUMBERS = struct.Struct("<BqQ")  # Bytes a number, the first number, the divisor.
_ONE = struct.Struct("<BQ")  # A section of one number.
_ALL_BITS = 2**64 - 1
_EXACT = float(2**53)  # Below it every whole number is a float.
_PLACES = (1, 2, 3, 4, 6)  # Decimals that sources round to.


def encode(ints: Sequence[Ints], floats: Sequence[Floats]) -> bytes:
    """Return the columns, all of one length, as a block."""
    rows = len(ints[0]) if ints else len(floats[0])
    parts = [_HEAD.pack(rows, len(ints), len(floats))]
    if rows:
        parts += [_int(column) for column in ints]
        parts += [_float(column) for column in floats]
    return zlib.compress(b"".join(parts), 6)


def decode(block: bytes) -> tuple[list[Ints], list[Floats]]:
    """Return the columns of a block.

    Raises:
        ValueError: if the block is damaged.
    """
    try:
        reader = _Reader(zlib.decompress(block))
        rows, ints, floats = reader.unpack(_HEAD)
        if not rows:
            return [np.empty(0, np.int64)] * ints, [np.empty(0, np.float64)] * floats
        return [reader.ints(rows) for _ in range(ints)], [reader.floats(rows) for _ in range(floats)]
    except (zlib.error, struct.error, IndexError) as error:
        raise ValueError(f"a block of samples is damaged: {error}") from None


def _int(column: Ints) -> bytes:
    if (column == column[0]).all():
        return _ONE.pack(_SAME, int(column[0]) & _ALL_BITS)
    return bytes((_WHOLE,)) + _whole(column)


def _float(column: Floats) -> bytes:
    bits = np.ascontiguousarray(column, np.float64).view(np.uint64)
    if (bits == bits[0]).all():
        return _ONE.pack(_SAME, int(bits[0]))
    for places in (0, *_PLACES):
        if _over(column[:8], places) is None:
            continue  # Most columns that are not so show it early.
        whole = _over(column, places)
        if whole is not None:
            tag = bytes((_WHOLE,)) if places == 0 else bytes((_DECIMAL, places))
            return tag + _whole(whole)
    crossed = bits.copy()
    crossed[1:] ^= bits[:-1]
    return bytes((_BITS,)) + _bytewise(crossed, 8)


def _over(column: Floats, places: int) -> Ints | None:
    """Return the whole numbers that divided by 10^places give the column bit by bit, if there are such."""
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.rint(column * 10.0**places) if places else column
        if not (np.abs(scaled) < _EXACT).all():  # False for NaN too.
            return None
        whole = scaled.astype(np.int64)
        again = whole / 10.0**places if places else whole.astype(np.float64)
    return whole if np.array_equal(again.view(np.uint64), column.view(np.uint64)) else None


def _whole(column: Ints) -> bytes:
    # Differences wrap around, in both directions, so that any 64-bit numbers survive.
    steps = column[1:] - column[:-1]
    divisor = int(np.gcd.reduce(steps)) if len(steps) else 0
    if divisor > 1:
        steps = steps // divisor
    folded = ((steps << 1) ^ (steps >> 63)).view(np.uint64)
    width = (int(folded.max()).bit_length() + 7) // 8 if len(folded) else 0
    return _NUMBERS.pack(width, int(column[0]), max(divisor, 1)) + _bytewise(folded, width)


def _bytewise(numbers: _Bits, width: int) -> bytes:
    return numbers.astype("<u8").view(np.uint8).reshape(-1, 8).T[:width].tobytes()


class _Reader:
    """Walks through an unpacked block."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def unpack(self, form: struct.Struct) -> tuple[int, ...]:
        found = form.unpack_from(self._data, self._at)
        self._at += form.size
        return found

    def ints(self, rows: int) -> Ints:
        match self._byte():
            case 0:
                return self._same(rows).view(np.int64)
            case 1:
                return self._whole(rows)
            case tag:
                raise ValueError(f"a block of samples is damaged: unknown section {tag}")

    def floats(self, rows: int) -> Floats:
        match self._byte():
            case 0:
                return self._same(rows).view(np.float64)
            case 1:
                return self._whole(rows).astype(np.float64)
            case 2:
                places = self._byte()
                return self._whole(rows) / 10.0**places
            case 3:
                return np.bitwise_xor.accumulate(self._bytewise(rows, 8)).view(np.float64)
            case tag:
                raise ValueError(f"a block of samples is damaged: unknown section {tag}")

    def _whole(self, rows: int) -> Ints:
        width, first, divisor = self.unpack(_NUMBERS)
        folded = self._bytewise(rows - 1, width)
        steps = (folded >> np.uint64(1)).view(np.int64) ^ -(folded & np.uint64(1)).view(np.int64)
        column = np.empty(rows, np.int64)
        column[0] = first
        column[1:] = steps * np.uint64(divisor).astype(np.int64)
        return np.cumsum(column, dtype=np.int64)

    def _bytewise(self, rows: int, width: int) -> _Bits:
        size = rows * width
        if self._at + size > len(self._data):
            raise ValueError("a block of samples is damaged: it ends too early")
        planes = np.frombuffer(self._data, np.uint8, size, self._at).reshape(width, rows)
        self._at += size
        wide = np.zeros((rows, 8), np.uint8)
        wide[:, :width] = planes.T
        return wide.view("<u8").reshape(rows).astype(np.uint64)

    def _byte(self) -> int:
        found = self._data[self._at]
        self._at += 1
        return found

    def _same(self, rows: int) -> _Bits:
        column = np.empty(rows, np.uint64)
        column.fill(self.unpack(_EIGHT)[0])
        return column
