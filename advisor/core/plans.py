"""Plans that were changed at the provider and not in advisor.yaml, as a reading like any other."""

from collections.abc import Sequence
from datetime import datetime

from advisor.core.limits import Limits
from advisor.core.model import Reading, Term

__all__ = ["DIFFERS", "plan_reading", "plan_words"]

DIFFERS = "plan_differs"


def plan_reading(limits: Limits, subject: str, terms: Sequence[Term], at: datetime) -> Reading | None:
    """Return whether the plan just reported differs, 1 or 0; None where none was, or none is configured.

    `limits` know the terms already.
    """
    reported = any(term.what == "plan" and isinstance(term.value, str) for term in terms)
    if not reported or not limits.configured_plan(subject):
        return None
    return Reading(DIFFERS, float(limits.plans_that_differ(subject, at) is not None), at)


def plan_words(limits: Limits, subject: str, at: datetime) -> str:
    """Return which two plans differ, in words; empty where none do."""
    differing = limits.plans_that_differ(subject, at)
    if differing is None:
        return ""
    configured, in_force = differing
    return f"advisor.yaml says `{configured}`, the provider `{in_force}`, and its limits are those that count"
