"""All products of AWS: held to their models, their errors ours."""

import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors import aws
from advisor.collectors.aws.keys import _chain, keys
from advisor.core.fleet import Account, Service
from advisor.core.metrics import VOCABULARY
from advisor.errors import InputError
from advisor.polling.client import client as http_client
from advisor.polling.contract import Forbidden, Poll, Throttled, TokenRefused, Unexpected
from advisor.polling.validity import sifted
from advisor.testing import ask
from advisor.testing.replay import NOON, client
from advisor.testing.specs import against_spec
from tests.collectors.aws.given import KEYS, PLACES, SAMPLES, asked, served


@pytest.mark.parametrize("product", PLACES)
async def test_every_reading_of_a_product_can_be_true(product: str) -> None:
    found = await asked(product)
    kept, refused = sifted(found.answer.readings, VOCABULARY, NOON)
    assert (len(kept) > 0, refused) == (True, [])
    assert {one.metric for one in kept} <= {metric.name for metric in aws.METRICS}


@pytest.mark.skipif(not os.environ.get("ADVISOR_SPECS"), reason="ADVISOR_SPECS names no folder")
@pytest.mark.parametrize("product", PLACES)
async def test_every_product_asks_and_is_answered_as_its_model_says(product: str) -> None:
    folder = Path(os.environ["ADVISOR_SPECS"])
    found = await asked(product)
    assert [fault for request, one in found.requests for fault in against_spec(folder, request, one)] == []


@pytest.mark.parametrize(
    ("product", "names", "error", "said"),
    [
        ("rds", ["error-unknown-instance"], Unexpected, "nothing of that name is in this region"),
        ("rds", ["error-signature"], TokenRefused, "put a valid one in place"),
        ("s3", ["error-throttled"], Throttled, "asked too often"),
        ("cost", ["error-cost-denied"], Forbidden, "`ce:GetCostAndUsage`"),
    ],
)
async def test_an_error_of_aws_is_one_of_ours(
    product: str, names: list[str], error: type[Exception], said: str
) -> None:
    answers = served(*names)
    if product == "s3":
        request = answers[0].request.model_copy(update={"form": {"Action": "ListMetrics"}})
        answers = [answers[0].model_copy(update={"request": request})]
    with pytest.raises(error) as caught:
        await asked(product, answers)
    assert said in str(caught.value)
    assert not any(secret in str(caught.value) for secret in ("a/secret+key", "arn:aws", "AKIA"))


async def test_what_is_not_named_or_not_known_says_what_to_write() -> None:
    for provider, more, key in (
        ("aws-rds", {"region": "eu-west-1"}, "database"),
        ("aws-ses", {}, "region"),
        ("aws-lambda", {}, "provider"),
    ):
        service = Service("shop", "it", "it", provider, "acme")
        with pytest.raises(InputError) as caught:
            await ask(aws, [], aws.Settings(**KEYS, **more), service=service)
        assert caught.value.key == key


async def test_verify_says_whose_the_key_is() -> None:
    async with client([SAMPLES["identity"]]) as http:
        service = Service("shop", "it", "it", "aws", "acme")
        told = await aws.verify(Poll(http, service, Account("acme", "aws"), NOON), aws.Settings(**KEYS))
    assert (told.whose, told.broad) == ("arn:aws:iam::123456789012:user/advisor", ())


async def test_pages_follow_over_a_real_connection_and_a_refusal_by_rate_says_when(
    httpserver: HTTPServer,
) -> None:
    pages = [SAMPLES["s3-list-1"], SAMPLES["s3-list-2"], SAMPLES["s3-sizes"]]
    seen: list[str] = []

    def answer(request: Request) -> Response:
        seen.append(request.headers["Authorization"].partition("Signature=")[0])
        if len(seen) > len(pages):
            body = "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"
            return Response(body, 400, {"retry-after": "60"}, content_type="text/xml")
        return Response(pages[len(seen) - 1].text, content_type="text/xml")

    httpserver.expect_request("/", method="POST").respond_with_handler(answer)
    settings = aws.Settings(
        region="eu-west-1", buckets=("shop-files",), base_url=httpserver.url_for("/"), **KEYS
    )
    service = Service("shop", "it", "it", "aws-s3", "acme")
    async with http_client() as http:
        with pytest.raises(Throttled) as caught:
            await aws.collect(Poll(http, service, Account("acme", "aws"), NOON), settings)
    assert caught.value.retry_at == NOON + timedelta(seconds=60)
    assert len(seen) == 4
    assert all("/eu-west-1/monitoring/aws4_request, SignedHeaders=" in one for one in seen)


async def test_without_keys_the_environment_is_asked_and_nothing_found_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    _chain.cache_clear()
    with pytest.raises(TokenRefused, match="no credential"):
        await keys("", None, None, "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAFROMENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "from-environment")
    assert (await keys("", None, None, "")).access == "AKIAFROMENVIRONMENT"
    _chain.cache_clear()
    with pytest.raises(TokenRefused, match="ProfileNotFound"):
        await keys("", None, None, "nobody")


async def test_without_the_extra_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    with pytest.raises(InputError, match=r"scaling-advisor\[aws\]"):
        await keys("AKIA", SecretStr("x"), None, "")
