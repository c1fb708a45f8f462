"""What differs between two sets of rules: after an upgrade, or what a user made of a pack."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from advisor.core.rule import Rule


@dataclass(frozen=True, slots=True)
class Change:
    """One rule that differs. `fields` holds what each changed field was and is, as it is written."""

    rule: str
    kind: Literal["added", "removed", "changed", "renamed"]
    fields: Mapping[str, tuple[str, str]]
    was: str = ""


def changes(before: Iterable[Rule], after: Iterable[Rule]) -> Iterator[Change]:
    """Yield what differs, by rule id; a rule that was renamed (`formerly:`) is one change, not two."""
    old = {rule.id: rule for rule in before}
    new = {rule.id: rule for rule in after}
    renamed = {
        name: rule.id for rule in new.values() for name in rule.formerly if name in old and name not in new
    }
    for name in sorted(old.keys() | new.keys()):
        if name in renamed:
            continue
        rule = new.get(name)
        if rule is None:
            yield Change(name, "removed", {"when": (old[name].sentence.text, "")})
            continue
        origin = next((was for was, now in renamed.items() if now == name), name)
        if origin not in old:
            yield Change(name, "added", {"when": ("", rule.sentence.text)})
            continue
        fields = _fields(old[origin], rule)
        if origin != name:
            yield Change(name, "renamed", fields, origin)
        elif fields:
            yield Change(name, "changed", fields)


def _fields(before: Rule, after: Rule) -> dict[str, tuple[str, str]]:
    first, second = _written(before), _written(after)
    return {key: (first[key], second[key]) for key in first if first[key] != second[key]}


def _written(rule: Rule) -> dict[str, str]:
    return {
        "when": " ".join(rule.sentence.text.split()),
        "then": ", ".join(rule.then),
        "severity": rule.severity.value,
        "notify": rule.told.value,
        "service": rule.service,
        "provider": "|".join(rule.provider),
        "plan": "|".join(rule.plan),
        "targets": ", ".join(rule.targets),
        "ladder": rule.ladder,
        "playbook": rule.playbook,
        "says": rule.says,
        "question": rule.question,
    }
