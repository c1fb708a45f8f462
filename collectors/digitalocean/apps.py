"""App Platform: percentages of an instance, sizes with their memory and allowance, bandwidth by day. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from advisor.collectors._days import utc_day
from advisor.collectors.digitalocean.matrix import Series
from advisor.core.model import Confidence, Gap, Limit, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer

__all__ = ["bandwidth", "days", "lacks", "levels", "sizes"]

SOURCE = "provider API: DigitalOcean"
_GIB = 2**30
_DAY = timedelta(days=1)
_Sizes = Mapping[str, Sequence[float | None]]


def sizes(body: Body) -> dict[str, list[float | None]]:
    """Return memory (bytes) and allowance (bytes a month) of each size by its slug."""
    found = {}
    for one in body["instance_sizes"].each():
        allowance = one.number("bandwidth_allowance_gib")
        found[one.text("slug")] = [
            one.number("memory_bytes"),
            allowance * _GIB if allowance is not None else None,
        ]
    return found


def _components(app: Body) -> dict[str, tuple[str, float]]:
    """Return size and number of instances of each component that runs."""
    found: dict[str, tuple[str, float]] = {}
    for kind in ("services", "workers"):
        listed = app.get("spec", kind)
        for one in listed.each() if listed is not None else ():
            slug = one.get("instance_size_slug")
            found[one.text("name")] = (
                slug.text() if slug is not None else "",
                one.number("instance_count") or 1.0,
            )
    return found


def lacks(app: Body, known: Mapping[str, Any]) -> bool:
    """Say whether the app has a size that was not known before."""
    return any(slug and slug not in known for slug, _ in _components(app).values())


def levels(
    app: Body, known: _Sizes, cpu: Sequence[Series], memory: Sequence[Series], now: datetime
) -> Answer:
    """Give CPU and memory of each instance; bytes are the percentage of what its size has, so estimated."""
    components = _components(app)
    readings: list[Reading] = []
    terms: list[Term] = []
    gaps: list[Gap] = []
    instances = set()
    for one in cpu:
        at, value = one.points[-1]
        instances.add(_part(one))
        readings.append(Reading("cpu", value / 100, at, part=_part(one)))
    fullest: tuple[float, float] | None = None
    for one in memory:
        at, value = one.points[-1]
        slug, _ = components.get(one.labels.get("app_component", ""), ("", 0.0))
        size = known[slug][0] if slug in known else None
        instances.add(_part(one))
        if not size:
            why = (
                f"DigitalOcean does not tell the memory of the size `{slug}`: a percentage alone is no bytes"
            )
            gaps.append(Gap("memory", why, ("memory",)))
            continue
        used = value / 100 * size
        fullest = max(fullest or (used, size), (used, size))
        readings.append(Reading("memory", used, at, part=_part(one), quality=Quality.ESTIMATED))
    if instances:
        readings.append(Reading("instances", float(len(instances)), now, part="app"))
    else:
        gaps.append(
            Gap("app", "DigitalOcean has no values of the app's instances; do any run?", ("cpu", "memory"))
        )
    if fullest is not None:
        terms += [
            Term("limit", fullest[1], SOURCE, now, "memory", which)
            for which in (Limit.QUOTA, Limit.AVAILABLE)
        ]
    if len(components) == 1:
        slug, count = next(iter(components.values()))
        allowance = known[slug][1] if slug in known else None
        if allowance is not None and count == 1:
            terms.append(
                Term("limit", allowance, SOURCE, now, "egress", Limit.QUOTA, "month", Confidence.DOCUMENTED)
            )
    return Answer(readings, terms, gaps)


def _part(one: Series) -> str:
    return one.labels.get("app_component_instance") or one.labels.get("app_component", "")


def days(now: datetime, covered: float | None) -> tuple[datetime, datetime]:
    """Return the first and last UTC day to ask for; a first look takes the month so far."""
    today = utc_day(now)
    last = today - _DAY
    first = today.replace(day=1) if covered is None else datetime.fromtimestamp(covered, UTC) - _DAY
    return max(min(first, last - _DAY), today - 31 * _DAY), last


def bandwidth(body: Body, app: str, day: datetime) -> list[Reading]:
    """Return the bytes of a UTC day; an app that is not listed has no reading."""
    return [
        Reading("egress", value, day + _DAY, day)
        for one in body["app_bandwidth_usage"].each()
        if one.text("app_id") == app and (value := one.number("bandwidth_bytes")) is not None
    ]
