"""`advisor ack` and `advisor snooze`: a person's word on a concern, kept in the store beside the daemon."""

import getpass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from advisor.commands.stored import with_store
from advisor.core.lifecycle import Attention, State
from advisor.core.units import Unit, example, read
from advisor.errors import InputError
from advisor.store import Store

#: Nothing is snoozed for longer: by then nobody knows why.
LONGEST = timedelta(days=366)


def acknowledge(
    config: Path, concern: str, *, until: str | None, by: str | None, reason: str, undo: bool
) -> int:
    """Acknowledge a concern until it is over or a value is reached; or take back what was said."""
    now = datetime.now(UTC)
    if undo:
        return with_store(config, lambda store: _undo(store, concern, now))
    until_value, unit = None, None
    if until is not None:
        try:
            until_value, unit = read(until)
        except ValueError as error:
            raise InputError(f"--until: {error}") from None
    said = Attention(concern, "acknowledge", by or me(), now, reason, until_value=until_value)
    with_store(config, lambda store: _say(store, said, unit))
    print(f"{concern} is acknowledged{f' until {until}' if until else ' until it is over'}.")
    return 0


def snooze(config: Path, concern: str, span: str, *, by: str | None, reason: str) -> int:
    """Stop messages on a concern for a while."""
    try:
        seconds, unit = read(span)
    except ValueError as error:
        raise InputError(f"{error}") from None
    if unit is not Unit.SECONDS or not 0 < seconds <= LONGEST.total_seconds():
        raise InputError(f"`{span}` is no time of at most a year; write 4h or 3d")
    now = datetime.now(UTC)
    until = now + timedelta(seconds=seconds)
    said = Attention(concern, "snooze", by or me(), now, reason, until=until)
    with_store(config, lambda store: _say(store, said))
    print(f"Nothing is said of {concern} until {until:%d %b %Y %H:%M} UTC.")
    return 0


def _say(store: Store, said: Attention, unit: Unit | None = None) -> None:
    with store.transaction() as tx:
        found = [f for f in tx.findings() if f.state in {State.FIRING, State.PENDING}]
        mine = [f for f in found if f.concern == said.concern]
        if not mine:
            there = ", ".join(sorted({f.concern for f in found})) or "none"
            raise InputError(f"no open concern `{said.concern}`; open: {there}")
        units = {Unit(f.unit) for f in mine if f.unit}
        # Plain numbers may be dollars.
        if unit is not None and units and unit not in units and {unit, *units} != {Unit.COUNT, Unit.USD}:
            raise InputError(f"--until: `{said.concern}` is in {min(units)}; write {example(min(units))}")
        tx.set_attention(said)


def _undo(store: Store, concern: str, now: datetime) -> int:
    with store.transaction() as tx:
        there = ", ".join(sorted({said.concern for said in tx.attentions()})) or "none"
        ended = [tx.end_attention(concern, kind, now) for kind in ("acknowledge", "snooze")]
    if not any(ended):
        raise InputError(f"nobody acknowledged or snoozed `{concern}`; acknowledged or snoozed: {there}")
    print(f"{concern} is told of again.")
    return 0


def me() -> str:
    """Return the login of whoever runs this."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # A container's user may have no name.
        return "somebody"
