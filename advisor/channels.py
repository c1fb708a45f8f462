"""The channels of a configuration, made when they are first needed, since that looks up their credentials."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from advisor.config import Config
from advisor.errors import OutOfReach
from advisor.notify.contract import Channel

if TYPE_CHECKING:
    from advisor.store import AsyncStore, Claim, Transaction

__all__ = ["StoredOutbox", "channel", "channels", "names"]


def names(config: Config) -> tuple[str, ...]:
    """Return the names of the channels, without looking up any credential."""
    notify = config.notify
    given = {"slack": notify.slack, "email": notify.email, "stdout": notify.stdout}
    return tuple(name for name, settings in given.items() if settings)


def channels(config: Config, environ: Mapping[str, str]) -> dict[str, Channel]:
    """Return the channels, ready to send.

    Raises:
        InputError: a credential cannot be looked up, or a URL is none.
    """
    return {name: channel(config, name, environ) for name in names(config)}


def channel(config: Config, name: str, environ: Mapping[str, str]) -> Channel:
    """Return one of the configuration's channels, ready to send.

    Raises:
        InputError: as `channels`.
    """
    notify = config.notify
    if name == "slack" and notify.slack is not None:
        from advisor.notify.slack import Slack

        slack = notify.slack
        return Slack(
            webhook=slack.webhook.reveal(environ) if slack.webhook else "",
            token=slack.token.reveal(environ) if slack.token else "",
            channel=slack.channel,
        )
    if name == "email" and notify.email is not None:
        from advisor.notify.email import Email

        mail = notify.email
        return Email(smtp=mail.smtp.reveal(environ), sender=mail.sender, to=mail.to)
    from advisor.notify.stdout import Stdout

    return Stdout()


class StoredOutbox:
    """The store's outbox as delivery sees it: each call is one transaction on the store's thread."""

    def __init__(self, store: "AsyncStore", *, waits: Sequence[float] = (1.0, 2.0, 4.0, 8.0)) -> None:
        self._store = store
        self._waits = waits

    async def _note(self, work: "Callable[[Transaction], bool]") -> bool:
        """Write what became of a message, patiently: what was sent and is not noted is sent again."""
        for wait in self._waits:
            try:
                return await self._store.write(work)
            except OutOfReach:
                await asyncio.sleep(wait)
        return await self._store.write(work)

    async def claim_due_messages(
        self, now: datetime, owner: str, limit: int, lease_seconds: float, channel: str = ""
    ) -> "Sequence[Claim]":
        """Claim due messages that nobody holds."""
        return await self._store.write(
            lambda tx: tx.claim_due_messages(now, owner, limit, lease_seconds, channel)
        )

    async def mark_sent(self, claim: "Claim", now: datetime) -> bool:
        """Remember that the channel took it."""
        return await self._note(lambda tx: tx.mark_sent(claim, now))

    async def mark_failed(self, claim: "Claim", error: str, retry_at: datetime) -> bool:
        """Remember a failed try."""
        return await self._note(lambda tx: tx.mark_failed(claim, error, retry_at))

    async def release_claim(self, claim: "Claim") -> bool:
        """Give it back untried."""
        return await self._store.write(lambda tx: tx.release_claim(claim))

    async def park(self, claim: "Claim", error: str) -> bool:
        """Give up on it."""
        return await self._note(lambda tx: tx.park(claim, error))
