"""`advisor whatif` as a user has it: from a document, a configuration, a store; in words and as a chart."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from advisor.core.model import Observed, Reading
from advisor.store import open_store
from tests.commands.conftest import Run
from tests.commands.test_shapes import documented, has, keys

Write = Callable[..., Path]

CONFIG = """\
store: sqlite:///advisor.db
stacks:
  shop:
    packs: [app-virgin]
    {facts}
    services:
      database: {{provider: supabase, plan: free}}
      email: {{provider: resend, plan: free}}
"""
STACKS = ["amebo", "app-virgin", "drops", "musician", "tutor"]


@pytest.mark.parametrize("name", STACKS)
def test_a_documents_stack_needs_no_configuration(run: Run, name: str) -> None:
    ended = run("whatif", "--document", name, "--users", "50K", "--json")
    assert ended.code == 0, ended.said
    said = ended.json
    assert (said["version"], said["stack"], said["users"]) == (1, name, 50_000)
    assert [one["users"] for one in said["breaks"]] == sorted(one["users"] for one in said["breaks"])
    then = said["cost"]["then"]
    assert (then["monthly"] is None) == bool(then["not_known"])
    known = [plan["then"]["monthly"] for plan in said["plans"] if plan["then"]["monthly"] is not None]
    assert abs(sum(known) - then["at_least"]) < 0.01
    assert all(one["source"] for one in said["usage"])


def test_the_json_has_the_documented_shape(run: Run) -> None:
    said = run("whatif", "--document", "app-virgin", "--users", "50000", "--json").json
    assert has(said, documented("whatif")), keys(said)


def test_a_person_reads_tables_with_the_documents_lines(run: Run) -> None:
    ended = run("whatif", "--document", "app-virgin", "--users", "50000", "--revenue", "$500")
    assert ended.code == 0
    for words in (
        "What breaks first",
        "amebo line 694",
        "app-virgin line 1481",
        "not kept",
        "$0.99",
        "At least",
    ):
        assert words in ended.out
    assert "Not projected" in ended.out


def test_growth_multiplies_the_users_of_now(run: Run, write: Write) -> None:
    write(CONFIG.format(facts="facts: {users: 800}"))
    ended = run("whatif", "--growth", "3x", "--json")
    assert (ended.json["users_now"], ended.json["users"]) == (800, 2400)
    assert "the store" in ended.err
    assert "does not exist" in ended.err
    assert not Path("advisor.db").exists()


def test_the_store_says_what_a_user_uses(run: Run, write: Write, tmp_path: Path) -> None:
    write(CONFIG.format(facts="{}").replace("    {}\n", ""))
    now = datetime.now(UTC)
    readings = [
        Observed(Reading(metric, value, now - timedelta(days=days)), subject, "test", now, 172800.0)
        for days in range(10)
        for subject, metric, value in (("shop", "users", 1000.0), ("shop/database", "storage", 200e6))
    ]
    store = open_store("sqlite:///advisor.db", tmp_path)
    with store.transaction() as tx:
        tx.add_readings(readings)
    store.close()
    ended = run("whatif", "--users", "5000", "--json")
    assert ended.code == 0
    (storage,) = [
        one for one in ended.json["usage"] if (one["service"], one["metric"]) == ("database", "storage")
    ]
    assert (storage["measured"], storage["high"]) == (True, 1e9)
    assert storage["source"] == "measured over 9 days at 1,000 users"
    (first,) = [one for one in ended.json["breaks"] if one["metric"] == "storage"]
    assert first["users"] == 2500
    assert ended.err == ""


def test_a_chart_is_svg_with_the_line_the_bands_and_the_breaks(run: Run, tmp_path: Path) -> None:
    ended = run("whatif", "--document", "app-virgin", "--users", "50000", "--chart", "growth.svg")
    assert ended.code == 0
    root = ET.parse(tmp_path / "growth.svg").getroot()  # Our own file.
    classes = [element.get("class", "") for element in root.iter()]
    assert {"band", "break", "mark", "size"} <= set(classes)
    assert any(one.startswith("ours") for one in classes)
    title = root.get("aria-label", "")
    assert "by number of users" in title


@pytest.mark.parametrize(
    ("words", "way_out"),
    [
        (("--document", "amebo"), "--users 50000"),
        (("--document", "nobody", "--users", "5"), "no pack `nobody`"),
        (("--document", "postgres", "--users", "5"), "app-virgin"),
        (("--document", "amebo", "--users", "many"), "50K"),
        (("--document", "amebo", "--users", "5MB"), "50K"),
        (("--document", "amebo", "--users", "0"), "50K"),
        (("--document", "amebo", "--growth", "thrice"), "3x"),
        (("--document", "amebo", "--growth", "0x"), "3x"),
        (("--document", "tutor", "--growth", "3x"), "--users 50000"),
        (("--document", "amebo", "--users", "5", "--growth", "3x"), "--growth"),
        (("--document", "amebo", "--users", "5", "--revenue", "2000"), "$2K"),
        (("--document", "amebo", "--users", "5", "--chart", "growth.png"), "growth.svg"),
        (("--document", "amebo", "--users", "5", "--chart", "no/such/growth.svg"), "folder"),
        (("--users", "5"), "advisor.yaml"),
    ],
)
def test_a_fault_of_the_user_is_one_sentence_with_the_way_out(
    run: Run, words: tuple[str, ...], way_out: str
) -> None:
    ended = run("whatif", *words)
    assert ended.code == 1
    assert way_out in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_of_several_stacks_one_is_named(run: Run, write: Write) -> None:
    stack = "{services: {database: {provider: supabase, plan: free}}, facts: {users: 10}}"
    write(f"stacks:\n  shop: {stack}\n  club: {stack}\n")
    assert "--stack" in run("whatif", "--users", "50").err
    assert "shop, club" in run("whatif", "--users", "50", "--stack", "pub").err
    assert run("whatif", "--users", "50", "--stack", "club", "--json").json["stack"] == "club"


def test_one_paying_user_is_one_and_what_is_asked_for_is_in_cents(run: Run) -> None:
    asked = ("whatif", "--document", "app-virgin", "--users", "100")
    assert "at least 1 paying user, 1 % of all" in run(*asked).out
    found = json.loads(run("whatif", "--document", "drops", "--users", "10K", "--json").out)
    assert [rule["needs"] for rule in found["revenue"]["rules"]] == [519.7]
