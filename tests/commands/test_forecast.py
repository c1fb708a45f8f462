"""`advisor forecast` as a user has it: a CSV, JSON lines, and what it says to mistakes."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from advisor.commands import forecast_lines
from tests.commands.conftest import Run

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def storage(tmp_path: Path) -> str:
    lines = [f"{(START + timedelta(days=n)).isoformat()},{4000 + 40 * n + 10 * (n % 3)}" for n in range(60)]
    file = tmp_path / "storage.csv"
    file.write_text("\n".join(["timestamp,value", *lines]) + "\n")
    return str(file)


def test_a_file_of_levels_is_answered_with_a_date_a_range_and_why(run: Run, storage: str) -> None:
    ended = run("forecast", "--csv", storage, "--unit", "MB", "--limit", "8GB")
    assert ended.code == 0, ended.said
    for said in ("8 GB", "four times in five", "80 % of it", "met within 7, 14, 30 days", "pace of"):
        assert said in ended.out


def test_its_json_has_the_documented_keys(run: Run, storage: str) -> None:
    said = run("forecast", "--csv", storage, "--unit", "MB", "--limit", "8GB", "--json").json
    assert (said["version"], said["kind"], said["unit"], said["limit"]) == (1, "level", "bytes", 8e9)
    assert said["low"] < said["when"] < said["high"]
    assert said["near"] < said["when"]
    assert set(said["within"]) == {"7", "14", "30"}
    assert [set(one) for one in said["path"]][:1] == [{"days", "low", "middle", "high"}]


def test_an_amount_ends_with_its_period(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "emails.csv"
    file.write_text("".join(f"{(START + timedelta(days=n)).date()},100\n" for n in range(45)))
    said = run("forecast", "--csv", str(file), "--kind", "amount", "--limit", "2500", "--json").json
    assert said["at_end_of_period"] == pytest.approx(2800, rel=0.01)
    assert "2026-02-24" <= said["when"] < "2026-02-28"
    assert said["how"].startswith("at the recent pace of 100 a day")


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("2026-01-01,five\n2026-01-02,x\n", [], "storage.csv:2: `x` is no number"),
        ("someday,5\n", [], "storage.csv:1: `someday` is no time"),
        ("", [], "holds no readings"),
        ("2026-01-01,5,6\n", [], "has 3 cells"),
        ("2026-01-01,5\n", ["--limit", "much"], "`--limit much`"),
        ("2026-01-01,5\n", ["--limit", "8GB", "--unit", "ms"], "of two kinds"),
        ("2026-01-01,5\n", ["--kind", "rate"], "add --limit"),
    ],
)
def test_a_mistake_is_one_sentence(
    run: Run, tmp_path: Path, text: str, options: list[str], says: str
) -> None:
    file = tmp_path / "storage.csv"
    file.write_text(text)
    ended = run("forecast", "--csv", str(file), *options)
    assert ended.code == 1
    assert says in ended.said


def test_a_dash_is_standard_input(run: Run, storage: str) -> None:
    piped = run("forecast", "--csv", "-", "--limit", "8K", stdin=Path(storage).read_text())
    assert piped.code == 0, piped.said
    assert piped.out == run("forecast", "--csv", storage, "--limit", "8K").out


def test_json_lines_are_answered_from_standard_input(run: Run) -> None:
    line = '{"op": "time_to_limit", "timestamps": [0, 86400], "values": [1, 2], "limit": 5, "kind": "gauge"}'
    assert set(run("forecast", "--jsonl", stdin=line).json) == {"eta", "low", "high"}


def test_a_file_that_is_not_there_is_said(run: Run) -> None:
    assert "cannot be read" in run("forecast", "--csv", "nowhere.csv").said


def asked(*lines: object) -> list[dict[str, object]]:
    out = io.StringIO()
    forecast_lines.run(io.StringIO("".join(json.dumps(line) + "\n" for line in lines)), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("kind", ["gauge", "counter_month", "counter_day", "rate"])
def test_each_kind_of_the_lines_has_a_date_and_a_path(kind: str) -> None:
    begin = START.timestamp()
    times = [begin + 86399 + 86400.0 * n for n in range(50)]
    values = [float(10 * (n % 31 + 1)) for n in range(50)]
    series = {"timestamps": times, "values": values, "kind": kind}
    met, path = asked(
        {"op": "time_to_limit", "limit": 330.0, **series}, {"op": "forecast", "horizon_s": 1209600, **series}
    )
    assert set(met) == {"eta", "low", "high"}
    low, middle, high = (np.asarray(path[key]) for key in ("low", "median", "high"))
    assert (low <= middle + 1e-9).all()
    assert (middle <= high + 1e-9).all()


def test_a_line_that_cannot_be_answered_stops_no_other() -> None:
    good = {
        "op": "time_to_limit",
        "timestamps": [0.0, 86400.0],
        "values": [1.0, 2.0],
        "limit": 5,
        "kind": "gauge",
    }
    said = asked({}, {**good, "kind": "gouge"}, {**good, "values": []}, [1], good)
    assert [next(iter(one)) for one in said] == ["error", "error", "error", "error", "eta"]
    assert said[0] == {"error": "`timestamps` is missing"}
