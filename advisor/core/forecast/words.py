"""One sentence beside each figure: at which pace, and what it comes to."""

from advisor.core.units import Unit, show


def of_level(change: float, days: float, unit: Unit) -> str:
    """Return at which pace a level went over the last days: `at the last 30 days' pace of 41 MB a day`."""
    span = f"the last {max(round(days), 1)} days"
    if change > 0:
        return f"at {span}' pace of {show(change, unit)} a day"
    return f"fell by {show(-change, unit)} a day over {span}" if change < 0 else f"did not grow over {span}"


def of_amount(pace: float, days: int, end: float, limit: float | None, unit: Unit) -> str:
    """Return at which pace an amount goes on and what its period ends at.

    `at the recent pace of 41 MB a day; 112 % of the limit by the period's end`.
    """
    whose = "the recent pace" if days >= 7 else "this period's run rate so far"
    text = f"at {whose} of {show(pace, unit)} a day"
    return f"{text}; {show(end / limit, Unit.RATIO)} of the limit by the period's end" if limit else text


def of_rate(chance: float, near: int, days: int) -> str:
    """Return how often a rate came near its limit: `over 80 % of the limit on 3 of the last 28 days`."""
    often = f"on {near} of the last {days} days" if near else f"on none of the last {days} days"
    word = "likely" if chance >= 0.5 else "unlikely"
    return f"{word} within two weeks ({show(chance, Unit.RATIO)}); over 80 % of the limit {often}"


def of_average(so_far: float, possible: float, limit: float, unit: Unit) -> str:
    """Return what an average may still be so that the cycle's ends below the limit."""
    start = f"{show(so_far, unit)} in the mean so far"
    if possible < 0:
        return f"{start}: that it ends above the limit cannot be avoided any more"
    if so_far <= limit:
        return f"{start}: up to {show(possible, unit)} from now on keeps the cycle's mean below the limit"
    return f"{start}: it must be below {show(possible, unit)} from now on to end below the limit"
