"""Which series there are: every (subject, metric, stat, part, source) gets a number once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, select, update

from advisor.core.model import Kind, Observed, Reading
from advisor.store.moment import clean
from advisor.store.schema import series as table
from advisor.store.sql import ignoring, slices

Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Series:
    """What a row of samples is about. `fresh` is for how many seconds its newest reading stays usable."""

    id: int
    subject: str
    metric: str
    stat: str
    part: str
    source: str
    kind: Kind
    fresh: float

    @property
    def key(self) -> Key:
        """What names it, besides its number."""
        return (self.subject, self.metric, self.stat, self.part, self.source)


def key_of(observed: Observed) -> Key:
    """Return the key of the series that a reading belongs to."""
    reading = observed.reading
    subject, source = observed.subject, observed.source
    key = (subject, reading.metric, reading.stat, reading.part, source)
    whole = "".join(key)
    if whole.isascii() and "\0" not in whole:
        return key
    return (clean(subject), clean(reading.metric), clean(reading.stat), clean(reading.part), clean(source))


def kind_of(reading: Reading) -> Kind:
    """Return the kind that a reading's form shows."""
    if reading.of is not None:
        return Kind.SHARE
    if reading.buckets or reading.stat:
        return Kind.DISTRIBUTION
    return Kind.LEVEL if reading.since is None else Kind.AMOUNT


class SeriesIndex:
    """The series that this process has met, so that a known one costs no question to the database.

    What a transaction adds counts only once it is committed: `keep` or `forget` ends it.
    """

    def __init__(self) -> None:
        self._known: dict[Key, Series] = {}
        self._new: dict[Key, Series] = {}

    def keep(self) -> None:
        """The transaction was committed."""
        self._known |= self._new
        self._new = {}

    def forget(self) -> None:
        """The transaction was rolled back."""
        self._new = {}

    def number(self, connection: Connection, wanted: Mapping[Key, tuple[Kind, float]]) -> dict[Key, Series]:
        """Return the series of these keys; new ones are made with the kind and freshness given."""
        found = {key: self._new.get(key) or self._known.get(key) for key in wanted}
        missing = [key for key, series in found.items() if series is None]
        if missing:
            self._read(connection, {key[0] for key in missing})
            unknown = [key for key in missing if key not in self._new]
            if unknown:
                self._make(connection, {key: wanted[key] for key in unknown})
        result: dict[Key, Series] = {}
        changed: list[Series] = []
        for key, (kind, fresh) in wanted.items():
            series = found[key] or self._new[key]
            if series.fresh != fresh:
                series = Series(series.id, *key, kind, fresh)
                changed.append(series)
            result[key] = series
        if changed:
            connection.execute(
                update(table).where(table.c.id == bindparam("number")).values(fresh=bindparam("seconds")),
                [{"number": series.id, "seconds": series.fresh} for series in changed],
            )
            self._new |= {series.key: series for series in changed}
        return result

    def _read(self, connection: Connection, subjects: set[str]) -> None:
        for some in slices(sorted(subjects)):
            for series in _rows(connection, table.c.subject.in_(some)):
                if series.key not in self._known:
                    self._new[series.key] = series

    def _make(self, connection: Connection, wanted: Mapping[Key, tuple[Kind, float]]) -> None:
        rows = []
        for (subject, metric, stat, part, source), (kind, fresh) in wanted.items():
            names = {"subject": subject, "metric": metric, "stat": stat, "part": part, "source": source}
            rows.append({**names, "kind": kind.value, "fresh": fresh})
        # Another process may make the same series at the same time; then it is found below.
        connection.execute(ignoring(connection, table), rows)
        self._read(connection, {key[0] for key in wanted})


def of(connection: Connection, subject: str | None = None, metric: str | None = None) -> list[Series]:
    """Return the series of a subject and metric, None meaning all."""
    where = []
    if subject is not None:
        where.append(table.c.subject == clean(subject))
    if metric is not None:
        where.append(table.c.metric == clean(metric))
    return list(_rows(connection, *where))


def _rows(connection: Connection, *where: ColumnElement[bool]) -> Iterable[Series]:
    columns = table.c
    query = select(
        columns.id,
        columns.subject,
        columns.metric,
        columns.stat,
        columns.part,
        columns.source,
        columns.kind,
        columns.fresh,
    ).where(*where)
    for row in connection.execute(query):
        number, subject, metric, stat, part, source, kind, fresh = row
        yield Series(number, subject, metric, stat, part, source, Kind(kind), fresh)
