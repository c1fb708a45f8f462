"""Sums over services: the bill of a stack or account, an account-wide quota."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.core.judgement import Rows
from advisor.core.model import Combine, Kind, Metric
from advisor.core.quantity.base import Base
from advisor.core.quantity.known import Known


class Sums(Base):
    """Quantities of those who report nothing themselves."""

    def _with_sums(self, known: Known, metric: Metric) -> Known:
        """Fill in stacks and accounts that report nothing themselves: the sum of their services.

        For a stack this is so for cost; for an account for all that adds up (its bill, its usage).
        """
        if metric.combine != Combine.SUM or metric.kind not in {Kind.AMOUNT, Kind.LEVEL}:
            return known
        known = self._in_part(known, metric)
        if not self.subjects.services.size:
            return known
        if metric.name == "cost":
            known = self._summed(known, metric, self.subjects.stack_of_service, into_services=False)
        if self.subjects.has_accounts:
            known = self._summed(known, metric, self.subjects.account_of_service, into_services=False)
        return known

    def _in_part(self, known: Known, metric: Metric) -> Known:
        """Let what is known only in part be no more than the least that it is."""
        partial = self.columns.partial.get(metric.name)
        if not partial:
            return known
        rows = np.fromiter(partial, dtype=np.intp, count=len(partial))
        high = known.high.copy()
        high[rows] = np.where(np.isnan(known.low[rows]), np.nan, np.inf)
        return replace(known, high=high, why=lambda row: partial.get(row) or known.why(row))

    def _account_sum(self, known: Known, metric: Metric) -> Known:
        pools, beyond = self.subjects.pools
        if not beyond:
            return self._summed(known, metric, pools, into_services=True)
        return _cut(self._summed(_widened(known, beyond), metric, pools, into_services=True), known)

    def _summed(self, known: Known, metric: Metric, group: Rows, *, into_services: bool) -> Known:
        size = known.value.size
        services = self.subjects.services
        reports = known.has[services] | self.subjects.reports(metric)[services]
        if not metric.roles and reports.any() and not reports.all():
            # What one reports, the account's others of the same role should report too.
            kin = self.subjects.kin
            seen = np.zeros(int(kin.max()) + 1, dtype=np.bool_)
            seen[kin[reports]] = True
            reports = seen[kin]
        member = (group >= 0) & reports
        rows, into = services[member], group[member]
        if not rows.size:
            return known
        if not into_services and not (known.has[rows] & ~known.has[into]).any():
            return known  # There is nothing to add up, or whoever could be filled in reports itself.
        missing = np.isnan(known.low[rows])
        value = np.bincount(into, np.nan_to_num(known.value[rows]), size)
        low = np.bincount(into, np.where(missing, 0.0, known.low[rows]), size)
        high = np.bincount(into, np.where(missing, np.inf, known.high[rows]), size)
        count = np.bincount(into, minlength=size)
        reporting = np.bincount(into, known.has[rows], size) > 0
        silent = np.bincount(into, missing, size)
        in_part = np.zeros(known.value.size, dtype=np.bool_)
        in_part[list(self.columns.partial.get(metric.name, ()))] = True
        parts = np.bincount(into, in_part[rows] & ~missing, size)
        as_of = np.full(size, -np.inf)
        np.fmax.at(as_of, into, known.as_of[rows])
        as_of = np.where(np.isinf(as_of), np.nan, as_of)
        fresh = np.full(size, np.inf)
        np.fmin.at(fresh, into, known.fresh[rows])
        stale = np.bincount(into, known.stale[rows], size) > 0
        filled = reporting & ~known.has & (count > 0) & (silent < count)
        period = known.period
        if period is not None:
            starts = np.full(size, -np.inf)
            np.fmax.at(starts, into, period[rows])
            period = np.where(filled, np.where(np.isinf(starts), np.nan, starts), period)

        def why(row: int) -> str:
            if filled[row] and parts[row] and not silent[row]:
                word = "service is" if parts[row] == 1 else "services are"
                return f"the sum is partial: {int(parts[row])} {word} known only in part"
            if filled[row] and silent[row]:
                word = "service has" if silent[row] == 1 else "services have"
                return f"the sum is partial: {int(silent[row])} {word} no fresh reading of `{metric.name}`"
            if filled[row]:
                return ""
            if reporting[row] and not known.has[row]:
                return f"none of the services has `{metric.name}` for all of that time"
            return known.why(row)

        result = replace(
            known,
            value=np.where(filled, value, known.value),
            low=np.where(filled, low, known.low),
            high=np.where(filled, high, known.high),
            as_of=np.where(filled, as_of, known.as_of),
            fresh=np.where(filled, fresh, known.fresh),
            stale=np.where(filled, stale, known.stale),
            has=known.has | (reporting & (count > 0)),
            why=why,
            period=period,
        )
        if not into_services:
            return result
        return self._spread(result, rows, into, known)

    @staticmethod
    def _spread(summed: Known, rows: Rows, into: Rows, own: Known) -> Known:
        """Give each service what its account has; `summed` holds it in the accounts' rows."""
        place = np.arange(own.value.size)
        place[rows] = into

        def why(row: int) -> str:
            return summed.why(int(place[row])) or own.why(row)

        return Known(
            summed.value[place],
            summed.low[place],
            summed.high[place],
            summed.as_of[place],
            summed.fresh[place],
            summed.stale[place],
            summed.has[place] | own.has,
            why,
            None if summed.period is None else summed.period[place],
        )


def _widened(known: Known, beyond: int) -> Known:
    """Return the quantity with so many rows more, of which nothing is known."""
    size = known.value.size

    def wider(column: NDArray[Any], blank: float | bool) -> NDArray[Any]:
        return np.concatenate([column, np.full(beyond, blank, dtype=column.dtype)])

    return replace(
        known,
        value=wider(known.value, np.nan),
        low=wider(known.low, np.nan),
        high=wider(known.high, np.nan),
        as_of=wider(known.as_of, np.nan),
        fresh=wider(known.fresh, np.inf),
        stale=wider(known.stale, False),
        has=wider(known.has, False),
        why=lambda row: known.why(row) if row < size else "",
        period=None if known.period is None else wider(known.period, np.nan),
    )


def _cut(known: Known, like: Known) -> Known:
    """Return the quantity without the rows that `like` has not."""
    size = like.value.size
    return replace(
        known,
        value=known.value[:size],
        low=known.low[:size],
        high=known.high[:size],
        as_of=known.as_of[:size],
        fresh=known.fresh[:size],
        stale=known.stale[:size],
        has=known.has[:size],
        period=None if known.period is None else known.period[:size],
    )
