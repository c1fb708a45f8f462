"""Buckets of a series never overlap, and no total is counted twice."""

from hypothesis import given
from hypothesis import strategies as st

from advisor.store.resolution import Bucket, settle

HOUR = 3_600_000_000
DAY = 24 * HOUR


def hours(first: int, last: int, value: float = 1.0, seen: int = 0) -> list[Bucket]:
    return [Bucket(h * HOUR, (h + 1) * HOUR, value, seen) for h in range(first, last)]


def kept(held: list[Bucket], new: list[Bucket]) -> list[Bucket]:
    change = settle(held, new)
    stay = {b.end: b for b in held if b.end not in change.drop}
    stay |= {b.end: b for b in change.put}
    return sorted(stay.values(), key=lambda b: b.end)


def test_a_repeated_bucket_changes_nothing() -> None:
    change = settle([Bucket(0, DAY, 5, 1)], [Bucket(0, DAY, 5, 2)])
    assert (change.put, change.drop, change.revised) == ([], [], [])


def test_a_corrected_bucket_replaces_and_the_older_value_is_kept() -> None:
    old, new = Bucket(0, DAY, 5, 1), Bucket(0, DAY, 6, 2)
    change = settle([old], [new])
    assert change.put == [new]
    assert change.revised == [(old, 2)]


def test_what_was_seen_earlier_corrects_nothing() -> None:
    assert settle([Bucket(0, DAY, 5, 2)], [Bucket(0, DAY, 4, 1)]).put == []


def test_a_running_bucket_that_grew_replaces_without_a_revision() -> None:
    change = settle([Bucket(0, 10 * HOUR, 5, 1)], [Bucket(0, 11 * HOUR, 6, 2)])
    assert [b.value for b in change.put] == [6]
    assert change.drop == [10 * HOUR]
    assert change.revised == []


def test_finer_buckets_win_over_a_coarser_one_in_either_order() -> None:
    day, fine = Bucket(0, DAY, 24, 1), hours(0, 24)
    assert kept([day], fine) == fine
    assert kept(fine, [day]) == fine
    assert kept([], [day, *fine]) == fine
    assert settle([day], fine).revised[0][0] == day


def test_a_missing_piece_makes_no_total_too_small() -> None:
    day = Bucket(0, DAY, 24, 1)
    assert kept([day], hours(22, 24)) == [day]
    assert kept(hours(22, 24), [day]) == [day]


def test_equally_long_but_shifted_the_newest_wins() -> None:
    old, new = Bucket(0, DAY, 1, 1), Bucket(HOUR, DAY + HOUR, 2, 2)
    assert kept([old], [new]) == [new]
    assert kept([new], [old]) == [new]


buckets = st.builds(
    lambda start, length, value, seen: Bucket(start, start + length, value, seen),
    st.integers(0, 40),
    st.sampled_from([0, 1, 2, 5, 10, 30]),
    st.floats(0, 9),
    st.integers(0, 5),
)


@given(st.lists(st.lists(buckets, max_size=6), max_size=5))
def test_kept_buckets_never_overlap(answers: list[list[Bucket]]) -> None:
    held: list[Bucket] = []
    for answer in answers:
        held = kept(held, answer)
        for i, one in enumerate(held):
            assert not any(one.touches(other) for other in held[i + 1 :])
