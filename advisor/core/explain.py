"""Why a comparison came out as it did for one subject, in one sentence. Made only when somebody asks."""

import math

import numpy as np

from advisor.core.columns import QUALITIES
from advisor.core.judgement import FALSE, NOT_APPLICABLE, UNKNOWN, VERDICTS, TermVerdict
from advisor.core.judging import Leaf
from advisor.core.model import Kind, Limit, Metric
from advisor.core.periods import period_class
from advisor.core.quantities import Quantities
from advisor.core.quantity.known import Known
from advisor.core.sentence import Measure, Per, Quantity, ShareOf, Test, TimeToLimit, Value
from advisor.core.units import Unit


def explained(leaf: Leaf, place: tuple[int, int], quantities: Quantities, not_given: str) -> TermVerdict:
    """Return the verdict of one comparison; `place`: where the subject is in the rule, and its row."""
    outcome = leaf.outcome
    index, own = place
    code = int(outcome.verdict[index])
    if leaf.test is None or leaf.known is None or leaf.at is None:
        why = _about_needs(leaf, code)
        return TermVerdict(leaf.text, VERDICTS[code], why=not_given or why)
    row = int(leaf.at[index])
    quantity = leaf.test.quantity
    key = quantities.columns.fleet.subjects[own]  # The limit is the subject's, wherever the name was found.
    metric = quantities.columns.metrics[leaf.name]
    limit, source = _number(outcome.limit[index]), ""
    threshold = leaf.test.threshold
    if isinstance(threshold, ShareOf) and isinstance(threshold.of, Limit):
        source = quantities.tables.source(key, leaf.name, threshold.of, _number(outcome.limit[index]))
    elif isinstance(threshold, Value):
        limit, source = _beside(key, quantity, metric, quantities)
    series = quantities.series_of(quantity)
    quality = "" if series is None or not leaf.known.has[row] else str(QUALITIES[int(series.quality[row])])
    return TermVerdict(
        leaf.text,
        VERDICTS[code],
        value=_number(outcome.value[index]),
        threshold=_number(outcome.threshold[index]),
        limit=limit,
        limit_source=source,
        unit=_unit(quantity, metric.unit),
        why=not_given or _why(leaf, leaf.known, leaf.test, (index, row, code), quantities, own),
        metric=leaf.name,
        quality=quality,
        as_of=_number(outcome.as_of[index]),
    )


def _beside(key: str, quantity: Quantity, metric: Metric, quantities: Quantities) -> tuple[float | None, str]:
    """Return the quota that a value with a threshold of its own stands beside, and where it came from."""
    if not isinstance(quantity, Measure) or Limit.QUOTA not in metric.limits:
        return None, ""
    limits = quantities.tables.in_force(key, metric.name, Limit.QUOTA)
    if metric.kind is Kind.AMOUNT:
        word = quantity.window.calendar.value if isinstance(quantity.window, Per) else None
        limits = [one for one in limits if one.reset and period_class(one.reset) == word]
    first = next(iter(limits), None)
    return (None, "") if first is None else (first.value, first.source)


def _about_needs(leaf: Leaf, code: int) -> str:
    if code != UNKNOWN:
        return ""
    return f"`{leaf.name}` is not answered in `needs:`" if leaf.name else "no rule of `targets:` is loaded"


def _why(
    leaf: Leaf, known: Known, test: Test, place: tuple[int, int, int], quantities: Quantities, own: int
) -> str:
    index, row, code = place
    threshold = test.threshold
    subjects = quantities.subjects
    if code == NOT_APPLICABLE:
        if leaf.unmeasured is not None and leaf.unmeasured[index]:
            role = subjects.roles[own]
            return f"`{leaf.name}` is not measured for {'a' if role[:1] not in 'aeiou' else 'an'} {role}"
        if isinstance(test.quantity, TimeToLimit):
            return f"{subjects.plan_words(own)} has no limit on `{leaf.name}`"
        if isinstance(threshold, ShareOf):
            return f"{subjects.plan_words(own)} has no {threshold.of} on `{leaf.name}`"
    limit = float(leaf.outcome.limit[index])
    of_limit = isinstance(threshold, ShareOf) and isinstance(threshold.of, Limit)
    if code == FALSE and of_limit and math.isinf(limit):
        return f"`{leaf.name}` is unlimited"
    if code != UNKNOWN:
        return ""
    if reason := known.why(row):
        return reason
    if of_limit and isinstance(threshold, ShareOf) and math.isnan(limit):
        return f"the {threshold.of} of `{leaf.name}` is not known"
    if leaf.other is not None and leaf.other_at is not None:
        at = int(leaf.other_at[index])
        if np.isnan(leaf.other.low[at]):
            return (
                leaf.other.why(at)
                or f"`{threshold.of if isinstance(threshold, ShareOf) else ''}` is not known"
            )
    if known.low[row] < known.high[row]:
        return f"`{leaf.name}` lies between {known.low[row]:g} and {known.high[row]:g}, on both sides"
    return f"`{leaf.name}` is not known"


def _unit(quantity: object, unit: Unit) -> str:
    if isinstance(quantity, TimeToLimit):
        return str(Unit.SECONDS)
    return str(Unit.RATIO) if type(quantity).__name__ == "Growth" else str(unit)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
