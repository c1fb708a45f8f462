"""Slack: an incoming webhook, or a bot token with `chat.postMessage`.

API     POST to the webhook's URL, or POST <base URL>/chat.postMessage.
Token   Bot token with the scope `chat:write` (and `chat:write.public` for channels it has not joined).
Quirks  About one message a second a channel. A webhook answers `ok` or an error's name as text; the Web
        API answers 200 with `ok: false`. The SDK's own retries are off: ours survive a restart.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

from advisor.core.message import Message
from advisor.errors import InputError
from advisor.notify.blocks import payload
from advisor.notify.contract import Refused, TryAgain

API = "https://slack.com/api/"
TIMEOUT = 10

_KEY = "notify.slack"

#: Errors of the Web API after which it may work later.
_PASSING = frozenset(
    {
        "ratelimited",
        "rate_limited",
        "message_limit_exceeded",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
    }
)

#: What to do about the errors that people meet.
_WAYS_OUT = {
    "no_service": "the webhook was removed; create a new one and set it as `notify.slack.webhook`",
    "no_team": "the workspace is gone; create a new webhook and set it as `notify.slack.webhook`",
    "invalid_token": "the credential is wrong; create a new one and set it under `notify.slack`",
    "invalid_auth": "the token is wrong; set a valid one as `notify.slack.token`",
    "not_authed": "there is no token; set one as `notify.slack.token`",
    "account_inactive": "the token's user was removed; set a new token as `notify.slack.token`",
    "token_revoked": "the token was revoked; set a new one as `notify.slack.token`",
    "missing_scope": "the token lacks the scope `chat:write`; add it and install the app again",
    "channel_not_found": "check `notify.slack.channel`, and invite the app where the channel is private",
    "not_in_channel": "invite the app to the channel, or give it the scope `chat:write.public`",
    "channel_is_archived": "the channel is archived; choose another one",
    "is_archived": "the channel is archived; choose another one",
    "action_prohibited": "an administrator of the workspace forbids it; ask them",
}


class Slack:
    """Sends to one Slack channel; give either `webhook`, or `token` and `channel`."""

    pace = 1.0

    def __init__(
        self,
        name: str = "slack",
        *,
        webhook: str = "",
        token: str = "",
        channel: str = "",
        base_url: str = API,
    ) -> None:
        if bool(webhook) == bool(token):
            raise InputError("Slack takes either `webhook`, or `token` and `channel`", key=_KEY)
        if token and not channel:
            raise InputError("Slack needs the `channel` to post to beside the `token`", key=_KEY)
        self.name = name
        self._webhook = webhook
        self._token = token
        self._channel = channel
        self._base_url = base_url
        self._host = _host(webhook or base_url)
        # The SDK logs URLs with their secrets where its logger is at DEBUG or has no level at all.
        self._log = logging.getLogger("advisor.notify.slack.sdk")
        self._log.setLevel(logging.WARNING)

    async def send(self, message: Message) -> None:
        """Post one message; Retry-After is passed on with TryAgain."""
        import aiohttp  # Imported where used: an idle daemon holds no slack-sdk.

        try:
            await (self._to_webhook(message) if self._webhook else self._to_api(message))
        except TimeoutError as error:
            raise TryAgain(f"Slack at {self._host} did not answer within {TIMEOUT} s") from error
        except aiohttp.ClientError as error:
            reason = type(error).__name__  # Its text may hold the URL.
            raise TryAgain(f"Slack at {self._host} cannot be reached ({reason})") from error

    async def _to_webhook(self, message: Message) -> None:
        from slack_sdk.webhook.async_client import AsyncWebhookClient

        client = AsyncWebhookClient(self._webhook, timeout=TIMEOUT, retry_handlers=[], logger=self._log)
        body = {**payload(message), "unfurl_links": False, "unfurl_media": False}
        answer = await client.send_dict(body, headers={"Idempotency-Key": message.id})
        if not 200 <= answer.status_code < 300:
            self._fail(answer.status_code, _word(answer.body), answer.headers)

    async def _to_api(self, message: Message) -> None:
        from slack_sdk.errors import SlackApiError
        from slack_sdk.web.async_client import AsyncWebClient

        client = AsyncWebClient(
            self._token, base_url=self._base_url, timeout=TIMEOUT, retry_handlers=[], logger=self._log
        )
        try:
            await client.chat_postMessage(
                channel=self._channel,
                unfurl_links=False,
                unfurl_media=False,
                metadata={"event_type": "advisor_message", "event_payload": {"id": message.id}},
                **payload(message),
            )
        except SlackApiError as error:
            answer: Any = error.response
            # A body that is no JSON leaves aiohttp's answer here, anything else slack-sdk's.
            status = int(getattr(answer, "status_code", getattr(answer, "status", 0)))
            data = getattr(answer, "data", None)
            said = str(data.get("error", "")) if isinstance(data, Mapping) else ""
            self._fail(status, _word(said), getattr(answer, "headers", {}))

    def _fail(self, status: int, word: str, headers: Mapping[str, str]) -> NoReturn:
        said = f"Slack at {self._host} answered {status}{f' ({word})' if word else ''}"
        after = _seconds(headers.get("Retry-After", ""))
        if status in {408, 425, 429} or word in _PASSING:
            raise TryAgain(f"{said}; it asks to wait{f' {after:g} s' if after else ''}", after)
        if status >= 500:
            raise TryAgain(f"{said}: a fault at their side", after)
        way_out = _WAYS_OUT.get(word)
        if way_out is None:
            gone = status in {404, 410}
            way_out = _WAYS_OUT["no_service"] if gone else "the message or the settings are not accepted"
        raise Refused(f"{said}: {way_out}")


def _host(url: str) -> str:
    """Return a URL's host; a text that is no URL raises InputError and is not repeated."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError("the webhook is no URL; copy it from Slack again", key=_KEY)
    return parts.hostname


def _word(body: str) -> str:
    """Return the error's name; any other text of a stranger is not repeated."""
    return body.strip() if re.fullmatch(r"[a-z_]{1,60}", body.strip()) else ""


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:  # Also an HTTP date, which Slack does not send.
        return None
    return seconds if 0 <= seconds < 86_400 else None
