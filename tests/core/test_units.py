import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.core.units import UNIT_TEXTS, Unit, base, read, show, spell

WRITTEN = [
    ("400MB", 400e6, Unit.BYTES),
    ("1.5GB", 1.5e9, Unit.BYTES),
    ("8GiB", 8 * 2**30, Unit.BYTES),
    ("512B", 512, Unit.BYTES),
    ("50ms", 0.05, Unit.SECONDS),
    ("0s", 0, Unit.SECONDS),
    ("15m", 900, Unit.SECONDS),
    ("1h", 3600, Unit.SECONDS),
    ("1d", 86400, Unit.SECONDS),
    ("1 day", 86400, Unit.SECONDS),
    ("3 weeks", 3 * 604800, Unit.SECONDS),
    ("80%", 0.8, Unit.RATIO),
    ("0.1%", 0.001, Unit.RATIO),
    ("99.999%", 0.99999, Unit.RATIO),
    ("80", 80, Unit.COUNT),
    ("2500", 2500, Unit.COUNT),
    ("4K", 4000, Unit.COUNT),
    ("1M", 1e6, Unit.COUNT),
    ("$50", 50, Unit.USD),
    ("$0.05", 0.05, Unit.USD),
    ("$2K", 2000, Unit.USD),
]


@pytest.mark.parametrize(("text", "value", "unit"), WRITTEN)
def test_a_value_is_read_into_its_base_unit(text: str, value: float, unit: Unit) -> None:
    assert read(text) == (value, unit)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("1,000", "`1,000`: no comma in a number: write 1000"),
        ("1.000", "`1.000` can be read as a thousand or as one: write 1K or 1"),
        ("1.250", "`1.250` can be read as a thousand or as one: write 1250 or 1.25"),
        ("1.500MB", "`1.500MB` can be read as a thousand or as one: write 1500MB or 1.5MB"),
        ("1e3", "`1e3`: no exponents: write 1000, or K and M"),
        ("400mb", "`400mb`: capitals matter here: `400MB` (`b` would be bits)"),
        ("5k", "`5k`: capitals matter here: `5K`"),
        ("400 MB", "`400 MB`: no space in a value: write `400MB`"),
        ("3 day", "`3 day`: write `3 days`"),
        ("1 days", "`1 days`: write `1 day`"),
        ("3days", "`3days`: a word stands after a space: `3 days`"),
        ("5min", "`5min`: write `5m`"),
        ("2w", "`2w`: write `2 weeks`"),
        ("1 month", "`1 month`: months differ in length: write days, such as `30 days`"),
        ("50$", "`50$`: money is written with the sign first: $50"),
        ("$50MB", "`$50MB`: money is written $50, $0.05 or $2K"),
        ("€5", "`€5`: figures are in US dollars: write $5"),
        (".5", "`.5`: write 0.5"),
        ("+5", "`+5`: no plus sign: write 5"),
        ("1_000", "`1_000`: no underscore in a number: write 1000"),
        ("$50/mo", "the period belongs to the metric: `per month` after its name, then $50"),
        ("9" * 400, "the number is too large to be meant"),
    ],
)
def test_a_value_that_could_mislead_is_refused_with_the_way_out(text: str, answer: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(answer)}$"):
        read(text)


@given(st.text(max_size=30))
def test_any_other_text_is_refused_in_one_sentence(text: str) -> None:
    try:
        value, unit = read(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017  # Most texts are refused; some are values.
    else:
        assert math.isfinite(value)
        assert unit in Unit


@given(st.floats(0, 1e18), st.sampled_from(list(Unit)))
def test_what_is_spelt_is_read_back_exactly(value: float, unit: Unit) -> None:
    assert read(spell(value, unit)) == (value, unit)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (401e6, Unit.BYTES, "401 MB"),
        (1.5e9, Unit.BYTES, "1.5 GB"),
        (999.6e6, Unit.BYTES, "1 GB"),
        (512, Unit.BYTES, "512 B"),
        (0, Unit.BYTES, "0 B"),
        (0.24, Unit.SECONDS, "240 ms"),
        (2.5, Unit.SECONDS, "2.5 s"),
        (900, Unit.SECONDS, "15 min"),
        (86400, Unit.SECONDS, "1 day"),
        (14 * 86400, Unit.SECONDS, "14 days"),
        (0.00025, Unit.SECONDS, "0.25 ms"),
        (math.inf, Unit.SECONDS, "never"),
        (0.8, Unit.RATIO, "80 %"),
        (0.0012, Unit.RATIO, "0.12 %"),
        (1.234, Unit.RATIO, "123 %"),
        (-0.1, Unit.RATIO, "-10 %"),
        (2500, Unit.COUNT, "2,500"),
        (12345, Unit.COUNT, "12,300"),
        (1e6, Unit.COUNT, "1,000,000"),
        (25, Unit.USD, "$25"),
        (0.05, Unit.USD, "$0.05"),
        (25.5, Unit.USD, "$25.50"),
        (1234.6, Unit.USD, "$1,235"),
        (math.nan, Unit.COUNT, "unknown"),
        (401e6, "bytes", "401 MB"),
    ],
)
def test_a_value_is_shown_in_the_units_of_people(value: float, unit: Unit, shown: str) -> None:
    assert show(value, unit) == shown


def test_rounding_never_hides_which_side_of_a_limit_a_value_is_on() -> None:
    assert show(4001, Unit.COUNT) == "4,001"
    assert show(0.9995, Unit.RATIO) == "99.95 %"
    assert show(0.99999, Unit.RATIO) != show(1, Unit.RATIO)


@given(st.floats(-1e25, 1e25), st.sampled_from(list(Unit)))
def test_nothing_is_shown_in_scientific_notation(value: float, unit: Unit) -> None:
    assert "e" not in show(value, unit).replace("never", "")


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        (401, "MB", (401e6, Unit.BYTES)),
        (1, "GiB", (2**30, Unit.BYTES)),
        (240, "ms", (0.24, Unit.SECONDS)),
        (250, "us", (0.00025, Unit.SECONDS)),
        (2, "min", (120, Unit.SECONDS)),
        (81.5, "%", (0.815, Unit.RATIO)),
        (0.5, "ratio", (0.5, Unit.RATIO)),
        (7, "count", (7, Unit.COUNT)),
        (9.99, "USD", (9.99, Unit.USD)),
        (5, "KB", (5000, Unit.BYTES)),
    ],
)
def test_a_reading_is_taken_to_its_base_unit(value: float, text: str, expected: tuple[float, Unit]) -> None:
    assert base(value, text) == expected


def test_an_unknown_unit_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no unit `mb`") as caught:
        base(1, "mb")
    assert "did you mean `MB`?" in str(caught.value)
    assert all(text in str(caught.value) for text in UNIT_TEXTS)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_reading_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        base(value, "MB")
