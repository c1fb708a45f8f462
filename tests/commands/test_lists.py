"""`advisor collectors list`: what people must know before they give a credential away."""

from tests.commands.conftest import Run


def test_a_collector_tells_products_tiers_and_what_nobody_confirmed(run: Run) -> None:
    listed = {one["provider"]: one for one in run("collectors", "list", "--json").json["collectors"]}
    neon = listed["neon"]
    assert {"name": "compute_hours", "unit": "count", "kind": "amount"} in neon["metrics"]
    assert neon["access"][0]["tier"] == "nothing"
    assert all(one["leaked"] for one in neon["access"])
    assert neon["spec"].startswith("neon/")
    assert neon["not_confirmed"]
    assert neon["verifies"]
    assert "cloudflare-r2" in listed["cloudflare"]["products"], "by the catalogue's names"
    assert listed["fly"]["products"] == ["fly"]


def test_the_table_for_people_says_the_same_in_short(run: Run) -> None:
    printed = run("collectors", "list").out
    neon = printed[printed.index("\nneon ") : printed.index("\nposthog ")]
    assert "15 min" in neon
    assert "privileged" in neon
    assert "late by about 15 minutes" in neon
    assert "not confirmed: " in neon
    assert "any metric that you name" in printed
