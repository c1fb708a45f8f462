"""Write the generated pages of this folder: `make docs`. A test holds them to be current.

configuration.md        from the models in advisor/settings.py
vocabulary.md           from the table in advisor/core/metrics.py
schema/catalogue.json   from the models in advisor/core/catalogue.py
what-if-bands.md        from the documents' stacks, costs and the catalogue
coverage.md             from the packs in rules/packs/, as they load
providers/README.md     from the collectors, the catalogue and advisor/alternatives.py
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from advisor import band_reference, config_reference, provider_reference
from advisor.commands import rules_compare
from advisor.core import catalogue
from advisor.core.document import Document
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Combine, Kind, Metric
from advisor.rulebook import Pack, builtin_packs, load_pack

HERE = Path(__file__).parent

_KINDS = {
    Kind.LEVEL: ("Levels", "A value at a moment. A window takes the mean, the least or the most of it."),
    Kind.AMOUNT: (
        "Amounts",
        "So much within a bucket of time. A window takes the sum: `emails per day`, `errors in 5m`.",
    ),
    Kind.DISTRIBUTION: (
        "Distributions",
        "Durations and sizes: write the quantile, `p95 response_time`, or `avg`.",
    ),
    Kind.SHARE: ("Shares", "A part over its whole; both are kept, so that a window is weighed rightly."),
}

_COMBINES = {
    Combine.SUM: "sum",
    Combine.MAX: "the highest",
    Combine.MEAN: "mean",
    Combine.EACH: "each by itself",
}


_ABOUT = """\
# The vocabulary of metrics

<!-- Made by `make docs` from advisor/core/metrics.py; change the table there instead. -->

One vocabulary of {count} names for all providers, in base units: bytes, seconds, ratio (0 to 1), count, US
dollars. Sentences of rules, readings and configuration use these names. `advisor metrics list` prints them,
with `--json` for programs.

A service may report a metric in several parts (machines, buckets, tables); the fourth column says how they
combine. The limits are those that can exist: `80% of quota` of a metric that has no quota is refused when the
rule is loaded.
"""


def vocabulary() -> str:
    """Return the page of all metrics."""
    return "\n".join(_vocabulary()) + "\n"


def _vocabulary() -> Iterator[str]:
    yield _ABOUT.format(count=len(VOCABULARY)).rstrip()
    for kind, (title, meaning) in _KINDS.items():
        yield from ("", f"## {title}", "", meaning, "")
        yield "| metric | unit | meaning | of several parts | limits | who has it |"
        yield "| --- | --- | --- | --- | --- | --- |"
        yield from (_row(metric) for metric in VOCABULARY.values() if metric.kind is kind)


def _row(metric: Metric) -> str:
    limits = ", ".join(sorted(limit.value for limit in metric.limits))
    roles = ", ".join(sorted(metric.roles)) or "any service"
    cells = (f"`{metric.name}`", metric.unit.value, metric.meaning, _COMBINES[metric.combine], limits, roles)
    return f"| {' | '.join(cells)} |"


def catalogue_schema() -> str:
    """Return the JSON Schema of a provider's file in `rules/catalogue/`, for editors."""
    return json.dumps(catalogue.schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


_ABOUT_COVERAGE = """\
# Which line stands where

<!-- Made by `make docs` from rules/packs/; change a pack there instead. -->

Every line of the five scaling documents that a pack stands for. A **rule** is judged on readings, a
**question** on your answer in `needs:`, **data** is compared, priced, projected or ticked off: a `figure`
(quota or price), a `step` of a ladder, a `cost`, an `item` of a checklist, the `usage` by so many users, a
service of the document's `stack`. Some lines carry several.

`advisor rules coverage --json` has the rules for programs, `advisor catalogue show app-virgin` the data;
[documents.md](documents.md) goes section by section.
"""


def coverage() -> str:
    """Return the page of all lines, one row a line of a document."""
    packs = [load_pack(name) for name in builtin_packs()]
    return "\n".join(_coverage([pack for pack in packs if pack.document is not None])) + "\n"


def _coverage(packs: list[Pack]) -> Iterator[str]:
    yield _ABOUT_COVERAGE
    yield "| document | rules | questions | lines with a rule or question | lines with data alone |"
    yield "| --- | --- | --- | --- | --- |"
    for pack in packs:
        kinds = [rules_compare.kind(rule) for rule in pack.rules if rule.source.line is not None]
        ruled = {rule.source.line for rule in pack.rules} - {None}
        alone = _data(pack).keys() - ruled
        counts = (kinds.count("rule"), kinds.count("question"), len(ruled), len(alone))
        yield f"| [{pack.name}](#{pack.name}) | {' | '.join(map(str, counts))} |"
    for pack in packs:
        yield from _lines(pack)


def _lines(pack: Pack) -> Iterator[str]:
    ours = [rule.id for rule in pack.rules if rule.source.line is None]
    yield from ("", f"## {pack.name}", "", f"Version {pack.version}.")
    if ours:
        named = ", ".join(f"`{name}`" for name in ours)
        yield f"Without a line, because the document does not have it: {named}."
    yield from ("", "| line | rule or question | kind | data | playbook |", "| --- | --- | --- | --- | --- |")
    rules = defaultdict(list)
    for rule in pack.rules:
        if rule.source.line is not None:
            rules[rule.source.line].append(rule)
    data = _data(pack)
    for line in sorted(rules.keys() | data.keys()):
        here = rules[line]
        cells = (
            str(line),
            ", ".join(f"`{rule.id}`" for rule in here),
            ", ".join(dict.fromkeys(rules_compare.kind(rule) for rule in here)) or "data",
            ", ".join(data.get(line, ())),
            ", ".join(
                dict.fromkeys(
                    f"[{rule.playbook}](../rules/playbooks/{rule.playbook}.md)"
                    for rule in here
                    if rule.playbook
                )
            ),
        )
        yield f"| {' | '.join(cells)} |"


def _data(pack: Pack) -> dict[int, list[str]]:
    """Return what the data of a pack stands for, by line; several of one name are counted."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    if pack.document is not None:
        for line, name in _entries(pack.document):
            found[line].append(name)
    return {
        line: [name if (n := names.count(name)) == 1 else f"{name} ({n})" for name in dict.fromkeys(names)]
        for line, names in found.items()
    }


def _entries(document: Document) -> Iterator[tuple[int, str]]:
    for word, said in document.services.items():
        yield from ((figure.line, f"figure {word}") for figure in said.figures)
    for ladder in document.ladders:
        yield from ((step.line, f"step {ladder.id}") for step in ladder.steps)
    yield from ((cost.line, f"cost {cost.table}".strip()) for cost in document.costs)
    for checklist in document.checklists:
        yield from ((item.line, f"item {checklist.id}") for item in checklist.items)
    yield from ((usage.line, f"usage {usage.metric}") for usage in document.capacity)
    if document.stack is not None:
        yield from ((part.line, f"stack {role}") for role, part in document.stack.services.items())


PAGES: Mapping[str, Callable[[], str]] = {
    "configuration.md": config_reference.markdown,
    "vocabulary.md": vocabulary,
    "coverage.md": coverage,
    "schema/catalogue.json": catalogue_schema,
    "what-if-bands.md": band_reference.markdown,
    "providers/README.md": provider_reference.markdown,
}


def main() -> None:
    """Write every page anew."""
    for name, page in PAGES.items():
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
