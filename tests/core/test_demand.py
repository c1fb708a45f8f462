from datetime import UTC, datetime, timedelta

import pytest

from advisor.core.demand import MONTH, History, usage
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.limits import Limits
from advisor.world import everything

NOW = datetime(2026, 3, 9, 20, tzinfo=UTC)
CATALOGUE = everything().catalogue
EMAIL = Service("shop", "email", "email", "resend", "resend")
FLEET = Fleet((Stack("shop", services=(EMAIL,)),), (Account("resend", "resend", "free"),))


@pytest.mark.parametrize(("days", "line"), [(3, False), (12, True), (45, True)])
def test_a_day_that_was_seen_in_part_lowers_no_pace(days: int, line: bool) -> None:
    ends = [(NOW - timedelta(hours=n)).timestamp() for n in reversed(range(days * 24))]
    history = History(ends, [2.0] * len(ends), [end - 3600 for end in ends])
    limits = Limits(FLEET, CATALOGUE)
    product = CATALOGUE.offers["resend"]
    used = usage(EMAIL, product, FLEET, limits, {("shop/email", "emails"): history}, NOW)
    (month,) = [demand for demand in used.demands if demand.period == "month"]
    assert month.now == pytest.approx(48 * MONTH)
    assert month.then == pytest.approx(48 * MONTH)
    assert month.learning is not line
