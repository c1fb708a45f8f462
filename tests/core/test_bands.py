"""Documents' figures beside ours, and the arithmetic of revenue."""

from datetime import date
from typing import Any

import pytest

from advisor.core.bands import Place, differences, items, place, said_price, targets
from advisor.core.break_even import break_even
from advisor.core.document import Document


def document(*costs: dict[str, Any]) -> Document:
    return Document.model_validate(
        {
            "name": "paper",
            "as_of": date(2026, 1, 1),
            "costs": [{"line": 10 + number, **cost} for number, cost in enumerate(costs)],
        }
    )


SMALL = {"table": "t", "users_min": 0, "users_max": 1000}
LARGE = {"table": "t", "users_min": 1000}
PAPER = document(
    {**SMALL, "item": "Base", "role": "backend", "low": 5, "high": 5},
    {**SMALL, "item": "Usage", "role": "backend", "low": 5, "high": 10},
    {**SMALL, "item": "Name", "role": "domain", "low": 1, "high": 1},
    {**SMALL, "item": "TOTAL", "total": True, "low": 11, "high": 16},
    {**LARGE, "item": "Machines", "role": "backend", "low": 50},
    {**LARGE, "item": "TOTAL", "total": True, "low": 50},
    {"table": "choices", "users_min": 0, "item": "Either", "role": "backend", "low": 99, "high": 99},
)


@pytest.mark.parametrize(
    ("known", "low", "high", "found"),
    [
        (10, 11, 16, Place.BELOW),
        (11, 11, 16, Place.INSIDE),
        (16.4, 11, 16, Place.INSIDE),
        (17, 11, 16, Place.ABOVE),
        (10_000, 50, None, Place.INSIDE),
    ],
)
def test_a_range_has_its_ends_inside(known: float, low: float, high: float | None, found: Place) -> None:
    assert place(known, low, high) is found


def test_the_total_of_the_band_is_found_with_its_line() -> None:
    (target,) = targets([PAPER], 999, 12)
    assert (target.line, target.place) == (13, Place.INSIDE)
    (target,) = targets([PAPER], 1000, 12)
    assert (target.line, target.high, target.place) == (15, None, Place.BELOW)


def test_rows_of_a_table_with_a_total_add_up_and_choices_do_not() -> None:
    (backend,) = items([PAPER], 500, "backend")
    assert (backend.low, backend.high, backend.lines) == (10, 15, (10, 11))


def test_a_table_without_bands_speaks_of_any_number_of_users() -> None:
    said = document(
        {"table": "now", "item": "Mail", "role": "email", "low": 0, "high": 0},
        {"table": "now", "item": "TOTAL", "total": True, "low": 92, "high": 92},
    )
    assert [one.role for one in items([said], 12_345)] == ["email"]
    assert [one.low for one in targets([said], 12_345, 92)] == [92]


def test_a_row_without_a_band_in_a_table_with_bands_is_no_part_of_any() -> None:
    said = document(
        {**SMALL, "item": "TOTAL", "total": True, "low": 1},
        {"table": "t", "item": "When", "role": "cdn", "low": 9},
    )
    assert items([said], 500) == []


def test_a_price_is_that_of_the_band_else_of_the_one_below() -> None:
    name = said_price([PAPER], "domain", 5000)
    assert name is not None
    assert (name.low, name.where) == (1, "paper line 12")
    assert (
        said_price([PAPER], "backend", 500) is None
    )  # Two rows: which of them is the service's is not said.


def test_the_largest_difference_comes_first_and_what_agrees_is_left_out() -> None:
    found = differences([PAPER], 500, {"backend": (30.0, "Ours"), "email": (None, "Mail")})
    assert [(one.role, one.ours) for one in found] == [("email", None), ("backend", 30.0), ("domain", None)]
    assert [
        one.role for one in differences([PAPER], 500, {"backend": (12.0, "Ours"), "domain": (1.0, "N")})
    ] == []


AMEBO = document(
    {"table": "break-even", "item": "price", "low": 0.99, "high": 0.99, "per": "USD/user/month"},
    {"table": "break-even", "item": "price", "low": 4.99, "high": 4.99, "per": "USD/user/month"},
    {"table": "ads revenue", "item": "rate", "low": 0.05, "high": 0.05, "per": "USD/user/month"},
    {"item": "below this share", "high": 10, "per": "percent of revenue"},
    {"item": "a fee", "role": "payments", "high": 5, "per": "percent of revenue"},
)


def test_the_documents_own_break_even_comes_out() -> None:
    said = break_even([AMEBO], 1021, 50_000, None, whole=True)
    assert [one.payers for one in said.subscriptions] == [1032, 205]
    assert [(one.revenue, one.profit) for one in said.ads] == [(2500, 1479)]
    assert [(one.share, one.needed, one.kept) for one in said.rules] == [(0.1, 10_210, None)]


@pytest.mark.parametrize(
    ("cost", "whole", "kept"), [(99, True, True), (101, True, False), (99, False, None), (101, False, False)]
)
def test_a_cost_that_is_only_the_least_can_break_the_rule_and_not_keep_it(
    cost: float, whole: bool, kept: bool | None
) -> None:
    (rule,) = break_even([AMEBO], cost, 50_000, 1000, whole=whole).rules
    assert rule.kept is kept
