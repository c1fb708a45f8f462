"""`advisor backup`: a copy of the store while the daemon runs."""

from pathlib import Path

from advisor.commands.stored import with_store
from advisor.core.units import Unit, show


def run(config: Path, target: Path) -> int:
    """Copy the store to a new file."""
    with_store(config, lambda store: store.backup(target))
    print(f"{target} holds the store ({show(target.stat().st_size, Unit.BYTES)}).")
    return 0
