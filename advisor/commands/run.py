"""`advisor run` and `advisor tick`."""

import asyncio
import os
from pathlib import Path

from advisor import __version__, logs
from advisor.config import Config


def run(config: Path) -> int:
    """Run the daemon until it is told to stop."""
    from advisor.daemon import Daemon  # Logging is set up first.

    logs.setup()
    daemon = Daemon(config)
    _own_errors(daemon.setup.config)
    return asyncio.run(daemon.run())


def tick(config: Path, *, json: bool, fail_on: str | None) -> int:
    """Do one round and end."""
    from advisor.commands.round import one_round  # Logging is set up first.
    from advisor.daemon import set_up

    logs.setup("warning")
    setup = set_up(config, os.environ)
    _own_errors(setup.config)
    return asyncio.run(one_round(setup, deliver=True, json=json, fail_on=fail_on))


def _own_errors(config: Config) -> None:
    """Log as the configuration says, and report to Sentry where it names one."""
    logs.setup(config.log.level, {"auto": None, "json": True, "console": False}[config.log.format])
    if config.sentry is not None:
        logs.sentry(config.sentry.dsn.reveal(os.environ), __version__, config.sentry.environment)
