"""Where ladders lead, and how many machines they count."""

from datetime import date
from typing import Any

import pytest

from advisor.core.catalogue import Catalogue, Provider
from advisor.core.document import Document
from advisor.core.reach import machines, reach


def document(**ladders: list[dict[str, Any]]) -> Document:
    return Document.model_validate(
        {
            "name": "paper",
            "as_of": date(2026, 1, 1),
            "ladders": [
                {"id": name, "steps": [{"line": 10 + n, "step": str(n), **s} for n, s in enumerate(steps)]}
                for name, steps in ladders.items()
            ],
        }
    )


def catalogue(*names: str) -> Catalogue:
    plans = [{"id": "any", "title": "Any", "price": []}]
    head = {"source": "a test", "as_of": date(2026, 1, 1)}
    return Catalogue(
        {n: Provider.model_validate({"provider": n, "title": n, "plans": plans, **head}) for n in names}
    )


DATABASE = [{"starts": ["a/free"], "ends": ["b", "gone"]}, {"starts": ["b"], "ends": ["c"]}]
BACKEND = [{"starts": ["b"], "ends": ["d"]}]


def test_steps_are_followed_to_the_end_of_the_ladder() -> None:
    said = document(**{"path-database": DATABASE})
    assert reach(catalogue(*"abcd"), [said], "a", "database") == {"b": "paper line 10", "c": "paper line 11"}


def test_what_the_catalogue_does_not_have_is_left_out_but_passed_through() -> None:
    assert reach(catalogue("a", "c"), [document(path=DATABASE)], "a") == {"c": "paper line 11"}


@pytest.mark.parametrize(("role", "found"), [("database", ["c"]), ("backend", ["d"])])
def test_a_ladder_about_another_role_leads_nowhere(role: str, found: list[str]) -> None:
    said = document(**{"path-database": DATABASE, "path-backend": BACKEND})
    assert list(reach(catalogue(*"abcd"), [said], "b", role)) == found


def test_error_tracking_follows_ladders_of_monitoring() -> None:
    said = document(**{"path-monitoring": [{"starts": ["a"], "ends": ["b"]}]})
    assert list(reach(catalogue(*"ab"), [said], "a", "errors")) == ["b"]


def test_machines_rise_with_users_and_a_range_gives_its_upper_end() -> None:
    said = document(
        tree=[
            {"to_plan": "Free (3 VMs)", "ends": ["a"], "users": [0, 5000]},
            {"to_plan": "3-5 VMs", "starts": ["a"], "ends": ["a"], "users": [5000, 10_000]},
            {"to_plan": "10+ VMs", "starts": ["a"], "ends": ["a"], "users": [10_000, None]},
            {"to_plan": "2 VMs", "ends": ["b"], "users": [50_000, None]},
            {"to_plan": "9 VMs", "ends": ["a"]},
        ]
    )
    assert [(users, count) for users, count, _ in machines([said], "a", "")] == [
        (0, 3),
        (5000, 5),
        (10_000, 10),
    ]
