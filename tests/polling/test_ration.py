from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.polling.contract import Budget, Throttled
from advisor.polling.ration import BURST, SHARE, Ration

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def taken(ration: Ration, now: datetime) -> bool:
    try:
        ration.take(now, "Acme")
    except Throttled:
        return False
    return True


@given(
    st.integers(10, 5000),
    st.sampled_from([1.0, 60.0, 3600.0]),
    st.lists(st.floats(0, 100), min_size=1, max_size=300),
)
def test_in_the_long_run_a_tenth_is_used_and_never_more_than_half_within_a_window(
    requests: int, seconds: float, pauses: list[float]
) -> None:
    ration, now, asked = Ration(Budget(requests, seconds)), NOW, 0
    for pause in pauses:
        now += pause * SECOND
        asked += taken(ration, now)
    elapsed = (now - NOW).total_seconds()
    assert asked <= max(1.0, BURST * requests) + elapsed * SHARE * requests / seconds + 1e-6


def test_what_is_refused_says_when_there_is_more() -> None:
    ration = Ration(Budget(10, 60))
    while taken(ration, NOW):
        pass
    with pytest.raises(
        Throttled, match=r"Acme: more would be over a tenth of its limit of 10 requests"
    ) as caught:
        ration.take(NOW, "Acme")
    assert caught.value.retry_at is not None
    assert taken(ration, caught.value.retry_at)


@pytest.mark.parametrize("prefix", ["x-ratelimit-", "RateLimit-"])
@pytest.mark.parametrize("reset", ["30", str(int((NOW + 30 * SECOND).timestamp()))])
def test_where_the_provider_says_that_little_is_left_nothing_is_asked_until_its_window_ends(
    prefix: str, reset: str
) -> None:
    ration = Ration(Budget(1000, 60))
    headers = {f"{prefix}limit": "100", f"{prefix}remaining": "15", f"{prefix}reset": reset}
    ration.learn(httpx.Headers(headers), NOW)
    assert not taken(ration, NOW + 29 * SECOND)
    assert taken(ration, NOW + 31 * SECOND)


@pytest.mark.parametrize("remaining", ["90", "", "nan", "-1", "soon"])
def test_headers_that_leave_enough_or_mean_nothing_close_nothing(remaining: str) -> None:
    ration = Ration(Budget(1000, 60))
    ration.learn(
        {"x-ratelimit-limit": "100", "x-ratelimit-remaining": remaining, "x-ratelimit-reset": "30"}, NOW
    )
    assert taken(ration, NOW)
