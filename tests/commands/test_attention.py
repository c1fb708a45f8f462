"""`advisor ack`, `advisor snooze` and `advisor backup` beside a store, as a person uses them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from advisor.core.lifecycle import Attention
from advisor.store import open_store
from tests.commands.conftest import Run
from tests.running import Usage

Write = Callable[..., Path]
CONCERN = "shop/api#storage"


@pytest.fixture
def firing(run: Run, write: Write, usage: Usage) -> Run:
    """Return what runs commands beside a store with one firing concern."""
    usage.values = {"size": 500}
    write(
        f"""
stacks:
  shop: {{services: {{api: {{provider: http, url: "{usage.url}", metrics: {{storage: {{path: size}}}}}}}}}}
rules: {{files: [ours.yaml]}}
"""
    )
    write("- {id: a.full, service: api, when: storage > 400B, severity: critical}\n", "ours.yaml")
    assert run("once", "--fail-on", "critical").code == 2
    return run


def said(folder: Path) -> list[Attention]:
    store = open_store("sqlite:///advisor.db", folder)
    try:
        with store.reading() as tx:
            return tx.attentions()
    finally:
        store.close()


def test_an_acknowledgement_is_kept_shown_and_taken_back(firing: Run, tmp_path: Path) -> None:
    ended = firing("ack", CONCERN, "--until", "600B", "--by", "ann", "--reason", "on Friday")
    assert (ended.code, ended.out) == (0, f"{CONCERN} is acknowledged until 600B.\n")
    (one,) = said(tmp_path)
    assert (one.kind, one.by, one.reason, one.until_value) == ("acknowledge", "ann", "on Friday", 600.0)
    assert "acknowledged" in firing("digest").out
    assert firing("ack", CONCERN, "--undo").out == f"{CONCERN} is told of again.\n"
    assert said(tmp_path) == []


def test_a_snooze_ends_at_its_time_and_can_be_taken_back(firing: Run, tmp_path: Path) -> None:
    ended = firing("snooze", CONCERN, "3d")
    assert ended.code == 0
    assert ended.out.startswith(f"Nothing is said of {CONCERN} until ")
    (one,) = said(tmp_path)
    assert one.until is not None
    assert (one.until - one.at).days == 3
    assert firing("ack", CONCERN, "--undo").code == 0


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("ack", "shop/api#storge"), f"no open concern `shop/api#storge`; open: {CONCERN}"),
        (("ack", CONCERN, "--until", "5s"), f"--until: `{CONCERN}` is in bytes; write "),
        (("ack", CONCERN, "--until", "stone"), "--until: `stone` is no value; write such as 400MB"),
        (
            ("ack", CONCERN, "--undo"),
            f"nobody acknowledged or snoozed `{CONCERN}`; acknowledged or snoozed: none",
        ),
        (("snooze", CONCERN, "0s"), "`0s` is no time of at most a year; write 4h or 3d"),
        (("snooze", CONCERN, "3MB"), "`3MB` is no time of at most a year; write 4h or 3d"),
        (("snooze", CONCERN, "99999999999d"), "is no time of at most a year; write 4h or 3d"),
    ],
)
def test_a_word_that_fits_no_concern_changes_nothing(
    firing: Run, tmp_path: Path, words: tuple[str, ...], cause: str
) -> None:
    ended = firing(*words)
    assert (ended.code, ended.out) == (1, "")
    assert cause in ended.err
    assert said(tmp_path) == []


def test_a_backup_is_a_store_and_overwrites_nothing(firing: Run, tmp_path: Path) -> None:
    ended = firing("backup", "copy.db")
    assert ended.code == 0
    assert ended.out.startswith("copy.db holds the store (")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM findings").fetchone() == (1,)
    again = firing("backup", "copy.db")
    assert (again.code, again.err) == (1, "advisor: copy.db exists already: name a new file for the backup\n")
    nowhere = firing("backup", "nowhere/copy.db")
    assert nowhere.code == 1
    assert "the folder nowhere does not exist: create it, or name another" in nowhere.err


def test_a_digest_says_how_the_sources_answered_last(firing: Run) -> None:
    """A command that only looks polls nothing, and yet every source was polled."""
    assert "not polled yet" not in firing("digest").out
