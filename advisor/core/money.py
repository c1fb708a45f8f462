"""US dollars in the currency that an account pays in."""

from dataclasses import dataclass

from advisor.core.units import Unit, show

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency with what one US dollar is in it, as the user states it."""

    code: str = "USD"
    rate: float = 1.0

    def show(self, usd: float) -> str:
        """Write an amount of US dollars in it: `$25`, `-€23`, `CHF 21.50`."""
        text = show(usd * self.rate, Unit.USD)
        return text.replace("$", _SIGNS.get(self.code, f"{self.code} "))


USD = Currency()


def paid_in(code: str, rate: float | None) -> Currency:
    """Return the currency to show amounts in: US dollars where nobody stated a rate."""
    return Currency(code, rate) if rate is not None else USD
