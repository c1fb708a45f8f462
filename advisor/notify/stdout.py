"""Standard output as a channel: plain text, or one JSON object a line."""

import sys
from typing import TextIO

from advisor.core.message import Message
from advisor.notify.contract import Refused
from advisor.notify.text import text


class Stdout:
    """Writes messages to a stream, standard output where none is given."""

    pace = 0.0

    def __init__(self, name: str = "stdout", *, json: bool = False, stream: TextIO | None = None) -> None:
        self.name = name
        self._json = json
        self._stream = stream

    async def send(self, message: Message) -> None:
        """Write one message and flush; a stream that nobody reads any more raises Refused."""
        stream = self._stream or sys.stdout
        written = message.model_dump_json() if self._json else text(message)
        try:
            stream.write(f"{written}\n")
            stream.flush()
        except (OSError, ValueError) as error:  # A closed pipe, a closed stream.
            raise Refused(f"standard output takes no more text ({type(error).__name__})") from error
