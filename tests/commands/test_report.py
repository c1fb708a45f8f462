"""What `once` prints into a pipe, as claims."""

from datetime import UTC, datetime

import pytest

from advisor.commands.report import print_report
from advisor.core.message import DigestConcern, Recommendation
from advisor.core.model import Action, Severity
from advisor.core.snapshot import MetricRow, Snapshot, SourceRow

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
STORAGE = MetricRow(
    "shop", "database", "acme", "supabase", "storage", "bytes", 441e6, NOW,
    limit=500e6, used=0.882, limit_source="app-virgin line 288; catalogue: supabase free",
)  # fmt: skip
CPU = MetricRow("shop", "api", "fly", "fly", "cpu", "ratio", 0.25, NOW, fresh=False)


def concern(name: str, severity: Severity, by: datetime | None) -> DigestConcern:
    advice = Recommendation(action=Action.UPGRADE, headline=f"Upgrade for {name}.", by=by)
    return DigestConcern(
        concern=f"shop/database#{name}",
        stack="shop",
        service="database",
        title=name,
        severity=severity,
        state="firing",
        since=NOW,
        recommendation=advice,
    )


def printed(capsys: pytest.CaptureFixture[str], snapshot: Snapshot, **more: object) -> str:
    print_report(snapshot, **more)  # type: ignore[arg-type] # a test's shorthand
    return capsys.readouterr().out


def test_what_to_do_comes_before_usage_and_usage_before_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    snapshot = Snapshot(NOW, (STORAGE, CPU), (concern("storage", Severity.WARNING, NOW),))
    evidence = {
        "Transaction ids": [{"oldest in": "shop"}],
        "Largest tables": [{"table": "orders", "size": "9 MB"}],
    }
    out = printed(capsys, snapshot, evidence=evidence)
    places = [out.index(text) for text in ("What to do", "What is used", "Largest tables", "Transaction ids")]
    assert places == sorted(places)


def test_in_a_pipe_a_concern_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    soon, late = (
        concern("storage", Severity.WARNING, NOW),
        concern("egress", Severity.WARNING, NOW.replace(month=5)),
    )
    out = printed(capsys, Snapshot(NOW, concerns=(late, soon)))
    lines = [line for line in out.splitlines() if line.startswith("firing")]
    assert [line.split()[2] for line in lines] == ["shop/database#storage", "shop/database#egress"]
    assert "Upgrade for storage." in lines[0]


def test_a_table_names_the_first_source_of_a_limit_and_what_is_stale(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = printed(capsys, Snapshot(NOW, (STORAGE, CPU)))
    assert "app-virgin line 288" in out
    assert "catalogue" not in out
    assert next(line for line in out.splitlines() if "cpu" in line).endswith("stale")


def test_where_no_source_answers_nothing_is_called_well(capsys: pytest.CaptureFixture[str]) -> None:
    down = SourceRow("shop/database", "postgresql", 60.0, up=False, error="refused")
    out = printed(capsys, Snapshot(NOW, sources=(down,)))
    assert "is not known: no source answered" in out
