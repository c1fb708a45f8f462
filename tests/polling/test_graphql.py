from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from advisor.polling.contract import CollectError, Forbidden, Throttled, TokenRefused, Unexpected
from advisor.polling.graphql import Data, ask

NOW = datetime(2026, 11, 21, tzinfo=UTC)


async def answered(reply: httpx.Response, seen: Callable[[httpx.Request], None] = lambda _: None) -> Data:
    def serve(request: httpx.Request) -> httpx.Response:
        seen(request)
        return reply

    async with httpx.AsyncClient(transport=httpx.MockTransport(serve)) as http:
        return await ask(
            http,
            "https://api.acme.example/graphql",
            "query ($id: ID!) { project(id: $id) { size } }",
            {"id": "1"},
            where="Acme",
            now=NOW,
            headers={"Authorization": "Bearer x"},
            right="read:usage",
        )


async def test_data_is_returned_and_sent_with_its_variables() -> None:
    requests: list[httpx.Request] = []
    data = await answered(httpx.Response(200, json={"data": {"project": {"size": 3}}}), requests.append)
    assert data.body["project"].number("size") == 3
    assert b'"variables": {"id": "1"}' in requests[0].content


async def test_partial_data_is_kept_with_what_went_wrong_beside_it() -> None:
    reply = {"data": {"a": {"size": 1}, "b": None}, "errors": [{"message": "b is down"}]}
    data = await answered(httpx.Response(200, json=reply))
    assert data.body["a"].number("size") == 1
    assert data.faults == ("b is down",)


@pytest.mark.parametrize(
    ("status", "message", "code", "kind"),
    [
        (200, "Not authenticated", "UNAUTHENTICATED", TokenRefused),
        (200, "Access denied to usage", "FORBIDDEN", Forbidden),
        (200, "Rate limit exceeded", "", Throttled),
        (200, "Cannot query field `size`", "GRAPHQL_VALIDATION_FAILED", Unexpected),
        (400, "Cannot query field `size`", "GRAPHQL_VALIDATION_FAILED", Unexpected),
        (401, "no", "", TokenRefused),
    ],
)
async def test_errors_inside_an_answer_are_our_errors(
    status: int, message: str, code: str, kind: type[CollectError]
) -> None:
    reply = {"data": None, "errors": [{"message": message, "extensions": {"code": code}}]}
    with pytest.raises(kind) as caught:
        await answered(httpx.Response(status, json=reply))
    assert str(caught.value).startswith("Acme")


async def test_neither_data_nor_errors_is_no_answer() -> None:
    with pytest.raises(Unexpected, match="neither data nor errors"):
        await answered(httpx.Response(200, json={"data": None}))
