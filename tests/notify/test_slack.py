import json
import logging
import socket

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.core.message import Message
from advisor.errors import InputError
from advisor.notify import slack
from advisor.notify.contract import ChannelError, Refused, TryAgain
from advisor.notify.slack import Slack

SECRET = "T000/B000/s3cr3t"


def by_webhook(server: HTTPServer) -> Slack:
    return Slack(webhook=server.url_for(f"/services/{SECRET}"))


def by_token(server: HTTPServer) -> Slack:
    return Slack(token="xoxb-s3cr3t", channel="C1", base_url=server.url_for("/api/"))


async def test_a_webhook_gets_blocks_text_and_an_idempotency_key(httpserver: HTTPServer, message: Message):
    httpserver.expect_oneshot_request(f"/services/{SECRET}", method="POST").respond_with_data("ok")
    await by_webhook(httpserver).send(message)
    request, _ = httpserver.log[0]
    body = json.loads(request.data)
    assert body["text"] == message.text
    assert body["blocks"]
    assert body["unfurl_links"] is False
    assert request.headers["Idempotency-Key"] == message.id


async def test_a_bot_posts_to_its_channel_with_the_id_as_metadata(httpserver: HTTPServer, message: Message):
    httpserver.expect_oneshot_request("/api/chat.postMessage", method="POST").respond_with_json({"ok": True})
    await by_token(httpserver).send(message)
    request, _ = httpserver.log[0]
    body = json.loads(request.data)
    assert request.headers["Authorization"] == "Bearer xoxb-s3cr3t"
    assert body["channel"] == "C1"
    assert body["metadata"] == {"event_type": "advisor_message", "event_payload": {"id": message.id}}


@pytest.mark.parametrize(
    ("status", "body", "headers", "after", "sentence"),
    [
        (429, "rate_limited", {"Retry-After": "30"}, 30.0, "answered 429 (rate_limited); it asks to wait"),
        (429, "", {}, None, "answered 429; it asks to wait"),
        (429, "", {"Retry-After": "Mon, 09 Nov"}, None, "answered 429"),
        (500, "rollup_error", {}, None, "answered 500 (rollup_error): a fault at their side"),
        (503, "<html>s3cr3t</html>", {}, None, "answered 503: a fault at their side"),
        (408, "", {}, None, "answered 408"),
    ],
)
async def test_a_webhook_that_is_busy_is_tried_again(
    httpserver: HTTPServer,
    message: Message,
    status: int,
    body: str,
    headers: dict[str, str],
    after: float | None,
    sentence: str,
):
    httpserver.expect_request(f"/services/{SECRET}").respond_with_data(body, status, headers)
    with pytest.raises(TryAgain) as caught:
        await by_webhook(httpserver).send(message)
    assert caught.value.after == after
    assert sentence in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert len(httpserver.log) == 1  # The SDK's own retries are off.


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (404, "no_service", "answered 404 (no_service): the webhook was removed; create a new one"),
        (404, "<html>s3cr3t</html>", "answered 404: the webhook was removed"),
        (403, "action_prohibited", "an administrator of the workspace forbids it"),
        (410, "channel_is_archived", "the channel is archived; choose another one"),
        (
            400,
            "invalid_blocks",
            "answered 400 (invalid_blocks): the message or the settings are not accepted",
        ),
    ],
)
async def test_a_webhook_that_is_gone_refuses_with_the_way_out(
    httpserver: HTTPServer, message: Message, status: int, body: str, sentence: str
):
    httpserver.expect_request(f"/services/{SECRET}").respond_with_data(body, status)
    with pytest.raises(Refused) as caught:
        await by_webhook(httpserver).send(message)
    assert sentence in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        ({"ok": False, "error": "channel_not_found"}, Refused, "check `notify.slack.channel`"),
        ({"ok": False, "error": "invalid_auth"}, Refused, "set a valid one as `notify.slack.token`"),
        ({"ok": False, "error": "ratelimited"}, TryAgain, "(ratelimited); it asks to wait"),
        ({"ok": False, "error": "internal_error"}, TryAgain, "(internal_error)"),
        ({"ok": False, "error": "of another world: s3cr3t"}, Refused, "answered 200: the message or"),
        ({"ok": False}, Refused, "answered 200"),
    ],
)
async def test_the_web_api_says_no_with_status_200(
    httpserver: HTTPServer,
    message: Message,
    answer: dict[str, object],
    kind: type[ChannelError],
    sentence: str,
):
    httpserver.expect_request("/api/chat.postMessage").respond_with_json(answer)
    with pytest.raises(kind) as caught:
        await by_token(httpserver).send(message)
    assert sentence in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


async def test_the_web_apis_retry_after_is_passed_on(httpserver: HTTPServer, message: Message):
    httpserver.expect_request("/api/chat.postMessage").respond_with_json(
        {"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "7"}
    )
    with pytest.raises(TryAgain) as caught:
        await by_token(httpserver).send(message)
    assert caught.value.after == 7
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("content_type", ["application/json", "text/html", "text/plain"])
async def test_an_answer_of_another_shape_is_tried_again(
    httpserver: HTTPServer, message: Message, content_type: str
):
    httpserver.expect_request("/api/chat.postMessage").respond_with_data(
        "<html>s3cr3t</html>", 502, content_type=content_type
    )
    with pytest.raises(TryAgain, match="answered 502: a fault at their side") as caught:
        await by_token(httpserver).send(message)
    assert "s3cr3t" not in str(caught.value)


async def test_a_server_that_is_not_there_is_tried_again(message: Message):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound but not listening: connecting is refused.
        port = taken.getsockname()[1]
        with pytest.raises(TryAgain, match=r"Slack at 127\.0\.0\.1 cannot be reached") as caught:
            await Slack(webhook=f"http://127.0.0.1:{port}/{SECRET}").send(message)
    assert "s3cr3t" not in str(caught.value)


async def test_a_server_that_does_not_answer_in_time_is_tried_again(
    message: Message, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(slack, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/{SECRET}"
        with pytest.raises(TryAgain, match="did not answer within"):
            await Slack(webhook=url).send(message)


@pytest.mark.parametrize("url", ["http://[s3cr3t", "s3cr3t", "ftp://hooks.slack.com/s3cr3t", "https://"])
def test_what_is_no_url_is_said_at_once_and_not_repeated(url: str):
    with pytest.raises(InputError, match="the webhook is no URL; copy it from Slack again") as caught:
        Slack(webhook=url)
    assert "s3cr3t" not in str(caught.value)


async def test_the_sdk_logs_no_secret_even_where_everything_is_logged(
    httpserver: HTTPServer, message: Message, caplog: pytest.LogCaptureFixture
):
    def answer(_: Request) -> Response:
        return Response("ok")

    httpserver.expect_request(f"/services/{SECRET}").respond_with_handler(answer)
    with caplog.at_level(logging.DEBUG):
        await by_webhook(httpserver).send(message)
    assert "s3cr3t" not in "".join(record.getMessage() for record in caplog.records if "slack" in record.name)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"webhook": "https://hooks.slack.com/x", "token": "xoxb"},
        {"token": "xoxb"},
    ],
)
def test_slack_takes_either_a_webhook_or_a_token_with_a_channel(settings: dict[str, str]):
    with pytest.raises(InputError, match="channel"):
        Slack(**settings)  # type: ignore[arg-type]  # All settings are strings.
