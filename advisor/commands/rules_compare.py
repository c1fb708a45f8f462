"""`advisor rules coverage` and `advisor rules diff`: what the packs cover, and what was made of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from advisor.commands import output
from advisor.commands.common import configured
from advisor.core.changes import Change, changes
from advisor.core.concerns import tests
from advisor.core.rule import Rule
from advisor.core.sentence import Needs
from advisor.core.wording import counted
from advisor.errors import InputError
from advisor.rulebook import assemble, load_file, load_pack_folder
from advisor.world import everything


def kind(rule: Rule) -> str:
    """Return "question" where only the user's answers decide, else "rule"."""
    return "question" if all(isinstance(term, Needs) for term in tests(rule.sentence.condition)) else "rule"


def coverage(config: Path | None, *, json: bool) -> int:
    """Print which line of which document every rule and question stands for."""
    world = configured(config) if config else everything()
    rules = world.rulebook.rules
    if json:
        output.as_json({"version": 1, "rules": [_covered(rule) for rule in rules]})
        return 0
    counts = Counter((rule.source.document, kind(rule)) for rule in rules)
    rows = []
    for document in sorted({rule.source.document for rule in rules}):
        lines = {rule.source.line for rule in rules if rule.source.document == document}
        asked, ruled = counts[document, "question"], counts[document, "rule"]
        rows.append([document, str(ruled), str(asked), str(len(lines - {None}))])
    output.table("", ["document", ">rules", ">questions", ">lines"], rows)
    return 0


def _covered(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "kind": kind(rule),
        "document": rule.source.document,
        "line": rule.source.line,
        "section": rule.source.section,
        "pack": rule.pack,
        "when": rule.sentence.text,
        "question": rule.question,
        "file": rule.source.file,
        "file_line": rule.source.file_line,
    }


def diff(config: Path | None, against: Path | None, *, json: bool) -> int:
    """Print how the rules in force differ from the packs as they come, or from those at `against`.

    `against` is a configuration, a pack's folder or a rule file; exactly one of the two may be left away.
    """
    if config is None and against is None:
        raise InputError("name a configuration to hold against its packs, or --against another")
    after = configured(config) if config else everything()
    if against is None:
        before: Iterable[Rule] = assemble(after.rulebook.packs).rules
    else:
        before = _rules(against)
    now: Iterable[Rule] = after.rulebook.rules
    if against is not None and against.joinpath("pack.yaml").is_file():
        now = [rule for rule in now if rule.pack == against.resolve().name]
    found = list(changes(before, now))
    if json:
        output.as_json({"version": 1, "changes": [_described(change) for change in found]})
        return 0
    _print(found)
    for problem in after.rulebook.problems:
        print(f"note: {problem}")
    return 0


def _rules(path: Path) -> Sequence[Rule]:
    if path.joinpath("pack.yaml").is_file():
        return assemble([load_pack_folder(path)]).rules
    if not path.exists():
        raise InputError(
            f"{path}: no such file or folder; name a configuration, a pack's folder or a rule file"
        )
    try:
        return load_file(path)
    except InputError:
        return configured(path).rulebook.rules


def _described(change: Change) -> dict[str, Any]:
    fields = {key: {"before": was, "after": now} for key, (was, now) in change.fields.items()}
    return {"rule": change.rule, "change": change.kind, "formerly": change.was, "fields": fields}


def _print(found: Sequence[Change]) -> None:
    if not found:
        print("No rule differs.")
        return
    rows = []
    for change in found:
        texts = [f"{key}: {was or '-'} → {now or '-'}" for key, (was, now) in change.fields.items()]
        if change.was:
            texts.insert(0, f"was {change.was}")
        rows.append([change.kind, change.rule, "\n".join(texts)])
    output.table("", ["change", "rule", "what"], rows)
    counts = Counter(change.kind for change in found)
    print("\n" + ", ".join(f"{count} {word}" for word, count in counts.items()) + ".")
    print(f"{counted(len(found), 'rule')} in all.") if len(counts) > 1 else None
