"""Stages: a rule that says `investigate then optimise then scale out` recommends one thing at a time.

The next stage is reached when the one before was done and the target was missed on as many further complete
days as the rule asks for; back it goes only when the concern is over. Pure.
"""

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from advisor.core.concerns import Concern, tests
from advisor.core.message import Recommendation
from advisor.core.model import Action
from advisor.core.rule import Rule
from advisor.core.sentence import Needs, OnDays
from advisor.core.wording import day

#: So many complete days, where a rule's sentence names none.
DAYS = 3

_PAST = {
    Action.UPGRADE: "upgraded",
    Action.DOWNGRADE: "downgraded",
    Action.OPTIMISE: "optimised",
    Action.SCALE_OUT: "scaled out",
    Action.MIGRATE: "migrated",
    Action.INVESTIGATE: "investigated",
    Action.AUDIT_COSTS: "costs audited",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the recommendation of a concern stands: `place` counts from 1.

    `passed` are the stages before it: what was done, and when a person said so.
    """

    concern: str
    place: int
    since: datetime
    passed: tuple[tuple[Action, datetime], ...] = ()


def staged_rule(concern: Concern) -> Rule | None:
    """Return the first rule of a concern that has stages, None where there is none."""
    return next((rule for rule in concern.rules if rule.stages), None)


def place_of(stage: Stage | None, rule: Rule) -> int:
    """Return the stage that a rule's recommendation is in, from 1; a shorter rule ends at its last."""
    return min(stage.place if stage is not None else 1, len(rule.then))


def following(stage: Stage | None, concern: str, rule: Rule, done_at: datetime, now: datetime) -> Stage:
    """Return the stage after the one that was done at `done_at`."""
    place = place_of(stage, rule)
    passed = stage.passed if stage is not None else ()
    return Stage(concern, min(place + 1, len(rule.then)), now, (*passed, (rule.then[place - 1], done_at)))


def narrowed(concern: Concern, stage: Stage | None) -> Concern:
    """Return the concern as advice shall see it: a rule with stages says only what is to be done now."""
    if staged_rule(concern) is None:
        return concern
    rules = [
        replace(rule, then=(rule.then[place_of(stage, rule) - 1],)) if rule.stages else rule
        for rule in concern.rules
    ]
    return replace(concern, rules=tuple(rules))


def described(rule: Rule, stage: Stage | None, zone: str = "UTC") -> str:
    """Say the stage: `stage 2 of 3: optimise (investigated on 3 Nov 2026)`."""
    place = place_of(stage, rule)
    text = f"stage {place} of {len(rule.then)}: {rule.then[place - 1]}"
    if stage is None or not stage.passed:
        return text
    return f"{text} ({', '.join(f'{_PAST[action]} on {day(at, zone)}' for action, at in stage.passed)})"


def with_stage(
    recommendation: Recommendation, concern: Concern, stage: Stage | None, zone: str = "UTC"
) -> Recommendation:
    """Return the recommendation with its stage in the headline, where the concern has stages."""
    rule = staged_rule(concern)
    if rule is None:
        return recommendation
    words = described(rule, stage, zone)
    headline = f"{words[0].upper()}{words[1:]}. {recommendation.headline}"
    return recommendation.model_copy(update={"headline": headline, "stage": words})


def days_of(rule: Rule) -> int:
    """Return on how many complete days the rule looks."""
    holds = [term.hold for term in tests(rule.sentence.condition) if not isinstance(term, Needs)]
    return next((hold.days for hold in holds if isinstance(hold, OnDays)), 0)


def due(rule: Rule, at: datetime, zone: str) -> datetime:
    """Return when as many complete days as the rule looks at are over since `at`: a midnight in the zone."""
    place = ZoneInfo(zone)
    last = at.astimezone(place).date() + timedelta(days=1 + (days_of(rule) or DAYS))
    return datetime.combine(last, time(), place)
