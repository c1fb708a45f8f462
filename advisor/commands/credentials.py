"""What `advisor check` and `advisor connect` say of a credential: whose it is, what it may, when it ends."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from advisor.commands.inspection import FAULT, GAP, OK, Line
from advisor.core.wording import counted, day
from advisor.polling.contract import Verified
from advisor.polling.poller import Trouble

if TYPE_CHECKING:
    from advisor.feeds import Feed

__all__ = ["ENDS_SOON", "document", "lines", "needed"]

#: Whoever has less time than that is told that a credential ends.
ENDS_SOON = timedelta(days=14)


def needed(feed: "Feed") -> Line:
    """Return which rights a source needs, the least first."""
    module = feed.source.collector
    rights = " or ".join(f"{one.right} ({one.tier})" for one in module.ABOUT.access)
    return Line("access", feed.source.key, OK, f"needs {rights or ', '.join(module.SCOPES) or 'nothing'}")


def lines(key: str, said: Verified | Trouble | None, now: datetime) -> Iterator[Line]:
    """Yield what became of a source's credential; nothing where its collector has no call for it."""
    match said:
        case None:
            return
        case Trouble(refused=True) | Trouble(fault=True):
            yield Line("credential", key, FAULT, said.error, 1 if said.fault else 3)
        case Trouble():
            yield Line("credential", key, GAP, f"could not be verified: {said.error}")
        case Verified():
            whose = f"of {said.whose}" if said.whose else "is good"
            yield Line("credential", key, OK, f"{whose}; may: {', '.join(said.rights) or 'not told'}")
            if said.broad:
                broad = ", ".join(said.broad)
                yield Line("credential", key, GAP, f"too broad, it may besides: {broad}; take a smaller one")
            if said.expires is not None and said.expires - now < ENDS_SOON:
                yield Line("credential", key, GAP, _ends(said.expires, now))


def _ends(at: datetime, now: datetime) -> str:
    days = (at - now).days
    if at <= now:
        return f"ended on {day(at)}; make a new one"
    when = f"in {counted(days, 'day')}" if days else "within a day"
    return f"ends on {day(at)}, {when}; make a new one before"


def document(key: str, said: Verified | Trouble | None) -> dict[str, Any]:
    """Return the same for programs; `verified` null: the collector has no call that tells."""
    if isinstance(said, Verified):
        rights, broad = list(said.rights), list(said.broad)
        told = {"whose": said.whose, "rights": rights, "broad": broad, "expires": said.expires}
        return {"source": key, "verified": True, **told, "error": ""}
    return {
        "source": key,
        "verified": None if said is None else False,
        "whose": "",
        "rights": [],
        "broad": [],
        "expires": None,
        "error": "" if said is None else said.error,
    }
