"""What the store holds of subjects, as the histories that advice and what-if are made from."""

from collections.abc import Iterable
from datetime import datetime

from advisor.core.columns import QUALITIES
from advisor.core.demand import Histories
from advisor.core.fleet import Fleet
from advisor.core.histories import Track, counts, history_of
from advisor.store.transaction import Transaction


def around(fleet: Fleet, services: Iterable[str]) -> set[str]:
    """Return the services, their accounts and those accounts' other services: their use is judged as one."""
    keys = set(services)
    accounts = {fleet.service[key].account for key in keys if key in fleet.service}
    keys |= {f"@{account}" for account in accounts}
    return keys | {s.subject.key for s in fleet.services if s.account in accounts}


def histories(tx: Transaction, subjects: Iterable[str], since: datetime, now: datetime) -> Histories:
    """Return the history of everything that the subjects (by key) reported from `since` until `now`."""
    tracks: dict[tuple[str, str], dict[str, Track]] = {}
    for subject in subjects:
        for series, samples in tx.samples(since, now, subject=subject):
            if counts(series.metric, series.part):
                tracks.setdefault((subject, series.metric), {})[series.part] = Track(
                    samples.start / 1e6,
                    samples.at / 1e6,
                    samples.value,
                    series.fresh,
                    QUALITIES[int(samples.quality.max())],
                )
    return {key: history_of(key[1], parts, now) for key, parts in tracks.items()}
