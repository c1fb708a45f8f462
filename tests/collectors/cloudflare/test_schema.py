"""Every query to Cloudflare, of every product, is one that its schema knows."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from advisor.collectors import cloudflare
from advisor.collectors.cloudflare.datasets import USAGE
from advisor.core.fleet import Account, Service
from advisor.polling.contract import CollectError, Poll
from advisor.testing.replay import NOON

pytestmark = pytest.mark.skipif(
    "ADVISOR_SPECS" not in os.environ, reason="no folder with the official descriptions"
)


@cache
def schema() -> Any:
    from graphql import build_schema

    path = Path(os.environ["ADVISOR_SPECS"]) / cloudflare.ABOUT.spec
    return build_schema(path.read_text(), assume_valid=True)


@pytest.mark.parametrize("only", ["", "one"])
async def test_every_query_is_valid(only: str) -> None:
    from graphql import parse, validate

    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            sent.append(request.read().decode())
        body: Any = {"data": {"viewer": {"accounts": [{}], "zones": [{}]}}, "success": True, "result": []}
        return httpx.Response(200, json=body)

    for product in USAGE:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            service = Service("s", "i", "i", f"cloudflare-{product}", "a")
            poll = Poll(http, service, Account("a", "cloudflare"), NOON)
            settings: Any = {"token": "secret", "account_id": "a" * 32, "zone_id": "b" * 32, "only": only}
            try:
                await cloudflare.collect(poll, cloudflare.Settings.model_validate(settings))
            except CollectError:
                continue
    documents = {json.loads(one)["query"] for one in sent}
    assert len(documents) > 15
    faults = [error.message for one in documents for error in validate(schema(), parse(one))]
    assert faults == []
