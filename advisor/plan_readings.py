"""What polls tell of plans that differ from the configured ones, as observed readings."""

from collections.abc import Iterable

from advisor.core.limits import Limits
from advisor.core.model import Observed
from advisor.core.plans import plan_reading
from advisor.polling.poller import Polled

__all__ = ["of_plans"]

_FRESH = 86_400.0  # Where a poll brought nothing but a plan.


def of_plans(limits: Limits, polls: Iterable[Polled]) -> list[Observed]:
    """Return a reading for each poll that reported a plan; `limits` know its terms already."""
    return [
        Observed(
            reading,
            polled.subject,
            polled.provider,
            polled.at,
            max((one.fresh for one in polled.observed), default=_FRESH),
        )
        for polled in polls
        if (reading := plan_reading(limits, polled.subject, polled.terms, polled.at)) is not None
    ]
