"""`advisor export`: the estimate as FOCUS rows, which our own importer reads as the same days."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from advisor.collectors.focus.rows import parse
from advisor.core.focus import COLUMNS
from advisor.core.model import Observed, Quality, Reading
from advisor.store import open_store
from tests.commands.conftest import Run

CONFIG = """
store: sqlite:///advisor.db
accounts:
  acme: {provider: supabase, plan: pro, currency: EUR, rate: 0.9}
stacks:
  shop:
    timezone: Europe/Lisbon
    labels: {team: core}
    services:
      database: {account: acme, role: database}
      search: {provider: nobody}
"""
START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=5)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "advisor.yaml"
    path.write_text(CONFIG)
    store = open_store("sqlite:///advisor.db", tmp_path)
    with store.transaction() as tx:
        tx.add_readings([reading(25.0, 0), reading(0.0, 1), reading(1.25, 2), reading(9.0, 2, "script")])
    store.close()
    return path


def reading(usd: float, day: int, source: str = "estimate") -> Observed:
    since = START + timedelta(days=day)
    one = Reading("cost", usd, since + timedelta(days=1), since, quality=Quality.ESTIMATED)
    return Observed(one, "shop/database", source, START, 1e5)


def test_a_row_a_day_with_the_columns_that_an_estimate_can_fill(run: Run, config: Path) -> None:
    ended = run("export", "--format", "focus", "-c", str(config))
    assert ended.code == 0, ended.err
    found = list(csv.DictReader(io.StringIO(ended.out)))
    assert tuple(found[0]) == COLUMNS
    # What a source reports from the third day on stands in no estimate.
    assert [row["BilledCost"] for row in found] == ["22.5", "0"]
    first = found[0]
    assert first["BillingCurrency"] == "EUR"
    assert (first["ProviderName"], first["ServiceCategory"]) == ("Supabase", "Databases")
    assert (first["SubAccountId"], first["BillingAccountId"]) == ("shop", "acme")
    assert "estimated" in first["ChargeDescription"]
    assert first["ChargePeriodStart"] == START.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert first["BillingPeriodStart"] <= first["ChargePeriodStart"] < first["BillingPeriodEnd"]
    assert "not in the file: shop/search" in ended.err


def test_our_importer_reads_what_we_export(run: Run, config: Path, tmp_path: Path) -> None:
    target = tmp_path / "costs.csv"
    assert run("export", "-o", str(target), "-c", str(config)).code == 0
    rows = csv.DictReader(io.StringIO(target.read_text()))
    answer = parse(
        rows, {"ServiceName": ("supabase",)}, "BilledCost", {"EUR": 1 / 0.9}, datetime.now(UTC), START
    )
    assert [(r.since, round(r.value, 6)) for r in answer.readings] == [
        (START, 25.0),
        (START + timedelta(days=1), 0.0),
    ]


def test_since_cuts_and_a_wrong_one_is_said(run: Run, config: Path) -> None:
    whole = run("export", "-c", str(config), "--since", f"{START + timedelta(days=2):%Y-%m-%d}")
    assert len(whole.out.splitlines()) == 2
    wrong = run("export", "-c", str(config), "--since", "soon")
    assert (wrong.code, "write a span such as 90d" in wrong.err) == (1, True)


def test_a_place_that_cannot_be_written_is_said(run: Run, config: Path, tmp_path: Path) -> None:
    ended = run("export", "-c", str(config), "-o", str(tmp_path / "gone" / "costs.csv"))
    assert ended.code == 1
    assert "--output" in ended.err
