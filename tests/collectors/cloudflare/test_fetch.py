"""Cloudflare over a real connection: pages without a cursor, and being asked too often."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors import cloudflare
from advisor.core.fleet import Account, Service
from advisor.polling.client import client
from advisor.polling.contract import Poll, Throttled
from advisor.testing.replay import NOON


async def test_a_full_page_is_taken_up_again_at_its_last_hour(httpserver: HTTPServer) -> None:
    hours = [("09", 1), ("10", 2), ("10", 3), ("11", 4)]
    rows = [
        {
            "dimensions": {"datetimeHour": f"2026-11-21T{hour}:00:00Z", "actionType": "read"},
            "sum": {"requests": n},
        }
        for hour, n in hours
    ]

    def answer(request: Request) -> Response:
        sent = json.loads(request.data)
        if "settings" in sent["query"]:
            node: Any = {
                "settings": {"kvOperationsAdaptiveGroups": {"maxPageSize": 3, "maxDuration": 864000}}
            }
        elif "kvStorage" in sent["query"]:
            return Response(status=429, headers={"Retry-After": "60"}) if throttle else Response("{}")
        else:
            start = sent["variables"]["from"]
            node = {
                "kvOperationsAdaptiveGroups": [r for r in rows if r["dimensions"]["datetimeHour"] >= start][
                    :3
                ]
            }
        return Response(
            json.dumps({"data": {"viewer": {"accounts": [node]}}}), content_type="application/json"
        )

    plan = f"/client/v4/accounts/{'e' * 32}/subscriptions"
    httpserver.expect_request(plan).respond_with_json({"success": True, "errors": [], "result": []})
    httpserver.expect_request("/client/v4/graphql").respond_with_handler(answer)
    throttle = False
    service = Service("s", "i", "i", "cloudflare-kv", "a")
    async with client() as http:
        poll = Poll(http, service, Account("a", "cloudflare"), NOON, since=NOON - timedelta(hours=2))
        here = cloudflare.Settings(
            token=SecretStr("secret"), account_id="e" * 32, base_url=httpserver.url_for("").rstrip("/")
        )
        answered = await cloudflare.collect(poll, here)
        assert [one.value for one in answered.readings if one.metric == "reads"] == [1, 5, 4]
        throttle = True
        with pytest.raises(Throttled):
            await cloudflare.collect(poll, here)
