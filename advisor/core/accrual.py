"""How much of a metric had been used in a billing period by a moment, from its history. Pure.

Beyond now an amount goes on at the pace of the last four weeks, and a level stays what it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from advisor.core.demand import MONTH, Histories, History
from advisor.core.fleet import Fleet, Service
from advisor.core.judgement import Floats
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind

__all__ = ["Accrual", "accruals"]

_PACE = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Accrual:
    """One metric of one service: its history as arrays. `rate` is units a second beyond `now`.

    A stated fact has no history: an amount goes on at `rate` at all times, a level is `rate` itself.
    """

    kind: Kind
    now: float
    since: Floats
    at: Floats
    value: Floats
    rate: float

    def until(self, begin: datetime, end: datetime, moment: datetime, *, highest: bool) -> float:
        """Return what counts of the period from `begin` to `end` at a moment within it.

        `highest`: of a level, the highest so far; else what was held so far, as a part of the whole period.
        """
        first, last, whole = begin.timestamp(), moment.timestamp(), end.timestamp()
        if self.kind is Kind.AMOUNT:
            return self._amount(first, last)
        return self._highest(first, last) if highest else self._held(first, last) / (whole - first)

    def _amount(self, first: float, last: float) -> float:
        if not self.at.size:
            return self.rate * (last - first)
        length = self.at - self.since
        within = np.minimum(self.at, last) - np.maximum(self.since, first)
        part = np.where(length > 0, np.clip(within / np.where(length > 0, length, 1.0), 0.0, 1.0), 0.0)
        # What has no length counts where it lies.
        part = np.where((length <= 0) & (self.at > first) & (self.at <= last), 1.0, part)
        return float((part * self.value).sum()) + self.rate * max(0.0, last - max(first, self.now))

    def _held(self, first: float, last: float) -> float:
        """Return the level times seconds; before its first reading it is taken to have been that one."""
        if not self.at.size:
            return self.rate * (last - first)
        begins = np.concatenate([[-np.inf], self.at[1:]])
        ends = np.concatenate([self.at[1:], [np.inf]])
        seconds = np.minimum(ends, last) - np.maximum(begins, first)
        return float((np.maximum(seconds, 0.0) * self.value).sum())

    def _highest(self, first: float, last: float) -> float:
        if not self.at.size:
            return self.rate
        inside = self.value[(self.at > first) & (self.at <= last)]
        if inside.size:
            return float(inside.max())
        # A count that begins anew with the period says nothing of it before its first reading.
        return float(self.value[-1]) if last > self.now else 0.0


def accruals(
    service: Service, group: Sequence[Service], fleet: Fleet, histories: Histories, now: datetime
) -> Mapping[str, Accrual]:
    """Return how the service's metrics are used up.

    What the account reports itself falls on the first of its services, in place of what they report. What
    belongs to the stack (revenue, active users) is the stack's, as read or as the user states it.
    """
    found: dict[str, Accrual] = {}
    stack = fleet.stack.get(service.stack)
    for metric, value in (stack.facts if stack is not None else {}).items():
        if metric in VOCABULARY and VOCABULARY[metric].kind in {Kind.LEVEL, Kind.AMOUNT}:
            found[metric] = _stated(metric, value, now)
    _, alone = fleet.counted_with(service)
    whole = {m for key, m in histories if key == f"@{service.account}"} if alone else set()
    for key in (service.stack, service.subject.key, f"@{service.account}"):
        for subject, metric in histories:
            if subject != key or (key.startswith("@") and metric not in whole):
                continue
            if key == service.stack and not _of_stack(metric):
                continue
            if (made := _read(metric, histories[subject, metric], now)) is not None:
                found[metric] = made
    if service is not group[0]:
        return {metric: one for metric, one in found.items() if metric not in whole}
    return found


def _of_stack(metric: str) -> bool:
    roles = VOCABULARY[metric].roles
    return "stack" in roles and "service" not in roles


def _stated(metric: str, value: float, now: datetime) -> Accrual:
    none = np.zeros(0)
    kind = VOCABULARY[metric].kind
    rate = value / (MONTH * 86400.0) if kind is Kind.AMOUNT else value
    return Accrual(kind, now.timestamp(), none, none, none, rate)


def _read(metric: str, history: History, now: datetime) -> Accrual | None:
    at, value = np.asarray(history.times, np.float64), np.asarray(history.values, np.float64)
    since = np.asarray(history.since, np.float64) if len(history.since) else at
    good = np.isfinite(value) & (at <= now.timestamp())
    if not good.any():
        return None
    at, value, since = at[good], value[good], since[good]
    kind = VOCABULARY[metric].kind
    rate = 0.0
    if kind is Kind.AMOUNT:
        end = now.timestamp()
        begin = max(float(since.min()), end - _PACE.total_seconds())
        recent = float(value[since >= begin].sum())
        rate = recent / max(end - begin, 86400.0)
    return Accrual(kind, now.timestamp(), since, at, value, rate)
