"""`advisor check` on credentials: whose one is, what is too broad, when it ends; and what to compare."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.commands.acme import Acme
from tests.commands.conftest import SECRET, Ended, Run

Write = Callable[..., Path]


@pytest.fixture
def checked(run: Run, write: Write, acme: Acme) -> Callable[..., Ended]:
    def check(*words: str) -> Ended:
        write(
            "stacks: {shop: {services: {database: {provider: acme, plan: pro, "
            f'token: "{SECRET}", project: abcd, base_url: "{acme.url}"}}}}}}}}\n'
        )
        return run("check", *words)

    return check


def lines(ended: Ended, area: str) -> list[tuple[str, str]]:
    return [(one["state"], one["detail"]) for one in ended.json["checks"] if one["area"] == area]


def test_scopes_are_named_per_service_and_the_token_is_verified(checked, acme: Acme) -> None:
    ended = checked("--json")
    assert lines(ended, "access") == [("ok", "needs projects:read (read)")]
    assert lines(ended, "credential") == [("ok", "of acme-org; may: projects:read")]
    assert ended.json["credentials"] == [
        {
            "source": "shop/database:acme",
            "verified": True,
            "whose": "acme-org",
            "rights": ["projects:read"],
            "broad": [],
            "expires": "2027-11-01T00:00:00Z",
            "error": "",
        }
    ]
    assert acme.asked[0] == "/v2/token", "the cheapest call comes first"


def test_what_is_too_broad_and_what_ends_within_14_days_is_a_gap(checked, acme: Acme) -> None:
    soon = datetime.now(UTC) + timedelta(days=3, hours=1)
    acme.token |= {"scopes": ["projects:read", "projects:delete"], "expires_at": soon.isoformat()}
    ended = checked("--json")
    assert ended.code == 0
    (_, (broad, said), (ends, when)) = lines(ended, "credential")
    assert (broad, ends) == ("gap", "gap")
    assert "too broad, it may besides: projects:delete" in said
    assert "in 3 days; make a new one before" in when


def test_a_token_that_ends_in_a_month_is_well(checked, acme: Acme) -> None:
    acme.token["expires_at"] = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    assert [state for state, _ in lines(checked("--json"), "credential")] == ["ok"]


def test_a_refused_token_is_3_with_one_sentence_and_is_not_shown_again(checked, acme: Acme) -> None:
    acme.status = 401
    ended = checked("--json")
    assert ended.code == 3
    ((state, said),) = lines(ended, "credential")
    assert state == "fault"
    assert "401" in said
    assert lines(ended, "source") == []
    assert acme.asked == ["/v2/token"]


def test_a_provider_out_of_reach_is_said_once(checked, acme: Acme) -> None:
    acme.status = 503
    ended = checked("--json")
    assert ended.code == 3
    assert lines(ended, "credential") == []
    assert [state for state, _ in lines(ended, "source")] == ["fault"]


def test_offline_names_the_scopes_and_asks_nobody(checked, acme: Acme) -> None:
    ended = checked("--offline", "--json")
    assert lines(ended, "access") == [("ok", "needs projects:read (read)")]
    assert (acme.asked, ended.json["credentials"]) == ([], [])
    assert checked("--offline", "--compare").code == 1


def test_compare_has_the_figures_the_page_and_the_delay(checked, acme: Acme) -> None:
    acme.usage[0]["egress"] = [{"day": "2026-11-01", "bytes": 1_000_000}]
    acme.usage[1]["egress"] = [{"day": "2026-11-02", "bytes": 250_000}]
    ended = checked("--compare", "--json")
    (side,) = ended.json["compare"]
    assert (side["source"], side["dashboard"]) == ("shop/database:acme", "https://acme.example/usage")
    assert side["delay"] == "an hour"
    found = {one["metric"]: one for one in side["figures"]}
    assert (found["storage"]["value"], found["storage"]["shown"]) == (5_647_465_999, "5.65 GB")
    egress = found["egress"]
    assert (egress["value"], egress["unit"]) == (1_250_000, "bytes"), (
        "the days are summed, as a dashboard does"
    )
    assert (egress["since"], egress["at"]) == ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z")
    printed = checked("--compare").out
    assert "shop/database:acme: https://acme.example/usage" in printed
    assert "Acme is late by an hour" in printed
    assert "1 Nov 2026 00:00 UTC to 3 Nov 2026 00:00 UTC" in printed
    assert "compare" not in checked("--json").json


def test_a_plan_that_differs_is_told_by_check_and_is_a_finding(checked, acme: Acme, run: Run) -> None:
    acme.usage[0]["plan"] = acme.usage[1]["plan"] = "team"
    ended = checked("--json")
    assert lines(ended, "plan") == [
        ("differ", "advisor.yaml says `pro`, the provider `team`, and its limits are those that count")
    ]
    assert "everywhere.plan-differs" in str(run("once", "--json").json["concerns"])
    acme.usage[0]["plan"] = "pro"
    assert lines(checked("--json"), "plan") == []
