"""Base units, how people write values, and how values are shown to people."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

__all__ = ["SPAN_WORDS", "UNIT_TEXTS", "Unit", "base", "digits", "example", "read", "show", "spell"]


class Unit(StrEnum):
    """The five base units; nothing else exists inside."""

    BYTES = "bytes"
    SECONDS = "seconds"
    RATIO = "ratio"
    COUNT = "count"
    USD = "USD"


_THOUSANDS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_BYTES = {f"{letter}B": Decimal(1000) ** power for letter, power in _THOUSANDS.items()} | {
    f"{letter}iB": Decimal(1024) ** power for letter, power in _THOUSANDS.items() if letter
}
_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_COUNTS = {"": Decimal(1), "K": Decimal(1000), "M": Decimal(1_000_000)}
#: Words that may stand for a suffix after a space, in the singular, with their length in seconds.
SPAN_WORDS: Mapping[str, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_WRITTEN: Mapping[str, tuple[Decimal, Unit]] = (
    {suffix: (scale, Unit.BYTES) for suffix, scale in _BYTES.items()}
    | {suffix: (scale, Unit.SECONDS) for suffix, scale in _SECONDS.items()}
    | {suffix: (scale, Unit.COUNT) for suffix, scale in _COUNTS.items()}
    | {"%": (Decimal("0.01"), Unit.RATIO)}
)
_TOKEN = re.compile(
    r"(?P<sign>[+-]?)(?P<money>\$?)(?P<number>[0-9][0-9.,_]*)(?P<space>\s*)(?P<suffix>.*)", re.DOTALL
)
_EXPONENT = re.compile(r"[+-]?\$?[0-9.]+[eE][+-]?[0-9]+")
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:\.[0-9]{3})+")
_PERIOD = re.compile(
    r"(?P<value>\S*?)/\s*(?P<period>s|sec|second|min|minute|h|hour|d|day|wk|week|mo|month|y|yr|year)"
)
_PERIOD_WORDS = {
    "s": "second",
    "sec": "second",
    "min": "minute",
    "h": "hour",
    "d": "day",
    "wk": "week",
    "mo": "month",
    "yr": "year",
    "y": "year",
}
#: What people write for a suffix of ours.
_ALSO = {
    "min": "m",
    "mins": "m",
    "sec": "s",
    "secs": "s",
    "hr": "h",
    "hrs": "h",
    "msec": "ms",
    "w": " weeks",
    "wk": " weeks",
    "percent": "%",
    "pct": "%",
    "bytes": "B",
    "byte": "B",
}
_EXAMPLES = {
    Unit.BYTES: "bytes, such as 400MB",
    Unit.SECONDS: "a time, such as 100ms or 2h",
    Unit.RATIO: "a ratio, such as 80%",
    Unit.COUNT: "a count, such as 80 or 4K",
    Unit.USD: "dollars, such as $50",
}


def example(unit: Unit) -> str:
    """Return what a value of this unit is called and looks like, for answers to the user."""
    return _EXAMPLES[unit]


def read(text: str) -> tuple[float, Unit]:
    """Return a value as people write it, in its base unit: `400MB`, `50ms`, `3 days`, `80%`, `4K`, `$50`.

    Raises:
        ValueError: It is no such value; the message says what to write instead.
    """
    text = text.strip()
    match = _TOKEN.fullmatch(text)
    if match is None:
        raise ValueError(_not_a_value(text))
    number, suffix, money = match["number"], match["suffix"], match["money"]
    if period := _PERIOD.fullmatch(text):
        word = _PERIOD_WORDS.get(period["period"], period["period"])
        raise ValueError(
            f"the period belongs to the metric: `per {word}` after its name, then {period['value']}"
        )
    if _EXPONENT.fullmatch(text):
        raise ValueError(f"`{text}`: no exponents: write {_plain(text)}, or K and M")
    if "," in number:
        raise ValueError(f"`{text}`: no comma in a number: write {text.replace(',', '')}")
    if "_" in number:
        raise ValueError(f"`{text}`: no underscore in a number: write {text.replace('_', '')}")
    if match["sign"] == "+":
        raise ValueError(f"`{text}`: no plus sign: write {text[1:]}")
    if _GROUPED.fullmatch(number) and suffix != "%":
        raise ValueError(_two_readings(text, number))
    if number.endswith(".") or number.count(".") > 1:
        raise ValueError(f"`{text}`: `{number}` is not a number: write {number.strip('.').split('.')[0]}")
    scale, unit = _suffix(text, number, suffix, match["space"], money)
    value = float(Decimal(match["sign"] + number) * scale)
    if not math.isfinite(value):
        raise ValueError("the number is too large to be meant")
    return value, unit


def _suffix(text: str, number: str, suffix: str, space: str, money: str) -> tuple[Decimal, Unit]:
    """Return scale and unit of what follows the number, or raise the answer."""
    if money:
        if suffix in _COUNTS and not space:
            return _COUNTS[suffix], Unit.USD
        raise ValueError(f"`{text}`: money is written $50, $0.05 or $2K")
    if space:
        return _word(text, number, suffix)
    if suffix in _WRITTEN:
        return _WRITTEN[suffix]
    if suffix in {"$", "USD", "usd"}:
        raise ValueError(f"`{text}`: money is written with the sign first: ${number}")
    if suffix in _ALSO:
        raise ValueError(f"`{text}`: write `{number}{_ALSO[suffix]}`")
    if suffix.rstrip("s") in SPAN_WORDS or suffix.rstrip("s") == "month":
        raise ValueError(f"`{text}`: a word stands after a space: `{number} {suffix}`")
    for known in _WRITTEN:
        if known.lower() == suffix.lower():
            bits = " (`b` would be bits)" if suffix.endswith("b") else ""
            raise ValueError(f"`{text}`: capitals matter here: `{number}{known}`{bits}")
    raise ValueError(
        f"`{text}`: no unit `{suffix}`; known: B KB MB GB TB PB, KiB MiB GiB TiB PiB, ms s m h d, %, K M, $"
    )


def _word(text: str, number: str, word: str) -> tuple[Decimal, Unit]:
    """Return scale and unit of `days` in `3 days`, or raise the answer."""
    singular = word.removesuffix("s")
    if singular == "month":
        raise ValueError(f"`{text}`: months differ in length: write days, such as `30 days`")
    if singular == "year":
        raise ValueError(f"`{text}`: years differ in length: write days, such as `365 days`")
    if singular not in SPAN_WORDS:
        raise ValueError(f"`{text}`: no space in a value: write `{number}{word}`")
    right = singular if number == "1" else f"{singular}s"
    if word != right:
        raise ValueError(f"`{text}`: write `{number} {right}`")
    return Decimal(SPAN_WORDS[singular]), Unit.SECONDS


def _not_a_value(text: str) -> str:
    if text[:1] in {"€", "£", "¥"}:
        return f"`{text}`: figures are in US dollars: write ${text[1:]}"
    if text.startswith("."):
        return f"`{text}`: write 0{text}"
    return f"`{text}` is no value; write such as 400MB, 50ms, 3 days, 80%, 4K or $50"


def _plain(text: str) -> str:
    number = Decimal(text.replace("$", ""))
    if abs(number.adjusted()) > 15:
        return "the digits"
    return ("$" if "$" in text else "") + f"{number.normalize():f}"


def _two_readings(text: str, number: str) -> str:
    rest = text.replace(number, "{}", 1).replace("$", "$")
    whole = int(number.replace(".", ""))
    thousands = f"{whole // 1000}K" if whole % 1000 == 0 and rest in {"{}", "${}"} else str(whole)
    one = number.rstrip("0").rstrip(".") if number.count(".") == 1 else number.split(".", maxsplit=1)[0]
    if _GROUPED.fullmatch(one):
        one += "0"
    return (
        f"`{text}` can be read as a thousand or as one: "
        f"write {rest.replace('{}', thousands)} or {rest.replace('{}', one)}"
    )


def spell(value: float, unit: Unit) -> str:
    """Return the shortest token that `read` turns into exactly this value."""
    number = Decimal(repr(float(value)))
    if unit is Unit.RATIO:
        return f"{_digits(number * 100)}%"
    if unit is Unit.USD:
        return f"{'-' if number < 0 else ''}${_unambiguous(_digits(abs(number)))}"
    scales = {Unit.BYTES: _BYTES, Unit.COUNT: _COUNTS, Unit.SECONDS: _SECONDS}[unit]
    exact = [
        f"{plain}{suffix}"
        for suffix, scale in scales.items()
        if not suffix.endswith("iB")
        and not _GROUPED.fullmatch(plain := _digits(number / scale))
        and Decimal(plain) * scale == number
    ]
    if not exact:
        return _unambiguous(_digits(number)) + {Unit.BYTES: "B", Unit.COUNT: "", Unit.SECONDS: "s"}[unit]
    return min(exact, key=len)


def digits(number: float) -> str:
    """Return the plain digits of a number, such that `read` has one reading of them."""
    return _unambiguous(_digits(Decimal(repr(float(number)))))


def _digits(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _unambiguous(digits: str) -> str:
    return f"{digits}0" if _GROUPED.fullmatch(digits) else digits


#: Units that readings and collectors may name, with what one of them is in the base unit.
UNIT_TEXTS: Mapping[str, tuple[Decimal, Unit]] = {
    suffix: (scale, Unit.BYTES) for suffix, scale in _BYTES.items()
} | {
    "bytes": (Decimal(1), Unit.BYTES),
    "kB": (Decimal(1000), Unit.BYTES),
    "us": (Decimal("0.000001"), Unit.SECONDS),
    "µs": (Decimal("0.000001"), Unit.SECONDS),
    "ms": (Decimal("0.001"), Unit.SECONDS),
    "s": (Decimal(1), Unit.SECONDS),
    "seconds": (Decimal(1), Unit.SECONDS),
    "min": (Decimal(60), Unit.SECONDS),
    "h": (Decimal(3600), Unit.SECONDS),
    "d": (Decimal(86400), Unit.SECONDS),
    "%": (Decimal("0.01"), Unit.RATIO),
    "ratio": (Decimal(1), Unit.RATIO),
    "count": (Decimal(1), Unit.COUNT),
    "USD": (Decimal(1), Unit.USD),
    "$": (Decimal(1), Unit.USD),
}


def base(value: float, unit_text: str) -> tuple[float, Unit]:
    """Return a reading's value in the base unit of `unit_text`, such as `MB`, `ms`, `%`, `count`, `USD`.

    Raises:
        ValueError: The unit is not known, or the value is not a finite number.
    """
    found = UNIT_TEXTS.get(unit_text)
    if found is None:
        near = next((known for known in UNIT_TEXTS if known.lower() == unit_text.lower()), "")
        hint = f" (did you mean `{near}`?)" if near else ""
        raise ValueError(f"no unit `{unit_text}`{hint}; known: {' '.join(UNIT_TEXTS)}")
    scale, unit = found
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number; leave the reading out instead")
    if scale == 1:
        return float(value), unit
    return float(Decimal(repr(float(value))) * scale), unit


_SHOWN_BYTES = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB"), (1.0, "B"))
_SHOWN_SECONDS = ((86400.0, "day"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))


def show(value: float, unit: Unit | str) -> str:
    """Return a value for people: `401 MB`, `1.5 GB`, `240 ms`, `80 %`, `2,500`, `$25`.

    At most three significant digits, never scientific. Exact instead where rounding would hide which side
    of a limit a value is on: counts below 10,000, dollars, and shares between 99 % and 100 % (`99.95 %`).
    """
    unit = Unit(unit)
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "never" if unit is Unit.SECONDS else "unlimited"
    if value < 0:
        return f"-{show(-value, unit)}"
    if unit is Unit.BYTES:
        return _scaled(value, _SHOWN_BYTES)
    if unit is Unit.SECONDS:
        shown = _scaled(value, _SHOWN_SECONDS)
        return f"{shown}s" if shown.endswith("day") and shown != "1 day" else shown
    if unit is Unit.RATIO:
        return f"{_percent(value * 100)} %"
    if unit is Unit.USD:
        return f"${_dollars(value)}"
    if value < 10_000 and value == int(value):
        return f"{int(value):,}"
    return _three(value)


def _scaled(value: float, scales: tuple[tuple[float, str], ...]) -> str:
    if value == 0:
        return f"0 {'B' if scales is _SHOWN_BYTES else 's'}"
    for scale, name in scales:
        # 999.6 MB reads as 1 GB, so the rounded figure decides.
        if float(f"{value / scale:.3g}") >= 1:
            return f"{_three(value / scale)} {name}"
    scale, name = scales[-1]
    return f"{_three(value / scale)} {name}"


def _three(value: float) -> str:
    rounded = Decimal(f"{value:.3g}")
    return f"{int(rounded):,}" if rounded == int(rounded) else f"{rounded:f}".rstrip("0")


def _percent(percent: float) -> str:
    if 99 < percent < 100:
        distance = Decimal(f"{100 - percent:.2g}")
        return f"{100 - distance:f}".rstrip("0").rstrip(".") if distance else "100"
    return _three(percent)


def _dollars(value: float) -> str:
    if value < 0.1:  # What one of something costs: $0.015 a GB.
        return _three(value)
    cents = round(value * 100)
    return f"{value:,.0f}" if cents % 100 == 0 or value >= 1000 else f"{cents / 100:,.2f}"
