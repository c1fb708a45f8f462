"""`advisor done`, `accept` and `reject`: a person's answer to a recommendation, kept beside the daemon."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from advisor.commands.attention import LONGEST, me
from advisor.commands.common import configured
from advisor.commands.stored import stored_watch, with_store
from advisor.core import stages
from advisor.core.ahead import DOWN, Ahead
from advisor.core.answered import PATIENCE, Answered, Said, Seen
from advisor.core.catalogue import Reset
from advisor.core.concerns import Concern
from advisor.core.demand import account_of
from advisor.core.lifecycle import State
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Limit, Severity, Subject
from advisor.core.periods import Calendar
from advisor.core.present import seen, seen_of
from advisor.core.stages import place_of, staged_rule
from advisor.core.units import Unit, example, read, show
from advisor.core.watch import Watch
from advisor.core.wording import day, metric_name, share
from advisor.engine import LOOKS_BACK
from advisor.errors import InputError
from advisor.recorded import around, histories
from advisor.store import Store


def done(config: Path, concern: str, *, by: str | None, reason: str, undo: bool) -> int:
    """Keep that a recommendation has been done; the next polls verify it."""
    now = datetime.now(UTC)
    if undo:
        return _undo(config, concern, now)
    watch, found, seen, zone = _look(config, concern, now)
    rule = staged_rule(found)
    stage = watch.stages.get(concern)
    due = now + PATIENCE
    if rule is not None:
        due = stages.due(rule, now, zone)
    elif days := max(map(stages.days_of, found.rules), default=0):
        due = max(due, now + timedelta(days=days + 1))
    answered = Answered(
        concern,
        Said.DONE,
        by or me(),
        now,
        reason,
        found.severity,
        stage=place_of(stage, rule) if rule is not None else 0,
        due=due,
        seen=seen,
    )
    _keep(config, answered)
    if rule is not None:
        print(
            f"{concern}: {stages.described(rule, stage, zone)} is done. Unless it clears, you hear of it "
            f"on {day(due, zone)}."
        )
        return 0
    known = f" (the limit of {metric_name(seen.metric)} is {_limit(seen)})" if seen.known else ""
    print(f"{concern} is done, you say; what the next polls see verifies it{known}.")
    return 0


def accept(config: Path, concern: str, *, by: str | None, reason: str, undo: bool) -> int:
    """Keep that a recommendation will be followed."""
    now = datetime.now(UTC)
    if undo:
        return _undo(config, concern, now)
    _, found, seen, _ = _look(config, concern, now)
    _keep(config, Answered(concern, Said.ACCEPTED, by or me(), now, reason, found.severity, seen=seen))
    print(f"{concern} is accepted; say `advisor done {concern}` when it is done.")
    return 0


def reject(
    config: Path,
    concern: str,
    *,
    until: str | None,
    this_period: bool,
    span: str | None,
    by: str | None,
    reason: str,
    undo: bool,
) -> int:
    """Keep that a recommendation is not followed: until a threshold, for a time, or until it is over."""
    now = datetime.now(UTC)
    if undo:
        return _undo(config, concern, now)
    if sum((until is not None, this_period, span is not None)) > 1:
        raise InputError("--until, --this-period and --for: write one of them")
    watch, found, seen, zone = _look(config, concern, now)
    part, value, end = None, None, None
    words = "until it is over"
    if until is not None and concern.endswith(DOWN):
        raise InputError(f"--until: `{concern}` has no value to wait for; write such as --for 90d")
    if until is not None:
        part, value = _threshold(until, found, seen)
        words = f"until {share(part)} of the limit is used" if part is not None else f"until {until}"
    elif this_period:
        end = _period_end(watch, seen, now, zone)
        words = f"until {day(end, zone)}"
    elif span is not None:
        end = now + _span(span)
        words = f"until {day(end, zone)}"
    answered = Answered(
        concern, Said.REJECTED, by or me(), now, reason, found.severity, end, part, value, seen=seen
    )
    _keep(config, answered)
    print(f"{concern} is rejected {words}; it speaks again before that if it grows worse.")
    return 0


def _look(config: Path, concern: str, now: datetime) -> tuple[Watch, Concern, Seen, str]:
    """Return the open concern with what is in force for it, and the zone in which its dates are written."""
    world = configured(config)
    watch = stored_watch(world, config)
    found = watch.concerns(now)
    mine = next((one for one in found if one.key == concern), None)
    if concern.endswith(DOWN):
        mine = _down(watch, config, concern, now)
    if mine is None:
        there = ", ".join(one.key for one in found) or "none"
        raise InputError(f"no open concern `{concern}`; open: {there}")
    stack, _ = watch.place(concern)
    known = seen_of(watch, mine, now) if mine.findings else seen(watch, mine.subject, "", Limit.QUOTA, now)
    return watch, mine, known, stack.timezone if stack is not None else "UTC"


def _down(watch: Watch, config: Path, concern: str, now: datetime) -> Concern | None:
    """Return the concern of a service that could go down now, None where it could not."""
    key = concern.removesuffix(DOWN)
    service = watch.fleet.service.get(key)
    if service is None:
        return None

    def look(store: Store) -> Ahead:
        with store.reading() as tx:
            known = histories(tx, around(watch.fleet, (key,)), now - LOOKS_BACK, now)
        return watch.ahead(service, known, now)

    if with_store(config, look).down is None:
        return None
    return Concern(concern, key, "down", Severity.INFO, State.FIRING, now, (), (), services=(key,))


def _keep(config: Path, answered: Answered) -> None:
    def write(store: Store) -> None:
        with store.transaction() as tx:
            still = any(
                f.concern == answered.concern and f.state in {State.FIRING, State.PENDING}
                for f in tx.findings()
            )
            if not still and not answered.concern.endswith(DOWN):
                raise InputError(f"`{answered.concern}` is over meanwhile; nothing is kept")
            tx.answer(answered)

    with_store(config, write)


def _undo(config: Path, concern: str, now: datetime) -> int:
    def write(store: Store) -> None:
        with store.transaction() as tx:
            there = ", ".join(sorted(one.concern for one in tx.answers())) or "none"
            if not tx.take_back_answer(concern, now):
                raise InputError(f"nobody answered `{concern}`; answered: {there}")

    with_store(config, write)
    print(f"{concern} is unanswered again.")
    return 0


def _threshold(text: str, concern: Concern, seen: Seen) -> tuple[float | None, float | None]:
    """Return what is waited for: the used share of the limit, or a value of the metric."""
    try:
        number, unit = read(text)
    except ValueError as error:
        raise InputError(f"--until: {error}") from None
    metric = VOCABULARY.get(concern.metric)
    own = metric.unit if metric is not None else Unit.COUNT
    if unit is Unit.RATIO and (own is not Unit.RATIO or seen.limit is not None):
        if seen.limit is None:
            raise InputError(f"--until: no limit of `{concern.metric}` is known; write {example(own)}")
        if number <= 0:
            raise InputError(f"--until: `{text}` is no share to wait for; write such as 90%")
        return number, None
    if unit is not own and {unit, own} != {Unit.COUNT, Unit.USD}:
        raise InputError(f"--until: `{concern.key}` is in {own}; write {example(own)}, or such as 90%")
    return None, number


def _span(text: str) -> timedelta:
    try:
        seconds, unit = read(text)
    except ValueError as error:
        raise InputError(f"--for: {error}") from None
    if unit is not Unit.SECONDS or not 0 < seconds <= LONGEST.total_seconds():
        raise InputError(f"--for: `{text}` is no time of at most a year; write 30d or 2w")
    return timedelta(seconds=seconds)


def _period_end(watch: Watch, seen: Seen, now: datetime, zone: str) -> datetime:
    """Return when the running period of the limit ends; of what never resets, the account's billing month."""
    limit = watch.limits.find(seen.subject, seen.metric, Limit(seen.kind), now)
    reset = Reset(limit.reset) if limit is not None else Reset.NEVER
    service = watch.fleet.service.get(seen.subject)
    account = watch.fleet.account.get(Subject.parse(seen.subject).account)
    if service is not None:
        account = account_of(service, watch.fleet)
    if account is None:
        return Calendar(Reset.MONTH, zone).around(now)[1]
    if reset is Reset.NEVER:
        reset = Reset.BILLING
    calendar = Calendar(reset, account.timezone if reset is Reset.BILLING else zone, account.billing_day)
    start, end = calendar.around(now)
    return end + (end - start) if calendar.rolling else end


def _limit(seen: Seen) -> str:
    metric = VOCABULARY.get(seen.metric)
    return "unlimited" if seen.limit is None else show(seen.limit, metric.unit if metric else Unit.COUNT)
