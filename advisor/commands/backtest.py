"""`advisor backtest`: what the rules would have done over the history kept, or over readings from a file."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from advisor.commands import output
from advisor.commands.backtest_chart import svg
from advisor.commands.backtest_text import difference_text, document, headline, hit_rows, rule_rows
from advisor.commands.common import configured
from advisor.commands.evaluate import read_facts
from advisor.commands.stored import with_store
from advisor.core.backtest import rounds
from advisor.core.hindsight import Difference, Report, difference, report
from advisor.core.model import Observed
from advisor.core.units import Unit, read
from advisor.core.watch import Watch
from advisor.errors import InputError
from advisor.past import Arrival, of_readings, of_store
from advisor.store import Store
from advisor.world import World

#: How far back by default, and how close together times are judged.
SINCE = "90d"
EVERY = "5m"


def run(
    config: Path,
    *,
    since: str | None,
    readings: str | None,
    against: Path | None,
    every: str | None,
    corrected: bool,
    chart: Path | None,
    json: bool,
) -> int:
    """Replay the past and print what each rule would have done."""
    world = configured(config)
    other = configured(against) if against is not None else None
    now = datetime.now(UTC)
    begin = None if since is None and readings is not None else _since(since or SINCE, now)
    step = _span(every or EVERY, "--every")
    made = _report(world, config, readings, begin, now, step, corrected=corrected)
    two: Difference | None = None
    if other is not None and against is not None:
        # The past is that of the first: another configuration may name another store.
        two = difference(made, _report(other, config, readings, begin, now, step, corrected=corrected))
    if chart is not None:
        _draw(chart, made, two)
    if json:
        output.as_json(document(made, two, str(against or "")))
    else:
        _print(made, two, str(against or ""), chart)
    return 0


def _report(
    world: World,
    config: Path,
    readings: str | None,
    since: datetime | None,
    now: datetime,
    every: timedelta,
    *,
    corrected: bool,
) -> Report:
    watch = Watch(world.fleet, world.rulebook.rules, world.catalogue, world.playbooks)
    arrivals: Sequence[Arrival]
    if readings is not None:
        arrivals = of_readings(read_facts(readings, watch))
    else:
        begin = since or now

        def look(store: Store) -> list[Arrival]:
            with store.reading() as tx:
                return of_store(tx, world.fleet, begin, now, every, corrected=corrected)

        arrivals = with_store(config, look)
    times = sorted({at for at, _ in arrivals if since is None or at >= since})
    if not times:
        raise InputError(
            f"no reading since {since:%Y-%m-%d}; go further back with --since, or give a file with --readings"
            if since is not None
            else "holds no reading",
            file=readings or str(config),
        )
    count = sum(isinstance(fact, Observed) for _, fact in arrivals)
    found = rounds(watch, arrivals, since)
    return report(watch, found, times[0], times[-1], len(times), count)


def _since(text: str, now: datetime) -> datetime:
    try:
        return now - _span(text, "--since")
    except InputError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--since {text}: write a span such as 90d, or a date such as 2026-11-01") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _span(text: str, option: str) -> timedelta:
    try:
        seconds, unit = read(text)
        if unit is Unit.SECONDS and 1 <= seconds <= 3650 * 86400:
            return timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        pass
    raise InputError(f"{option} {text}: write a span such as 5m, 1h or 90d")


def _draw(chart: Path, made: Report, two: Difference | None) -> None:
    try:
        chart.write_text(svg(made, two), encoding="utf-8")
    except OSError as error:
        raise InputError(f"--chart {chart}: {error.strerror or 'it cannot be written'}") from None


def _print(made: Report, two: Difference | None, against: str, chart: Path | None) -> None:
    output.prose(headline(made))
    if two is not None:
        output.prose(difference_text(two, against))
    if made.records:
        print()
        output.table(
            "What each rule would have done",
            ["severity", "rule", "first fired", ">times", ">on", ">before limit", ">at once/week", ">flaps"],
            rule_rows(made),
        )
    if made.hits:
        print()
        output.table("Limits that were hit", ["at", "what", "reached", "warned"], hit_rows(made.hits))
    if two is not None and two.missed:
        print()
        output.table(
            f"Missed now, and warned of by {against}",
            ["at", "what", "reached"],
            [row[:3] for row in hit_rows(two.missed)],
        )
    if chart is not None:
        print(f"\nDrawn in {chart}.")
