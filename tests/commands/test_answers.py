"""`advisor done`, `accept`, `reject` and `checklist` beside a store, as a person uses them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from advisor.core.answered import Answered, Said
from advisor.store import open_store
from tests.commands.conftest import Run
from tests.running import Usage

Write = Callable[..., Path]
CONCERN = "shop/api#storage"
CONFIG = """
accounts: {{acme: {{provider: http, billing_day: 12}}}}
stacks:
  shop:
    packs: [app-virgin]
    services:
      api: {{account: acme, url: "{url}", metrics: {{storage: {{path: size}}}}, limits: {{storage: 600B}}}}
rules: {{files: [ours.yaml]}}
"""


@pytest.fixture
def firing(run: Run, write: Write, usage: Usage) -> Run:
    """Return what runs commands beside a store with one firing concern."""
    usage.values = {"size": 500}
    write(CONFIG.format(url=usage.url))
    write("- {id: a.full, service: api, when: storage > 400B, notify: immediate}\n", "ours.yaml")
    assert run("once", "--fail-on", "warning").code == 2
    return run


def answers(folder: Path) -> list[Answered]:
    store = open_store("sqlite:///advisor.db", folder)
    try:
        with store.reading() as tx:
            return tx.answers()
    finally:
        store.close()


def test_done_keeps_what_was_in_force_and_a_moved_limit_verifies_it(
    firing: Run, write: Write, usage: Usage, tmp_path: Path
) -> None:
    ended = firing("done", CONCERN, "--by", "ann")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        f"{CONCERN} is done, you say; what the next polls see verifies it (the limit of storage is 600 B).\n"
    )
    (one,) = answers(tmp_path)
    assert one.seen is not None
    assert (one.seen.subject, one.seen.limit, one.seen.source) == ("shop/api", 600, "your override")
    assert "Done, ann said on " in firing("digest").out
    write(CONFIG.format(url=usage.url).replace("600B", "9000B"))
    assert firing("tick").code == 0
    assert answers(tmp_path) == []
    said = " ".join(firing("digest").out.split())
    assert "Said to be done" in said
    assert "storage limit 600 B → 9 KB" in said


def test_an_answer_is_shown_counted_and_taken_back(firing: Run, tmp_path: Path) -> None:
    assert firing("accept", CONCERN, "--by", "ann", "--reason", "on Friday").code == 0
    (line,) = firing("once", "--json").json["concerns"]
    assert (line["answered"], line["answer"].endswith(": on Friday")) == ("accepted", True)
    assert firing("digest", "--format", "json").json["digest"]["counts"]["accepted"] == 1
    assert firing("accept", CONCERN, "--undo").out == f"{CONCERN} is unanswered again.\n"
    assert answers(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "share", "value", "days"),
    [
        (("--until", "90%"), 0.9, None, None),
        (("--until", "550B"), None, 550.0, None),
        (("--for", "30d"), None, None, (30, 30)),
        (("--this-period",), None, None, (0, 31)),
        ((), None, None, None),
    ],
)
def test_a_rejection_keeps_what_it_waits_for(
    firing: Run,
    tmp_path: Path,
    words: tuple[str, ...],
    share: float | None,
    value: float | None,
    days: tuple[int, int] | None,
) -> None:
    ended = firing("reject", CONCERN, *words)
    assert (ended.code, ended.out[: len(CONCERN) + 19]) == (0, f"{CONCERN} is rejected until ")
    (one,) = answers(tmp_path)
    assert (one.said, one.share, one.value) == (Said.REJECTED, share, value)
    if days is None:
        assert one.until is None
        return
    assert one.until is not None
    assert days[0] <= (one.until - one.at).days <= days[1]
    if words == ("--this-period",):
        assert one.until.astimezone(UTC).strftime("%d %H:%M") == "12 00:00"


UNFIT = {
    ("done", "shop/api#storge"): f"no open concern `shop/api#storge`; open: {CONCERN}",
    ("done", CONCERN, "--undo"): f"nobody answered `{CONCERN}`; answered: none",
    ("reject", CONCERN, "--until", "5s"): f"--until: `{CONCERN}` is in bytes; write ",
    ("reject", CONCERN, "--until", "stone"): "--until: `stone` is no value; write such as 400MB",
    ("reject", CONCERN, "--until", "0%"): "--until: `0%` is no share to wait for; write such as 90%",
    ("reject", CONCERN, "--for", "3MB"): "--for: `3MB` is no time of at most a year; write 30d or 2w",
    ("reject", CONCERN, "--for", "3d", "--this-period"): "--this-period and --for: write one of them",
    ("checklist", "done", "app-virgin.staging.databases"): "did you mean `app-virgin.staging.database`?",
    ("checklist", "--stack", "blog"): "--stack: no stack `blog`; there are: shop",
}


def test_an_answer_that_does_not_fit_changes_nothing(firing: Run, tmp_path: Path) -> None:
    for words, cause in UNFIT.items():
        ended = firing(*words)
        assert (ended.code, ended.out) == (1, "")
        assert cause in ended.err
    assert answers(tmp_path) == []


ITEM = "app-virgin.staging.database"


def test_an_item_is_done_undone_and_listed_for_its_stack(firing: Run) -> None:
    assert firing("checklist", "done", ITEM, "--by", "ann").out == f"{ITEM} is done for shop.\n"
    assert firing("checklist", "done", ITEM).out.endswith(" by ann.\n")
    items = {one["id"]: one for one in firing("checklist", "--stack", "shop", "--json").json["items"]}
    assert (items[ITEM]["done"], items[ITEM]["done_by"]) == (True, "ann")
    assert datetime.now(UTC) - datetime.fromisoformat(items[ITEM]["done_at"]) < timedelta(hours=1)
    assert " by ann " in firing("checklist").out
    assert firing("checklist", "undo", ITEM).out == f"{ITEM} is open again for shop.\n"
    again = firing("checklist", "undo", ITEM)
    assert (again.code, "nothing to take back" in again.err) == (1, True)


def test_a_milestone_is_in_the_digest_when_the_users_come_near(
    firing: Run, write: Write, usage: Usage
) -> None:
    assert "From 1,000 users on" not in firing("digest").out
    write(CONFIG.format(url=usage.url).replace("packs:", "facts: {users: 800}\n    packs:"))
    said = firing("digest").out
    assert "From 1,000 users on (app-virgin, 800 of 1,000 users), 0 of 5 done" in " ".join(said.split())
