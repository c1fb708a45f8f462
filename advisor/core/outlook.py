"""What carries a stack at so many users, and at what price: the answer of a what-if."""

from dataclasses import dataclass

from advisor.core.price import Price
from advisor.core.projection import Projected


@dataclass(frozen=True, slots=True)
class Choice:
    """What carries some services at so many users, USD a month; None: not known, `unknown` says why.

    `services` share one account, which is priced once. `moved`: document and line of the ladder that leads
    to another product. `open_` names metrics whose limit there is not known; `cautions` say what else the
    price does not hold. `notes` say where a part of it is from. `others` would carry it too: name, USD a
    month, and whether that is only the least.
    """

    services: tuple[str, ...]
    role: str
    name: str
    product: str
    plan: str
    size: str
    count: float
    monthly: float | None
    present: bool
    moved: str = ""
    unknown: tuple[str, ...] = ()
    open_: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    others: tuple[tuple[str, float, bool], ...] = ()
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """All services at so many users. `known` is the sum of the prices that are known, USD a month."""

    users: float
    choices: tuple[Choice, ...]
    projected: tuple[Projected, ...] = ()

    @property
    def known(self) -> float:
        """What is known to be paid, USD a month."""
        return round(sum(choice.monthly or 0.0 for choice in self.choices), 2)

    @property
    def missing(self) -> tuple[str, ...]:
        """Why the total is "at least" what is known: sentences, without the full stop; empty: it is whole."""
        return tuple(why for choice in self.choices for why in (*choice.unknown, *choice.cautions))

    @property
    def total(self) -> float | None:
        """What a month costs, None where something in it is not known."""
        return None if self.missing else self.known
