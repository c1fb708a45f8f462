"""A FOCUS export becomes the cost of a service by day."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from advisor.collectors import focus
from advisor.collectors.focus.rows import parse, table
from advisor.core.fleet import Account, Service
from advisor.core.model import Reading
from advisor.polling.contract import Answer, Poll, Unexpected, Unreachable

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=400)
HEAD = "BilledCost,EffectiveCost,BillingCurrency,ChargePeriodStart,ProviderName,ServiceName,SubAccountId\n"
SUPABASE = {"ProviderName": ("supabase",)}


def row(day: str, cost: object, provider: str = "Supabase", currency: str = "USD") -> str:
    return f"{cost},1,{currency},{day}T00:00:00Z,{provider},{provider} Pro,shop\n"


def read(text: str, wanted: Any = SUPABASE, now: datetime = NOW, **rates: float) -> Answer:
    return parse(table(text.encode(), "csv", "the file", 10**6), wanted, "BilledCost", rates, now, SINCE)


def days(answer: Answer) -> list[tuple[int, float]]:
    return [(r.since.day, r.value) for r in answer.readings if r.since is not None]


def test_rows_of_a_day_add_up_and_a_day_without_any_costs_nothing() -> None:
    text = HEAD + row("2026-11-01", 25) + row("2026-11-01", -5) + row("2026-11-03", 1.5)
    assert days(read(text)) == [(1, 20.0), (2, 0.0), (3, 1.5)]


def test_the_file_as_a_whole_says_which_days_are_known() -> None:
    text = HEAD + row("2026-11-01", 25) + row("2026-11-03", 7, "Neon")
    assert days(read(text)) == [(1, 25.0), (2, 0.0), (3, 0.0)]


def test_the_day_that_runs_ends_now_and_nothing_lies_ahead() -> None:
    answer = read(HEAD + row("2026-11-04", 2) + row("2026-11-05", 9))
    assert answer.readings == [Reading("cost", 2.0, NOW, NOW.replace(hour=0))]


def test_a_row_that_cannot_be_read_is_a_gap_and_not_zero() -> None:
    text = HEAD + row("2026-11-01", "") + row("2026-11-01", 3) + row("2026-11-02", 9, currency="EUR")
    answer = read(text + "1,1,USD,soon,Supabase,x,shop\n")
    assert days(answer) == [(1, 3.0), (2, 0.0)]
    assert [gap.why for gap in answer.gaps] == [
        "the file: 1 rows left out in EUR, of which `rates` has no rate",
        "the file: 1 rows left out whose BilledCost is no number",
        "the file: 1 rows left out whose ChargePeriodStart is no time",
    ]


def test_another_currency_counts_by_its_rate() -> None:
    assert days(read(HEAD + row("2026-11-02", 10, currency="EUR"), EUR=1.1)) == [(2, pytest.approx(11.0))]


def test_no_row_of_the_service_names_what_there_is_and_reads_nothing() -> None:
    answer = read(HEAD + row("2026-11-02", 10, "Neon"))
    assert not answer.readings
    assert [gap.why for gap in answer.gaps] == ["the file has no row of this service; it has Neon Pro"]


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"a,b\n1,2\n", "csv", "has no column `BilledCost`: is it a FOCUS export"),
        (b"\xff\xfe", "csv", "no text in UTF-8"),
        (b"{}\n[1]\n", "jsonl", "has no column"),
        (b"[1]\n", "jsonl", "line 1: no object"),
        (b"{\n", "jsonl", "line 1: no JSON"),
        (b"\x1f\x8bnonsense", "csv", "cannot be unpacked"),
        (gzip.compress(b"x" * 2_000_000), "csv", "larger than 0 MiB unpacked"),
    ],
)
def test_what_is_no_export_is_said_in_one_sentence(body: bytes, kind: str, says: str) -> None:
    with pytest.raises(Unexpected, match=says):
        parse(table(body, kind, "the file", 10**6), SUPABASE, "BilledCost", {}, NOW, SINCE)


def test_json_lines_and_packed_files_say_the_same() -> None:
    line = json.dumps(
        {
            "BilledCost": 3,
            "BillingCurrency": "USD",
            "ChargePeriodStart": "2026-11-02",
            "ProviderName": "Supabase",
        }
    )
    found = table(gzip.compress(line.encode()), "jsonl", "the file", 10**6)
    assert days(parse(found, SUPABASE, "BilledCost", {}, NOW, SINCE)) == [(2, 3.0)]


def settings(**more: Any) -> focus.Settings:
    return focus.Settings.model_validate({"provider_name": "Supabase", **more})


def poll(http: httpx.AsyncClient) -> Poll:
    service = Service("shop", "database", "database", "supabase", "acc")
    return Poll(http, service, Account("acc", "supabase"), NOW)


async def test_a_file_and_an_address_are_read(tmp_path: Path) -> None:
    text = HEAD + row("2026-11-02", 4)
    (tmp_path / "costs.csv").write_text(text)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=gzip.compress(text.encode())))
    async with httpx.AsyncClient(transport=transport) as http:
        by_file = await focus.collect(poll(http), settings(file=str(tmp_path / "costs.csv")))
        by_url = await focus.collect(poll(http), settings(url="https://bills.example/costs.csv.gz?key=s"))
    assert days(by_file) == days(by_url) == [(2, 4.0)]


async def test_a_file_that_is_gone_or_of_no_known_kind_says_so(tmp_path: Path) -> None:
    async with httpx.AsyncClient() as http:
        with pytest.raises(Unreachable, match="cannot be read"):
            await focus.collect(poll(http), settings(file=str(tmp_path / "gone.csv")))
        (tmp_path / "costs.txt").write_text("x")
        with pytest.raises(Unexpected, match="write `format:`"):
            await focus.collect(poll(http), settings(file=str(tmp_path / "costs.txt")))


async def test_parquet_without_its_package_names_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "costs.parquet").write_bytes(b"PAR1")
    async with httpx.AsyncClient() as http:
        with pytest.raises(Unexpected, match=r"pip install 'scaling-advisor\[parquet\]'"):
            await focus.collect(poll(http), settings(file=str(tmp_path / "costs.parquet")))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "either a `file` or a `url`"),
        ({"file": "/a.csv", "url": "https://x/a.csv"}, "either a `file` or a `url`"),
        ({"file": "a.csv"}, "absolute path"),
        ({"file": "/a.csv", "provider_name": []}, "which rows are this service's"),
        ({"file": "/a.csv", "rates": {"EUR": 0}}, "a rate is a number above 0"),
    ],
)
def test_settings_that_cannot_work_say_why(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        settings(**more)
