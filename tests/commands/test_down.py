"""What could go down is told by the report, and answered like any concern."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from advisor.core.model import Observed, Reading
from advisor.store import open_store
from tests.commands.conftest import Run

Write = Callable[..., Path]
CONCERN = "shop/database#down"
CONFIG = """
accounts: {acme: {provider: supabase, plan: PLAN}}
stacks: {shop: {services: {database: {account: acme}}}}
"""


@pytest.fixture
def calm(run: Run, write: Write, tmp_path: Path) -> Run:
    """Return what runs commands beside a store with 61 days of a small database on a large plan."""
    write(CONFIG.replace("PLAN", "pro"))
    now = datetime.now(UTC)
    store = open_store("sqlite:///advisor.db", tmp_path)
    try:
        with store.transaction() as tx:
            tx.add_readings(
                [
                    Observed(Reading("storage", 1e8, at), "shop/database", "script", at, 172_800.0)
                    for at in (now - timedelta(days=61 - n, minutes=1) for n in range(62))
                ]
            )
    finally:
        store.close()
    return run


def said(run: Run) -> str:
    return " ".join(run("digest").out.split())


def test_the_report_names_what_could_go_down_and_an_answer_keeps_it_still(calm: Run, write: Write) -> None:
    assert "Could go down" in said(calm)
    assert "Supabase Pro → Free, $25/mo less: the last 60 days would have fitted with 30 % to spare" in said(
        calm
    )
    assert calm("accept", CONCERN, "--by", "ann").code == 0
    assert "accepted" in said(calm).lower()
    assert calm("reject", CONCERN, "--for", "90d").code == 0
    assert "Could go down" not in said(calm)
    assert calm("reject", CONCERN, "--undo").code == 0
    assert "Could go down" in said(calm)


def test_done_is_verified_by_the_plan(calm: Run, write: Write) -> None:
    assert calm("done", CONCERN, "--by", "ann").code == 0
    assert "Could go down" not in said(calm)
    write(CONFIG.replace("PLAN", "free"))
    assert calm("tick").code == 0
    assert "plan pro → free" in said(calm)


def test_what_cannot_go_down_takes_no_answer(calm: Run) -> None:
    assert "no open concern `shop/cache#down`" in calm("reject", "shop/cache#down").err
    ended = calm("reject", CONCERN, "--until", "90%")
    assert (ended.code, "has no value to wait for" in ended.err) == (1, True)
