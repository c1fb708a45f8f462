"""What the collectors share whose metrics are named by the user: checks of name, kind, unit and address."""

import difflib
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Metric
from advisor.core.units import base

__all__ = ["STATS", "Address", "checked_stat", "known", "scale"]

STATS = ("avg", "min", "max", "p50", "p75", "p90", "p95", "p99", "p99.9")


def known(name: str, kind: Kind | None) -> Metric:
    """Return the metric of this name.

    Raises:
        ValueError: There is none, or it is of another kind than the user says.
    """
    metric = VOCABULARY.get(name)
    if metric is None:
        near = difflib.get_close_matches(name, VOCABULARY, 1)
        hint = f"did you mean `{near[0]}`?" if near else "`advisor metrics list` prints all"
        raise ValueError(f"no metric `{name}`; {hint}")
    if kind is not None and kind is not metric.kind:
        raise ValueError(f"`{name}` is of kind {metric.kind}, not {kind}: leave `kind` out")
    return metric


def scale(metric: Metric, unit: str) -> float:
    """Return what one of `unit` (empty: the metric's base unit) is in the metric's base unit.

    Raises:
        ValueError: There is no such unit, or it is not one of this metric's.
    """
    if not unit:
        return 1.0
    value, found = base(1.0, unit)
    if found is not metric.unit:
        raise ValueError(f"unit `{unit}` does not fit: `{metric.name}` is in {metric.unit}")
    return value


def checked_stat(metric: Metric, stat: str) -> None:
    """Raise ValueError unless a distribution, and only that, says which of its numbers the value is."""
    if metric.kind is not Kind.DISTRIBUTION:
        if stat:
            raise ValueError(f"`{metric.name}` is of kind {metric.kind}: leave `stat` out")
    elif stat not in STATS:
        raise ValueError(f"`{metric.name}` is many values: say which with `stat`: {' '.join(STATS)}")


def _address(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    # A reference such as ${USAGE_URL} is resolved when polling, and judged then.
    if not text.startswith(("http://", "https://", "${", "file:")):
        raise ValueError("`url` starts with http:// or https://")
    return url


#: An http(s) address; hidden when printed, since people write keys into addresses.
Address = Annotated[SecretStr, AfterValidator(_address)]
