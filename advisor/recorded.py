"""What the store holds of subjects, as the histories that advice and what-if are made from."""

from collections.abc import Iterable
from datetime import datetime

from advisor.core.columns import QUALITIES
from advisor.core.demand import Histories
from advisor.core.histories import Track, counts, history_of
from advisor.store.transaction import Transaction


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
