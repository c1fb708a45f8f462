"""What several commands begin or end with."""

import os
from pathlib import Path

from advisor.config import load_config
from advisor.core.lifecycle import State
from advisor.core.model import Severity
from advisor.core.watch import Watch
from advisor.errors import InputError
from advisor.world import World, world

#: `--fail-on`: these severities, and what is worse.
_FAILS = {"warning": {Severity.WARNING, Severity.CRITICAL}, "critical": {Severity.CRITICAL}}


def configured(path: Path) -> World:
    """Return what the configuration at `path` stands for.

    Raises:
        InputError: it cannot be read, or something in it is at fault.
    """
    return world(load_config(path, environ=os.environ))


def exit_code(watch: Watch, fail_on: str | None) -> int:
    """Return 2 where a firing finding is as bad as `fail_on` says, else 0.

    Raises:
        InputError: `fail_on` is no severity that can fail.
    """
    if fail_on is None:
        return 0
    if fail_on not in _FAILS:
        raise InputError(f"`--fail-on {fail_on}`: write warning or critical")
    firing = (f for f in watch.ledger.findings.values() if f.state is State.FIRING and f.rule in watch.rules)
    return 2 if any(watch.rules[f.rule].severity in _FAILS[fail_on] for f in firing) else 0
