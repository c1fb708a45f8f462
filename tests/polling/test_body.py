from datetime import UTC, datetime
from typing import Any

import pytest

from advisor.polling.body import Body
from advisor.polling.contract import Unexpected


def body(value: Any) -> Body:
    return Body(value, "Acme")


def test_absent_and_null_are_none_and_not_zero() -> None:
    assert body({}).number("size") is None
    assert body({"size": None}).number("size") is None
    assert body({"size": 0}).number("size") == 0
    assert body({"a": {"b": None}}).get("a", "b") is None


def test_numbers_sent_as_texts_are_numbers() -> None:
    assert body({"bytes": "5647465999"}).number("bytes") == 5647465999


@pytest.mark.parametrize(
    ("value", "read", "said"),
    [
        (
            {"projects": [{}]},
            lambda b: [p["id"] for p in b["projects"].each()],
            "`projects[0].id` is missing",
        ),
        ({"projects": {}}, lambda b: list(b["projects"].each()), "`projects` is an object, not a list"),
        ({"size": "big"}, lambda b: b.number("size"), "`size` is a text, not a number"),
        ({"size": True}, lambda b: b.number("size"), "`size` is a yes or no, not a number"),
        ({"size": float("inf")}, lambda b: b.number("size"), "`size` is a number, not a number"),
        ([1], lambda b: b["a"], "the answer is a list, not an object"),
        ({"a": 1}, lambda b: b.text("a"), "`a` is a number, not a text"),
        ({"at": "soon"}, lambda b: b.time("at"), "`at` is a text, not a time"),
        ({"a": "x"}, lambda b: b.get("a", "b"), "`a` is a text, not an object"),
    ],
)
def test_another_shape_is_told_by_its_path_and_without_its_value(value: Any, read: Any, said: str) -> None:
    with pytest.raises(Unexpected) as caught:
        read(body(value))
    assert said in str(caught.value)
    assert str(caught.value).startswith("Acme: ")
    assert "big" not in str(caught.value)


def test_times_are_in_utc_whether_iso_with_or_without_a_zone_or_unix() -> None:
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    for written in ("2026-11-01T12:00:00Z", "2026-11-01T13:00:00+01:00", "2026-11-01T12:00:00", 1793534400):
        assert body({"at": written}).time("at") == noon
