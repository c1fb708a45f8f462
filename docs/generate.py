"""Write the generated pages of this folder: `make docs`. A test holds them to be current.

configuration.md        from the models in advisor/settings.py
vocabulary.md           from the table in advisor/core/metrics.py
schema/catalogue.json   from the models in advisor/core/catalogue.py
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from advisor import config_reference
from advisor.core import catalogue
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Combine, Kind, Metric

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


PAGES: Mapping[str, Callable[[], str]] = {
    "configuration.md": config_reference.markdown,
    "vocabulary.md": vocabulary,
    "schema/catalogue.json": catalogue_schema,
}


def main() -> None:
    """Write every page anew."""
    for name, page in PAGES.items():
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
