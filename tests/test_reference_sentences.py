"""Every measurable sentence of a reference list, just over and just under each of its thresholds.

So is every trigger of the documents, as the packs have it: its thresholds must be the table's own numbers.

The list is no part of the project: `ADVISOR_REFERENCE` names the folder that holds `sentences.csv`
(id, kind, service role, provider, plan, sentence, ...). For each comparison of a sentence there are readings
that meet it by one per cent and readings that miss it by one per cent, the others being met.
"""

import csv
import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from advisor import catalogue_files
from advisor.commands.evaluate import document as answered
from advisor.config import load_config
from advisor.core.catalogue import Catalogue
from advisor.core.compile import leaves
from advisor.core.document import Document
from advisor.core.language import parse
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Limit, Metric, Observed
from advisor.core.replay import replay
from advisor.core.sentence import (
    AnyMetric,
    Calendar,
    For,
    Growth,
    In,
    Measure,
    Needs,
    OnDays,
    Over,
    Per,
    Rate,
    ShareOf,
    Span,
    TargetMissed,
    Value,
)
from advisor.core.sentence import (
    Test as Comparison,
)
from advisor.core.units import Unit
from advisor.core.watch import Watch
from advisor.readings import read_lines
from advisor.rulebook import load_pack
from advisor.world import world

FOLDER = os.environ.get("ADVISOR_REFERENCE", "")
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="ADVISOR_REFERENCE names no folder with the reference sentences"
)

pack, load = cache(load_pack), catalogue_files.load
providers = cache(lambda: load().providers)
END = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
QUOTA = 10_000_000_000.0
OTHER = 1000.0  #: What another metric stands at.
IN_SPAN = {"s": timedelta(seconds=1), "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "month": 30 * DAY}


@dataclass
class Row:
    """A line of the list; with `pack` it is a rule of that pack, `name` its id."""

    name: str
    role: str
    provider: str
    plan: str
    when: str
    pack: str = ""


@dataclass
class Case:
    """A sentence with one of its comparisons met or missed."""

    row: Row
    toggled: int
    met: bool
    lines: list[dict[str, Any]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.row.name}[{self.toggled}] {'met' if self.met else 'missed'}: {self.row.when}"


def catalogue(*, products: object = None, documents: Iterable[Document] = ()) -> Catalogue:
    """Return the whole catalogue, whose files are read once."""
    return Catalogue(providers(), {document.name: document for document in documents})


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("advisor.catalogue_files.load", catalogue)
    monkeypatch.setattr("advisor.world.load_pack", pack)


@cache
def rows() -> tuple[Row, ...]:
    if not FOLDER:
        return ()
    with (Path(FOLDER) / "sentences.csv").open(encoding="utf-8") as file:
        return tuple(
            Row(line[0], line[2], line[3].split("|")[0], line[4], line[5])
            for line in list(csv.reader(file))[1:]
        )


@cache
def triggers() -> tuple[dict[str, str], ...]:
    """Return the table of the documents' triggers, those that can be measured."""
    if not FOLDER:
        return ()
    with (Path(FOLDER) / "triggers.csv").open(encoding="utf-8") as file:
        return tuple(line for line in csv.DictReader(file) if line["comparator"] != "manual")


def row_of(trigger: dict[str, str]) -> Row:
    """Return the rule of a pack that stands for a trigger."""
    found = next(rule for rule in pack(trigger["document"]).rules if rule.id == trigger["id"])
    provider, plan = next(iter(found.provider), ""), next(iter(found.plan), "")
    return Row(found.id, found.service, provider, plan, found.sentence.text, found.pack)


def service_of(row: Row) -> str:
    if row.role:
        return "database" if row.role == "any" else row.role
    return "backend" if row.provider else ""


def subject_of(row: Row, metric: Metric) -> str:
    """Return the service whose reading it is; "" where the stack itself is asked."""
    if not service_of(row) or metric.roles == {"stack"}:
        return ""
    return service_of(row)


def comparisons(row: Row) -> list[Comparison]:
    return [leaf for leaf in leaves(parse(row.when).condition) if isinstance(leaf, Comparison)]


def threshold(test: Comparison) -> float:
    match test.threshold:
        case Value(number=number):
            return number
        case ShareOf(ratio=ratio, of=Limit.BUDGET):
            return ratio * 1000
        case ShareOf(ratio=ratio, of=Limit()):
            return ratio * QUOTA
        case ShareOf(ratio=ratio):
            return ratio * OTHER


def meeting(test: Comparison, *, met: bool) -> float:
    """Return a value one per cent of the threshold on the side that meets or misses it."""
    figure = threshold(test)
    step = 0.01 * figure or 1.0
    if VOCABULARY[name_of(test)].kind is Kind.SHARE and isinstance(test.quantity, Measure):
        step = 0.01 * min(figure, 1 - figure) or 0.01
    value = figure + (step if test.compare.upward == met else -step)
    if isinstance(test.quantity, Growth):
        return value
    return min(max(value, 0.0), 1.0 if VOCABULARY[name_of(test)].unit is Unit.RATIO else math.inf)


def name_of(test: Comparison) -> str:
    return "storage" if isinstance(test.quantity, AnyMetric) else test.quantity.metric


def back(span: Span) -> timedelta:
    return IN_SPAN[span.unit] * span.count


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


class Stream:
    """Lines of readings about one subject."""

    def __init__(self, service: str, metric: Metric) -> None:
        self.about: dict[str, Any] = {"stack": "shop", "metric": metric.name}
        if service:
            self.about["service"] = service
        self.metric = metric
        self.lines: list[dict[str, Any]] = []

    def level(self, value: float, start: datetime, until: datetime, every: timedelta) -> None:
        at = start
        while at <= until:
            self.lines.append({**self.about, "at": stamp(at), "value": value})
            at += every

    def buckets(
        self, total: float, start: datetime, until: datetime, every: timedelta, **more: object
    ) -> None:
        """An amount's total in equal parts; a share's ratio or a distribution's value in every bucket."""
        edges = [start]
        while edges[-1] < until:
            edges.append(min(edges[-1] + every, until))
        length = (until - start).total_seconds()
        for since, to in pairwise(edges):
            part = total
            if self.metric.kind is Kind.AMOUNT:
                part = total * (to - since).total_seconds() / length
            if self.metric.kind is Kind.SHARE:
                part, more = total * 1_000_000, {"of": 1_000_000}
            line = {**self.about, "from": stamp(since), "to": stamp(to), "value": part, **more}
            self.lines.append(line)


MONTH = datetime(2026, 11, 1, tzinfo=UTC)
LAST_MONTH = datetime(2026, 10, 1, tzinfo=UTC)
BEFORE = datetime(2026, 9, 1, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)


def lines_for(row: Row, test: Comparison, value: float) -> list[dict[str, Any]]:  # noqa: PLR0912 - one case a form
    """Return readings that make the test's quantity just this value."""
    metric = VOCABULARY[name_of(test)]
    stream = Stream(subject_of(row, metric), metric)
    quantity = test.quantity
    complete = not test.compare.upward or (
        isinstance(test.threshold, ShareOf) and not isinstance(test.threshold.of, Limit)
    )
    stat = {"stat": getattr(quantity, "agg", "")} if metric.kind is Kind.DISTRIBUTION else {}
    if isinstance(test.hold, OnDays):
        stream.buckets(value, MIDNIGHT - test.hold.days * DAY, MIDNIGHT, HOUR, **stat)
        return stream.lines
    match quantity, metric.kind:
        case Growth(), Kind.LEVEL:
            stream.level(100.0, END - 31 * DAY, END - DAY, DAY)
            stream.level(100 * (1 + value), END, END, DAY)
        case Growth(), kind:
            before, now = (0.5, 0.5 * (1 + value)) if kind is Kind.SHARE else (100.0, 100 * (1 + value))
            stream.buckets(before, BEFORE, LAST_MONTH, 5 * DAY)
            stream.buckets(now, LAST_MONTH, MONTH, 5 * DAY)
            stream.buckets(0.3, MONTH, MIDNIGHT, 5 * DAY)
        case Measure(window=Over(span)), Kind.LEVEL:
            stream.level(value, END - back(span), END, back(span) / 12)
        case _, Kind.LEVEL:
            held = 20 * MINUTE if isinstance(test.hold, For) else timedelta(0)
            stream.level(value, END - held, END, 5 * MINUTE)
        case Measure(window=Over(span)), _:
            stream.buckets(value, END - back(span), END, back(span) / 12, **stat)
        case Measure(window=In(span)), _:
            stream.buckets(value, END - back(span), END, back(span) / 5)
        case Measure(window=Rate(clock, None)), _:
            stream.buckets(value * 60 / clock, END - MINUTE, END, MINUTE)
        case Measure(window=Per(Calendar.DAY)), _:
            stream.buckets(value, MIDNIGHT, END, HOUR)
        case Measure(window=Per() | None), Kind.AMOUNT if complete:
            stream.buckets(value, LAST_MONTH, MONTH, 5 * DAY)
            stream.buckets(1.0, MONTH, MIDNIGHT, 5 * DAY)
        case Measure(window=Per() | None), Kind.AMOUNT:
            stream.buckets(value, MONTH, MIDNIGHT, 5 * DAY)
        case _:
            stream.buckets(value, END - 5 * MINUTE, END, 5 * MINUTE, **stat)
    if isinstance(test.threshold, ShareOf) and not isinstance(test.threshold.of, Limit):
        other = VOCABULARY[test.threshold.of]
        beside = Stream(subject_of(row, other), other)
        if other.kind is Kind.LEVEL:
            beside.level(OTHER, END, END, DAY)
        else:
            beside.buckets(OTHER, LAST_MONTH, MONTH, 5 * DAY)
            beside.buckets(1.0, MONTH, MIDNIGHT, 5 * DAY)
        stream.lines += beside.lines
    return stream.lines


def cases(row: Row) -> Iterator[Case]:
    """Yield the sentence with every comparison missed in turn, the others met, and with all met."""
    tests = comparisons(row)
    alternatives = " or " in row.when
    for toggled in range(len(tests)):
        for met in (True, False):
            case = Case(row, toggled, met)
            values: dict[str, tuple[Comparison, float]] = {}
            for place, other in enumerate(tests):
                # In `(a or b) and c` the alternatives are all missed but the toggled one, or all met for `c`.
                last = len(tests) - 1
                others_met = not alternatives or (row.when.startswith("(") and last in (place, toggled))
                name = name_of(other)
                value = meeting(other, met=met if place == toggled else others_met)
                if name not in values or place == toggled:
                    values[name] = (other, value)
            for other, value in values.values():
                case.lines += lines_for(row, other, value)
            case.lines.sort(key=lambda line: str(line.get("at") or line.get("to")))
            yield case


LIMITS: dict[str, str] = {
    "storage": "{quota: 10GB}",
    "connections": "{quota: 10000000000, max: 10000000000, pool: 10000000000}",
    "memory": "{available: 10GB}",
    "class_a_operations": "{quota: 10000000000}",
    "class_b_operations": "{quota: 10000000000}",
    "egress": "{quota: 10GB}",
}


def configuration(row: Row, folder: Path) -> Watch:
    """Write the sentence into a rule file of its own, and return the watch that judges it."""
    service = service_of(row)
    provider, _, product = row.provider.partition("-") if "-r2" in row.provider else (row.provider, "", "")
    keys = [f"provider: {provider or 'acme'}"]
    keys += [f"product: {product}"] if product else []
    keys += [f"plan: {row.plan}"] if row.plan else []
    limited = {
        name_of(test)
        for test in comparisons(row)
        if isinstance(test.threshold, ShareOf) and test.threshold.of in set(Limit) - {Limit.BUDGET}
    }
    if limited:
        keys.append("limits: {" + ", ".join(f"{name}: {LIMITS[name]}" for name in sorted(limited)) + "}")
    services = f"\n    services:\n      {service}: {{{', '.join(keys)}}}" if service else ""
    needs = [leaf.name for leaf in leaves(parse(row.when).condition) if isinstance(leaf, Needs)]
    config = folder / "stack.yaml"
    config.write_text(
        f"stacks:\n  shop:\n    packs: [{row.pack}]\n    budget: $1000/mo\n    needs: {{"
        + ", ".join(f"{need}: yes" for need in needs)
        + "}"
        + services
        + ("" if row.pack else "\nrules:\n  files: [own.yaml]\n")
    )
    if row.pack:
        loaded = world(load_config(config, environ={}))
        return Watch(loaded.fleet, [loaded.rules[row.name]], loaded.catalogue, loaded.playbooks)
    rule = {"id": "own", "when": row.when, "then": "investigate", "severity": "warning", "says": "x"}
    if row.role:
        rule["service"] = row.role
    if row.provider:
        rule["provider"] = row.provider
    if row.plan:
        rule["plan"] = row.plan
    (folder / "own.yaml").write_text(json.dumps([rule]))
    loaded = world(load_config(config, environ={}))
    own = [one for one in loaded.rulebook.rules if one.id == "own"]
    return Watch(loaded.fleet, own, loaded.catalogue, loaded.playbooks)


def answer(watch: Watch, lines: list[dict[str, Any]], at: datetime | None = None) -> dict[str, Any]:
    """Return what `advisor evaluate --json` prints for these lines."""
    again = Watch(watch.fleet, watch.rules.values(), watch.catalogue, watch.playbooks)
    facts = list(read_lines((json.dumps(line) for line in lines), again.fleet, "readings"))
    for _ in replay(again, facts, at):
        pass
    assert again.decision is not None
    return answered(again, again.decision.at, [one for one in facts if isinstance(one, Observed)])


def measured(row: Row) -> bool:
    return bool(comparisons(row)) and not any(
        isinstance(leaf, TargetMissed) for leaf in leaves(parse(row.when).condition)
    )


@pytest.mark.parametrize("row", [row for row in rows() if measured(row)], ids=lambda row: row.name)
def test_a_sentence_fires_just_over_its_threshold_and_knows_what_it_does_not_know(
    row: Row, tmp_path: Path
) -> None:
    watch = configuration(row, tmp_path)
    just_over_and_just_under(row, watch)
    nothing_and_a_gap(row, watch)


_UNITS = {"MB": 1e6, "GB": 1e9, "TB": 1e12, "%": 0.01, "ms": 1e-3, "days": 86400.0}


@pytest.mark.parametrize("trigger", triggers(), ids=lambda trigger: trigger["id"])
def test_a_trigger_of_a_document_fires_at_the_documents_number(
    trigger: dict[str, str], tmp_path: Path
) -> None:
    row = row_of(trigger)
    if measured(row):
        numbers = {
            test.threshold.number if isinstance(test.threshold, Value) else test.threshold.ratio
            for test in comparisons(row)
        }
        wanted = 0.0 if trigger["threshold"] == "down" else float(trigger["threshold"])
        wanted *= _UNITS.get(trigger["unit"], 1.0)
        assert any(math.isclose(number, wanted) for number in numbers), f"{wanted}: {row.when}"
        just_over_and_just_under(row, configuration(row, tmp_path))


def just_over_and_just_under(row: Row, watch: Watch) -> None:
    for case in cases(row):
        if any(line["value"] < 0 for line in case.lines):
            continue
        test = comparisons(row)[case.toggled]
        if meeting(test, met=True) == meeting(test, met=False):
            continue
        found = answer(watch, case.lines)
        states = [finding["state"] for finding in found["findings"]]
        assert ("firing" in states) == case.met, f"{case}: {states} {found['unknown']}"
        if not case.met:
            assert found["unknown"] == [], str(case)


def nothing_and_a_gap(row: Row, watch: Watch) -> None:
    assert [bool(one["why"]) for one in answer(watch, [], END)["unknown"]] == [True]
    met = next(cases(row))
    later = answer(watch, met.lines, END + 10 * DAY)
    assert [finding["state"] for finding in later["findings"]] == ["firing"]
    total_stands = any(VOCABULARY[name_of(test)].kind is Kind.AMOUNT for test in comparisons(row)) or any(
        isinstance(test.quantity, Growth) for test in comparisons(row)
    )
    if not total_stands:
        assert [bool(one["why"]) for one in later["unknown"]] == [True]
