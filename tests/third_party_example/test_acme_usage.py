"""Acme's collector, held to what every collector must be, and to its samples."""

from datetime import UTC, datetime

import pytest

from advisor.polling.contract import TokenRefused
from advisor.testing import ask, client, faults, poll_for, samples
from tests.third_party_example import acme_usage as acme

SETTINGS = acme.Settings(token="acme_example_token", project="abcd")


def test_it_is_a_good_collector():
    assert faults(acme) == []


async def test_storage_is_read_once_and_egress_of_all_pages():
    asked = await ask(acme, samples(acme), SETTINGS)
    found = {(one.metric, one.at): one.value for one in asked.answer.readings}
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert found == {
        ("storage", noon): 5_647_465_999,
        ("restricted", noon): 0,
        ("egress", datetime(2026, 11, 21, tzinfo=UTC)): 1_000_000,
        ("egress", noon): 250_000,
    }
    assert [term.value for term in asked.answer.terms] == ["pro"]
    assert all(one.headers["authorization"] == "Bearer acme_example_token" for one, _ in asked.requests)


async def test_a_refused_token_is_one_sentence_without_the_token():
    with pytest.raises(TokenRefused, match="401") as refused:
        await ask(acme, [samples(acme)["error-refused"]], SETTINGS)
    assert "acme_example_token" not in str(refused.value)


async def test_a_token_tells_whose_it_is_and_when_it_ends():
    async with client([samples(acme)["token"]]) as http:
        said = await acme.verify(poll_for(acme, http), SETTINGS)
    assert (said.whose, said.broad) == ("acme-org", ())
    assert said.expires == datetime(2027, 11, 1, tzinfo=UTC)
