"""What a sentence's quantity is now, for all subjects at once.

Every quantity is a value with the range it surely lies in: [low, high]. The range is one number where the
readings say so; it is wider where quantiles only bound a window, where a provider calls its value
uncertain, or where a part is missing (an amount so far may only grow). NaN is not known. A comparison is
true or false only where the whole range agrees, so that a gap that cannot change the verdict does not.

A quantity is computed once an evaluation, whatever number of rules asks for it.
"""

from advisor.core.model import Kind, Limit, Metric
from advisor.core.quantity.growth import Growths
from advisor.core.quantity.known import Days, Known
from advisor.core.quantity.paths import Paths
from advisor.core.sentence import AnyMetric, Forecast, Growth, Measure, Quantity, TimeToLimit


class Quantities(Growths, Paths):
    """The quantities of one evaluation: columns as they are, at `now`.

    Each is computed once, whatever number of rules asks for it.
    """

    def get(
        self,
        quantity: Quantity,
        *,
        complete: bool = False,
        limit: Limit | None = None,
        day: Days | None = None,
        period: str = "",
    ) -> Known:
        """Return a quantity.

        `complete` asks for the last complete period instead of the newest; `limit` is what the quantity is
        held against; `day` asks for the quantity of that whole day; `period` is the kind of the quota's
        period where a bare amount is held against it.
        """
        key = (quantity, complete, limit, None if day is None else day.label, period)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._get(
                quantity, complete=complete, limit=limit, day=day, period=period
            )
        return known

    def account_sum(self, known: Known, metric: Metric, key: object) -> Known:
        """Return the quantity with, for services, the sum over their account's services that report it.

        What the account itself reports comes first. Where a service that should report has nothing fresh,
        the sum is partial: it may only be more.
        """
        cached = self._known.get(("account", key))
        if cached is None:
            cached = self._known["account", key] = self._account_sum(known, metric)
        return cached

    def _get(
        self, quantity: Quantity, *, complete: bool, limit: Limit | None, day: Days | None, period: str
    ) -> Known:
        match quantity:
            case Measure():
                metric = self.columns.metrics[quantity.metric]
                known = self._measure(quantity, metric, complete=complete, day=day, period=period)
                return self._with_sums(known, metric)
            case Growth():
                return self._growth(quantity)
            case Forecast():
                return self._forecast(quantity, account=limit is not None)
            case TimeToLimit():
                return self._time_to_limit(quantity)
            case AnyMetric():
                raise AssertionError("compiled into copies")

    def _measure(
        self, measure: Measure, metric: Metric, *, complete: bool, day: Days | None, period: str
    ) -> Known:
        match metric.kind:
            case Kind.LEVEL:
                return self._level(measure, metric, day)
            case Kind.DISTRIBUTION:
                return self._distribution(measure, metric, day)
            case Kind.SHARE:
                return self._share(measure, metric, day)
            case Kind.AMOUNT:
                return self._amount(measure, metric, complete=complete, day=day, period=period)
