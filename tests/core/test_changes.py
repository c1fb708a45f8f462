from advisor.core.changes import Change, changes
from advisor.core.rule import Rule
from advisor.rulebook import load_rules


def _rules(text: str) -> list[Rule]:
    return load_rules(text, "x.yaml")


BEFORE = """\
- {id: ours.full, service: database, when: storage > 400MB, severity: warning}
- {id: ours.busy, service: backend, when: cpu > 80%, severity: info}
"""


def test_the_same_rules_differ_in_nothing() -> None:
    assert list(changes(_rules(BEFORE), _rules(BEFORE))) == []


def test_a_changed_threshold_is_told_as_it_was_and_is() -> None:
    after = BEFORE.replace("400MB", "300MB")
    assert list(changes(_rules(BEFORE), _rules(after))) == [
        Change(
            "ours.full",
            "changed",
            {"when": ("storage > 400MB", "storage > 300MB"), "says": ("storage > 400MB", "storage > 300MB")},
        )
    ]


def test_what_is_new_and_what_is_gone_are_told() -> None:
    after = BEFORE.replace("ours.busy", "ours.hot")
    assert [(c.rule, c.kind) for c in changes(_rules(BEFORE), _rules(after))] == [
        ("ours.busy", "removed"),
        ("ours.hot", "added"),
    ]


def test_a_rule_with_a_former_name_is_renamed_and_not_new() -> None:
    after = BEFORE.replace("id: ours.busy,", "id: ours.hot, formerly: [ours.busy],")
    assert list(changes(_rules(BEFORE), _rules(after))) == [Change("ours.hot", "renamed", {}, "ours.busy")]


def test_space_in_a_sentence_is_no_change() -> None:
    after = BEFORE.replace("cpu > 80%", '"cpu  >  80%"').replace(
        "severity: info}", "severity: info, says: cpu > 80%}"
    )
    assert list(changes(_rules(BEFORE), _rules(after))) == []
