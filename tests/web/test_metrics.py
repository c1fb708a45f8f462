import re
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from advisor.core.snapshot import Snapshot
from advisor.web.metrics import MEANINGS, exporter

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"


def scraped(snapshot: Snapshot, now: datetime | None = None) -> dict[str, list[tuple[dict[str, str], float]]]:
    text = exporter(lambda: snapshot, lambda: now or snapshot.at)().decode()
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
    }


def of(found: list[tuple[dict[str, str], float]], **labels: str) -> list[float]:
    return [value for have, value in found if labels.items() <= have.items()]


def test_value_limit_and_used_ratio_are_in_base_units_with_their_labels(snapshot: Snapshot):
    found = scraped(snapshot)
    labels, value = found["advisor_metric_value"][0]
    assert value == 481e6
    assert labels == {
        "stack": "shop",
        "service": "database",
        "account": "acme-supabase",
        "provider": "supabase",
        "metric": "storage",
        "stat": "",
        "unit": "bytes",
    }
    assert of(found["advisor_metric_limit"], metric="storage", limit="quota") == [500e6]
    assert of(found["advisor_metric_used_ratio"], metric="storage") == [0.962]


def test_a_stale_value_is_left_out_and_marked_never_zero(snapshot: Snapshot):
    found = scraped(snapshot)
    assert of(found["advisor_metric_value"], metric="response_time") == []
    assert of(found["advisor_metric_fresh"], metric="response_time") == [0]
    assert of(found["advisor_metric_fresh"], metric="storage") == [1]


def test_what_has_no_limit_exports_none(snapshot: Snapshot):
    found = scraped(snapshot)
    assert of(found["advisor_metric_limit"], metric="errors") == []
    assert of(found["advisor_metric_limit"], metric="users") == []


def test_two_rows_with_the_same_labels_are_one_sample(snapshot: Snapshot):
    twice = replace(snapshot, metrics=(*snapshot.metrics, snapshot.metrics[0]))
    assert len(of(scraped(twice)["advisor_metric_value"], metric="storage")) == 1


def test_two_limits_of_one_metric_are_told_apart(snapshot: Snapshot):
    other = replace(snapshot.metrics[1], limit_kind="max", limit=100, used=0.34)
    found = scraped(replace(snapshot, metrics=(*snapshot.metrics, other)))
    assert of(found["advisor_metric_limit"], metric="connections", limit="max") == [100]
    assert of(found["advisor_metric_limit"], metric="connections", limit="quota") == [60]


def test_a_number_that_is_not_finite_is_left_out(snapshot: Snapshot):
    broken = replace(snapshot, metrics=(replace(snapshot.metrics[0], value=float("nan")),))
    assert scraped(broken)["advisor_metric_value"] == []


def test_every_state_and_kind_is_counted_also_at_zero(snapshot: Snapshot):
    found = scraped(replace(snapshot, findings={}, judgements={}))
    assert [labels["state"] for labels, _ in found["advisor_findings"]] == ["pending", "firing", "resolved"]
    assert [labels["kind"] for labels, _ in found["advisor_judgements"]] == [
        "judged",
        "unknown",
        "not applicable",
        "question",
    ]


def test_a_recommendation_has_its_price_and_date(snapshot: Snapshot):
    found = scraped(snapshot)
    ((labels, value),) = [
        one for one in found["advisor_recommendation_info"] if one[0]["service"] == "database"
    ]
    assert value == 1
    assert (labels["action"], labels["from_plan"], labels["to_plan"]) == ("upgrade", "free", "pro")
    assert of(found["advisor_recommendation_difference_usd"], service="database") == [25]
    due = (snapshot.at + timedelta(days=12)).timestamp()
    assert of(found["advisor_recommendation_due_timestamp_seconds"]) == [due]


def test_a_source_before_its_first_poll_is_neither_up_nor_down(snapshot: Snapshot):
    waiting = replace(snapshot.sources[0], subject="shop/new", up=None, last_success=None, duration=None)
    found = scraped(replace(snapshot, sources=(*snapshot.sources, waiting)))
    assert of(found["advisor_source_up"], subject="shop/new") == []
    assert of(found["advisor_source_up"], subject="shop/backend") == [0]
    assert of(found["advisor_source_up"], subject="shop/database") == [1]


def test_the_outbox_ages_between_snapshots(snapshot: Snapshot):
    later = snapshot.at + timedelta(seconds=20)
    assert scraped(snapshot, later)["advisor_outbox_oldest_age_seconds"] == [({}, 60)]
    empty = replace(snapshot, outbox_oldest=None)
    assert scraped(empty, later)["advisor_outbox_oldest_age_seconds"] == [({}, 0)]


def test_promtool_finds_nothing(snapshot: Snapshot):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; it is part of the package prometheus")
    text = exporter(lambda: snapshot)()
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_the_documentation_lists_every_metric_and_no_other(snapshot: Snapshot):
    documented = set(re.findall(r"^\| `(advisor_\w+)`", DOCS.read_text(), flags=re.MULTILINE))
    exported = {name for name in scraped(snapshot) if name.startswith("advisor_")}
    assert documented == set(MEANINGS) == exported
