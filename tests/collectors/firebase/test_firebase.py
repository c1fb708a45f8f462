"""Firebase: numbers in texts, days in the property's zone, and a token that the key signs for."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer

from advisor.collectors import firebase
from advisor.collectors.firebase.assertion import BadKey, service_key
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = firebase.Settings.model_validate(dict(firebase.ABOUT.example))
ALL = samples(firebase)
GOOD = [sample for sample in ALL.values() if not sample.is_error]

# Two Mersenne primes: a key that everybody knows, for signatures that nobody trusts.
P, Q, E = 2**1279 - 1, 2**607 - 1, 65537
N, D = P * Q, pow(E, -1, (P - 1) * (Q - 1))


def der(kind: int, body: bytes) -> bytes:
    size = len(body).to_bytes(2, "big")
    return bytes([kind, 0x82]) + size + body if len(body) > 127 else bytes([kind, len(body)]) + body


def number(value: int) -> bytes:
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def key_file() -> str:
    inner = der(0x30, b"".join(map(number, (0, N, E, D, P, Q))))
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    whole = base64.b64encode(der(0x30, number(0) + algorithm + der(4, inner))).decode()
    pem = f"-----BEGIN PRIVATE KEY-----\n{whole}\n-----END PRIVATE KEY-----\n"
    return json.dumps({"client_email": "advisor@acme.iam.example", "private_key": pem})


async def test_users_are_a_number_in_a_text_and_days_are_the_propertys() -> None:
    answer = (await ask(firebase, GOOD, SETTINGS)).answer
    assert [r.value for r in answer.readings if r.metric == "active_users"] == [12345.0]
    five = datetime(2026, 11, 18, 5, tzinfo=UTC)  # Midnight in New York.
    assert [(r.value, r.since, r.at, r.quality) for r in answer.readings if r.metric == "events"] == [
        (900.0, five, five + timedelta(days=1), Quality.MEASURED),
        (400.0, five + timedelta(days=3), NOON, Quality.ESTIMATED),
    ]


async def test_a_later_poll_asks_again_for_the_days_that_may_have_changed() -> None:
    before = {"property": "123456789", "at": (NOON - timedelta(hours=6)).isoformat()}
    asked = await ask(firebase, GOOD, SETTINGS, previous=before)
    ranges = [json.loads(r.content)["dateRanges"] for r, s in asked.requests if s.name == "events"]
    assert ranges == [[{"startDate": "3daysAgo", "endDate": "today"}]]


async def test_what_google_holds_back_for_small_groups_is_estimated() -> None:
    served = [*(s for s in GOOD if s.name != "users"), ALL["error-thresholded"]]
    answer = (await ask(firebase, served, SETTINGS)).answer
    assert [r.quality for r in answer.readings if r.metric == "active_users"] == [Quality.ESTIMATED]


async def test_no_row_is_a_gap_and_not_no_users_and_a_missing_right_leaves_the_rest() -> None:
    assert firebase.users(Body({"metadata": {}}, "GA"), NOON).gaps[0].metrics == ("active_users",)
    served = [*(s for s in GOOD if s.name != "events"), ALL["error-denied"]]
    answer = (await ask(firebase, served, SETTINGS)).answer
    assert [(gap.what, "Viewer of the property" in gap.why) for gap in answer.gaps] == [("events", True)]


def test_an_unexpected_shape_is_named_by_its_path() -> None:
    body = {"metadata": {"timeZone": "UTC"}, "rows": [{"dimensionValues": [{"value": "(other)"}]}]}
    with pytest.raises(Unexpected, match=r"`rows\[0\].dimensionValues\[0\].value`"):
        firebase.events(Body(body, "GA"), NOON)
    with pytest.raises(Unexpected, match=r"`metadata.timeZone`"):
        firebase.events(Body({"metadata": {"timeZone": "Mars/Base"}}, "GA"), NOON)


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"client_email": "a", "private_key": "secret"}', "[1]"])
def test_what_is_no_key_is_refused_without_its_words(text: str) -> None:
    with pytest.raises(BadKey) as caught:
        service_key(text)
    assert "secret" not in str(caught.value)


def test_one_credential_is_needed() -> None:
    with pytest.raises(ValidationError, match="write `key:`"):
        firebase.Settings.model_validate({"property": "1"})


async def test_a_key_signs_for_a_token_and_429_and_401_end_the_poll(httpserver: HTTPServer) -> None:
    path = "/v1beta/properties/123456789:runReport"
    httpserver.expect_request("/token").respond_with_json({"access_token": "ya29.minted", "expires_in": 3599})
    bearer = {"Authorization": "Bearer ya29.minted"}
    for _ in range(2):
        httpserver.expect_oneshot_request(path, headers=bearer).respond_with_json(
            {"error": {"status": "RESOURCE_EXHAUSTED"}}, 429, {"Retry-After": "60"}
        )
    httpserver.expect_request(path).respond_with_json({"error": {"status": "UNAUTHENTICATED"}}, 401)
    base = httpserver.url_for("")
    settings = firebase.Settings.model_validate(
        {"key": key_file(), "property": "123456789", "base_url": base}
    )
    async with client() as http:
        poll = Poll(http, Service("shop", "a", "a", "firebase", "a"), Account("a", "firebase"), NOON)
        with pytest.raises(Throttled) as caught:
            await firebase.collect(poll, settings)
        with pytest.raises(TokenRefused) as refused:
            await firebase.collect(poll, settings)
    assert caught.value.retry_at == NOON + timedelta(seconds=60)
    assert "ya29" not in f"{caught.value}{refused.value}"
    (sent,) = parse_qs(httpserver.log[0][0].get_data().decode())["assertion"]
    text, _, signature = sent.rpartition(".")
    opened = pow(int.from_bytes(base64.urlsafe_b64decode(signature + "=="), "big"), E, N)
    assert opened.to_bytes(236, "big").endswith(hashlib.sha256(text.encode()).digest())
