"""`advisor export`: our estimate of costs as a FOCUS file, for tools that read bills."""

import csv
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from advisor.commands.stored import with_store
from advisor.config import load_config
from advisor.core.focus import COLUMNS, rows
from advisor.core.model import Observed
from advisor.core.spent import ESTIMATE
from advisor.core.units import Unit, read
from advisor.errors import InputError
from advisor.estimates import before_estimates
from advisor.store import Store
from advisor.world import world

STDOUT = Path("-")


def run(config: Path, since: str | None, output: Path) -> int:
    """Write what was estimated since then as CSV; nothing is polled, and nothing is estimated anew."""
    begin = _since(since, datetime.now(UTC))
    made = world(load_config(config, environ=os.environ))
    found = with_store(config, lambda store: _estimated(store, begin))
    kept = [one for one in found if one.subject in made.fleet.service]
    try:
        target = (
            nullcontext(sys.stdout) if output == STDOUT else output.open("w", encoding="utf-8", newline="")
        )
        with target as out:
            _write(out, rows(kept, made.fleet, made.catalogue))
    except OSError as error:
        raise InputError(f"--output {output}: {error.strerror or 'it cannot be written'}") from None
    missing = sorted(set(made.fleet.service) - {one.subject for one in kept})
    if missing:
        print(
            f"advisor: not in the file: {', '.join(missing)}; nothing was estimated of them, because a price "
            "is not known, a source reports their cost, or no round has looked yet",
            file=sys.stderr,
        )
    return 0


def _estimated(store: Store, begin: datetime) -> list[Observed]:
    with store.reading() as tx:
        every = [
            one for series, samples in tx.samples(begin, metric="cost") for one in samples.observed(series)
        ]
    found = [one for one in before_estimates(every) if one.source == ESTIMATE]
    return sorted(found, key=lambda one: (one.reading.at, one.subject))


def _write(out: TextIO, found: Iterable[Mapping[str, str]]) -> None:
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)


def _since(text: str | None, now: datetime) -> datetime:
    """Return the moment that a span ("90d") or a date stands for; by default 13 months ago."""
    if text is None:
        return now - timedelta(days=396)
    try:
        seconds, unit = read(text)
        if unit is Unit.SECONDS and seconds > 0:
            return now - timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--since {text}: write a span such as 90d, or a date such as 2026-11-01") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
