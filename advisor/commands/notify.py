"""`advisor notify test`: a message through every channel."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from advisor.channels import channels
from advisor.commands import output
from advisor.config import load_config
from advisor.core.notices import trial_message
from advisor.errors import InputError
from advisor.notify.contract import ChannelError
from advisor.secrets import redact


def send_test(config: Path, only: str | None, *, json: bool) -> int:
    """Send a test message; 3 where a channel did not take it."""
    found = channels(load_config(config, environ=os.environ), os.environ)
    if not found:
        raise InputError(f"{config} names no channel; add slack, email or stdout under `notify:`")
    if only is not None and only not in found:
        raise InputError(f"no channel `{only}`; there are: {', '.join(found)}")
    chosen = [channel for name, channel in found.items() if only in {None, name}]
    now = datetime.now(UTC)

    async def send() -> list[list[str]]:
        rows = []
        for channel in chosen:
            try:
                await channel.send(trial_message(channel.name, now))
            except ChannelError as error:
                rows.append([channel.name, "fault", redact(str(error))])
            else:
                rows.append([channel.name, "ok", "the message was taken"])
        return rows

    rows = asyncio.run(send())
    if json:
        names = ("channel", "state", "detail")
        output.as_json({"version": 1, "channels": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        output.table("", ["channel", "state", "what came back"], rows)
    return 3 if any(row[1] == "fault" for row in rows) else 0
