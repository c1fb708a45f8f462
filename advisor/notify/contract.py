"""What a channel is and the two ways in which sending may fail.

    ChannelError
    ├── TryAgain     no answer, asked too often, a fault at their side; the message keeps
    └── Refused      trying again does not help; the message is parked and the error shown

Every message is one sentence with host and status, and holds no secret: a webhook's URL is its password.
"""

from typing import Protocol

from advisor.core.message import Message


class ChannelError(Exception):
    """A message was not delivered; the text says why and what to do."""


class TryAgain(ChannelError):
    """It may work later; `after` is the number of seconds that the other side asks us to wait."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Refused(ChannelError):
    """It will not work however often it is tried."""


class Channel(Protocol):
    """Where a message goes.

    `pace` is the least number of seconds between two messages; 0 where the channel does not mind.
    """

    @property
    def name(self) -> str:
        """The key under `notify:`, as stored in the messages."""
        ...

    @property
    def pace(self) -> float:
        """Seconds between two messages."""
        ...

    async def send(self, message: Message) -> None:
        """Deliver one message, or raise TryAgain or Refused."""
        ...
