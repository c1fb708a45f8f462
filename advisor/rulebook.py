"""Rule files and packs: from YAML to rules, and the rulebook that a daemon runs by.

A rule file is a list of mappings (docs/rule-language.md). A pack is a folder of such files with a
`pack.yaml`; files named `*.test.yaml` hold its tests. Every fault is an InputError with file and line;
for a sentence, the sentence and a caret under the place follow on lines of their own.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from advisor import documents, strict_yaml
from advisor.core.document import Document
from advisor.core.language import caret, parse
from advisor.core.model import Action, Cadence, Severity
from advisor.core.rule import Rule, Source
from advisor.core.sentence import (
    And,
    Condition,
    Group,
    Not,
    Or,
    Sentence,
    SentenceError,
    TargetMissed,
)
from advisor.core.typed import read_span
from advisor.errors import InputError, all_of

__all__ = ["Pack", "Rulebook", "assemble", "builtin_packs", "load_file", "load_pack", "load_rules"]

KEYS = (
    *("id", "service", "provider", "plan", "when", "then", "severity", "notify", "says"),
    *("targets", "ladder", "playbook", "formerly", "question", "source"),
)
OVERRIDE_KEYS = ("when", "severity", "notify", "then", "says", "base")
PACK_KEYS = ("name", "version", "title", "about", "sustained", "as_of")
_ID = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
Steps = tuple[str | int, ...]
Word = TypeVar("Word", Action, Cadence, Severity)


@dataclass(frozen=True, slots=True)
class Pack:
    """A versioned set of rules from one source. `sustained` is what the word means in it, seconds.

    `document` is what its source says beside the rules: figures, ladders, costs, checklists.
    """

    name: str
    version: str
    title: str
    rules: tuple[Rule, ...]
    about: str = ""
    sustained: float = 900.0
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules in force, and what a person should know of them.

    `disabled` are the ids that were taken out; `problems` are sentences, such as an override whose base
    has changed since it was written.
    """

    rules: tuple[Rule, ...]
    disabled: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    packs: tuple[Pack, ...] = ()
    by_id: Mapping[str, Rule] = field(default_factory=dict)


def load_rules(text: str, file: str, pack: str = "", sustained: float = 900.0) -> list[Rule]:
    """Return the rules of a file's text.

    Raises:
        InputError: What is wrong, with `file` and line; of several rules a fault each.
    """
    return _rules(strict_yaml.load(text, file), pack, sustained)


def load_file(path: Path, name: str = "") -> list[Rule]:
    """Return the rules of a user's file; `name` is what messages call it.

    Raises:
        InputError: It cannot be read, or what is wrong in it, a fault for each rule.
    """
    return _rules(strict_yaml.load_file(path, name), "", 900.0)


def builtin_packs() -> list[str]:
    """Return the names of the packs that come with the advisor."""
    return sorted(folder.name for folder in _packs().iterdir() if folder.joinpath("pack.yaml").is_file())


@functools.cache
def load_pack(name: str) -> Pack:
    """Return a pack that comes with the advisor.

    Raises:
        InputError: There is no such pack, or it has a fault.
    """
    known = builtin_packs()
    if name not in known:
        raise InputError(f"no pack `{name}`{_guess(name, known)}; there are: {', '.join(known)}")
    return _pack(_packs().joinpath(name), name, f"rules/packs/{name}")


def load_pack_folder(folder: Path) -> Pack:
    """Return a pack of the user's own: a folder with `pack.yaml` and rule files.

    Raises:
        InputError: It has a fault.
    """
    return _pack(folder, folder.resolve().name, str(folder))


def _pack(folder: Traversable, name: str, where: str) -> Pack:
    about = strict_yaml.load(folder.joinpath("pack.yaml").read_text("utf-8"), f"{where}/pack.yaml")
    said = _mapping(about, about.data, (), PACK_KEYS)
    texts = {key: _text(about, said, (), key) for key in PACK_KEYS}
    if texts["name"] != name:
        raise about.fault(f"the pack is in the folder `{name}`; give it this name", ("name",), "name")
    sustained = _seconds(about, texts["sustained"]) if texts["sustained"] else 900.0
    rules: list[Rule] = []
    for file in _rule_files(folder):
        rules += load_rules(file.read_text("utf-8"), f"{where}/{file.name}", name, sustained)
    _refuse_duplicates(rules)
    said_of = documents.load(folder, name, texts["title"], _as_of(about, texts["as_of"]), where)
    return Pack(name, texts["version"], texts["title"], tuple(rules), texts["about"], sustained, said_of)


def _as_of(about: strict_yaml.Document, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise about.fault(f"`{text}` is no day; write it like 2026-01-10", ("as_of",), "as_of") from None


def assemble(
    packs: Iterable[Pack],
    own: Iterable[Rule] = (),
    disable: Sequence[str] = (),
    override: Mapping[str, Mapping[str, Any]] | None = None,
    place: Callable[[Steps], tuple[str, int]] = lambda _: ("", 0),
) -> Rulebook:
    """Return the rulebook of these packs and the user's own rules.

    `disable` holds patterns such as `app-virgin.runbook.*`. `override` gives for a rule's id what
    replaces its `when`, `severity`, `notify`, `then` or `says`; its `base` is the sentence that it was
    written against. `place` returns file and line of a path such as `("override", id, "when")`.

    Raises:
        InputError: Two rules have one id, or an override is at fault.
    """
    packs = tuple(packs)
    rules = [rule for pack in packs for rule in pack.rules] + list(own)
    _refuse_duplicates(rules)
    problems: list[str] = []
    for rule_id, changes in (override or {}).items():
        index = _overridden(rules, rule_id, place, problems)
        rules[index] = _override(rules[index], changes, ("override", rule_id), place, problems)
    disabled: set[str] = set()
    for pattern in disable:
        matched = {
            rule.id for rule in rules if any(fnmatchcase(name, pattern) for name in (rule.id, *rule.formerly))
        }
        if not matched:
            problems.append(f"`disable: {pattern}` matches no rule; take it away or mend it")
        disabled |= matched
    ids = [rule.id for rule in rules]
    kept = [_with_targets(rule, ids, disabled) for rule in rules if rule.id not in disabled]
    return Rulebook(
        tuple(kept), tuple(sorted(disabled)), tuple(problems), packs, {rule.id: rule for rule in kept}
    )


def _packs() -> Traversable:
    return files("advisor").joinpath("rules", "packs")


def _rule_files(folder: Traversable) -> Iterator[Traversable]:
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml") and file.name != "pack.yaml" and not file.name.endswith(".test.yaml"):
            yield file


def _refuse_duplicates(rules: Iterable[Rule]) -> None:
    seen: dict[str, Rule] = {}
    for rule in rules:
        for name in (rule.id, *rule.formerly):
            if (first := seen.get(name)) is not None and first is not rule:
                there = f"{first.source.file}:{first.source.file_line}"
                raise InputError(
                    f"`{name}` is there already, in {there}; give it another id",
                    file=rule.source.file,
                    line=rule.source.file_line,
                    key="id",
                )
            seen[name] = rule


def _rules(document: strict_yaml.Document, pack: str, sustained: float) -> list[Rule]:
    if document.data is None:
        return []
    if not isinstance(document.data, list):
        raise document.fault("a rule file is a list: begin each rule with `- id: ...`")
    rules: list[Rule] = []
    faults: list[InputError] = []
    for index in range(len(document.data)):
        try:
            rules.append(_rule(document, index, pack, sustained))
        except InputError as fault:
            faults.append(fault)
    if faults:
        raise all_of(faults)
    _refuse_duplicates(rules)
    return rules


def _rule(document: strict_yaml.Document, index: int, pack: str, sustained: float) -> Rule:
    path = (index,)
    said = _mapping(document, document.data[index], path, KEYS)
    rule_id = _required(document, said, path, "id")
    if not _ID.fullmatch(rule_id):
        raise document.fault(f"`{rule_id}`: small letters, digits and . - _ only", (*path, "id"), "id")
    if pack and not rule_id.startswith(f"{pack}."):
        raise document.fault(f"a rule of this pack is called `{pack}.{rule_id}`", (*path, "id"), "id")
    sentence = _sentence(document, _required(document, said, path, "when"), (*path, "when"))
    targets = _texts(document, said, path, "targets")
    looks = any(isinstance(part, TargetMissed) for part in _parts(sentence.condition))
    if looks and not targets:
        raise document.fault(
            "`any target missed` of which rules? Name them: `targets: [id, ...]`", (*path, "when"), "when"
        )
    if targets and not looks:
        raise document.fault(
            "only a sentence with `any target missed` has targets", (*path, "targets"), "targets"
        )
    severity = _text(document, said, path, "severity")
    notify = _text(document, said, path, "notify")
    return Rule(
        id=rule_id,
        sentence=sentence,
        then=_actions(document, said, path),
        severity=_word(document, Severity, severity, path, "severity") if severity else Severity.WARNING,
        says=_text(document, said, path, "says") or sentence.text,
        service=_name(document, said, path, "service"),
        provider=_choices(document, said, path, "provider"),
        plan=_choices(document, said, path, "plan"),
        cadence=_word(document, Cadence, notify, path, "notify") if notify else None,
        targets=targets,
        ladder=_text(document, said, path, "ladder"),
        playbook=_text(document, said, path, "playbook"),
        formerly=_texts(document, said, path, "formerly"),
        pack=pack,
        sustained=sustained,
        question=_text(document, said, path, "question"),
        stages=_staged(document, said, path),
        source=_source(document, said, path, pack),
    )


def _parts(condition: Condition) -> Iterator[Condition]:
    yield condition
    match condition:
        case Not() | Group():
            yield from _parts(condition.condition)
        case And() | Or():
            for term in condition.terms:
                yield from _parts(term)


def _sentence(document: strict_yaml.Document, text: str, path: Steps) -> Sentence:
    try:
        return parse(text)
    except SentenceError as error:
        raise document.fault(_pointed(text, error), path, "when") from None


def _pointed(text: str, error: SentenceError) -> str:
    return "\n    ".join([str(error), *caret(text, error).splitlines()])


def _source(document: strict_yaml.Document, said: Mapping[str, Any], path: Steps, pack: str) -> Source:
    line = document.place(path)
    if "source" not in said:
        return Source(document=pack, file=document.file, file_line=line)
    below = (*path, "source")
    source = _mapping(document, said["source"], below, ("document", "line", "section"))
    number = source.get("line")
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
        raise document.fault(
            f"`{number}` is no line of a document; write a whole number", (*below, "line"), "line"
        )
    return Source(
        _text(document, source, below, "document"),
        number,
        _text(document, source, below, "section"),
        document.file,
        line,
    )


def _mapping(
    document: strict_yaml.Document, said: Any, path: Steps, keys: Sequence[str]
) -> Mapping[str, Any]:
    """Return `said` as a mapping that has no other keys than `keys`."""
    if not isinstance(said, dict):
        raise document.fault(f"keys and values are expected here: {', '.join(keys[:5])} ...", path)
    for key in said:
        if key not in keys:
            raise document.fault(
                f"no such key{_guess(key, keys)}; known: {', '.join(keys)}", (*path, key), key
            )
    return said


def _text(document: strict_yaml.Document, said: Mapping[str, Any], path: Steps, key: str) -> str:
    value = said.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise document.fault(f"`{_shown(value)}` is no text; put it in quotes", (*path, key), key)
    return value.strip()


def _required(document: strict_yaml.Document, said: Mapping[str, Any], path: Steps, key: str) -> str:
    if key not in said:
        raise document.fault(f"a rule needs `{key}:`", path)
    if not (text := _text(document, said, path, key)):
        raise document.fault("is empty; write it, or take the rule away", (*path, key), key)
    return text


def _name(document: strict_yaml.Document, said: Mapping[str, Any], path: Steps, key: str) -> str:
    name = _text(document, said, path, key)
    if name and not _NAME.fullmatch(name):
        raise document.fault(f"`{name}` is no role; write one such as database, or any", (*path, key), key)
    return name


def _texts(document: strict_yaml.Document, said: Mapping[str, Any], path: Steps, key: str) -> tuple[str, ...]:
    value = said.get(key)
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    for index, item in enumerate(values):
        if not isinstance(item, str) or not item.strip():
            raise document.fault(f"`{_shown(item)}` is no text; put it in quotes", (*path, key, index), key)
    return tuple(item.strip() for item in values)


def _choices(
    document: strict_yaml.Document, said: Mapping[str, Any], path: Steps, key: str
) -> tuple[str, ...]:
    """Return `a`, `a|b` or a list as a tuple."""
    choices = tuple(part.strip() for text in _texts(document, said, path, key) for part in text.split("|"))
    for choice in choices:
        if not _ID.fullmatch(choice):
            raise document.fault(
                f"`{choice}` is no {key}; write one such as supabase, or several: a|b", (*path, key), key
            )
    return choices


def _actions(document: strict_yaml.Document, said: Mapping[str, Any], path: Steps) -> tuple[Action, ...]:
    words = [
        part.strip()
        for text in _texts(document, said, path, "then")
        for part in re.split(r"\s+(?:or|then)\s+", text)
    ]
    return tuple(_word(document, Action, word, path, "then") for word in words) or (Action.INVESTIGATE,)


def _staged(document: strict_yaml.Document, said: Mapping[str, Any], path: Steps) -> bool:
    """Say whether the actions follow one another (`a then b`) or are alternatives (`a or b`, or a list)."""
    texts = _texts(document, said, path, "then")
    joins = {join for text in texts for join in re.findall(r"\s(or|then)(?=\s)", text)}
    if "then" in joins and ("or" in joins or len(texts) > 1):
        raise document.fault(
            "`then` puts actions in order and `or` leaves a choice: keep one of the two",
            (*path, "then"),
            "then",
        )
    return "then" in joins


def _word(document: strict_yaml.Document, kind: type[Word], text: str, path: Steps, key: str) -> Word:
    try:
        return kind(text)
    except ValueError:
        known = [word.value for word in kind]
        raise document.fault(
            f"`{text}` is not known{_guess(text, known)}; known: {', '.join(known)}", (*path, key), key
        ) from None


def _seconds(document: strict_yaml.Document, text: str) -> float:
    try:
        return read_span(text).seconds
    except ValueError as error:
        raise document.fault(str(error), ("sustained",), "sustained") from None


def _guess(word: str, known: Iterable[str]) -> str:
    import difflib  # For slips only.

    near = difflib.get_close_matches(word.lower(), list(known), 1, 0.6)
    return f" (did you mean `{near[0]}`?)" if near else ""


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _overridden(
    rules: Sequence[Rule], rule_id: str, place: Callable[[Steps], tuple[str, int]], problems: list[str]
) -> int:
    """Return the place of the rule that is overridden, also under a name that it had."""
    for index, rule in enumerate(rules):
        if rule.id == rule_id:
            return index
        if rule_id in rule.formerly:
            problems.append(
                f"the override of `{rule_id}` is of a rule now called `{rule.id}`; write the new name"
            )
            return index
    file, line = place(("override", rule_id))
    guess = _guess(rule_id, [rule.id for rule in rules])
    raise InputError(
        f"no rule of this id to override{guess}; `advisor rules list` shows all",
        file=file,
        line=line,
        key=rule_id,
    )


def _override(
    rule: Rule,
    changes: Mapping[str, Any],
    path: Steps,
    place: Callable[[Steps], tuple[str, int]],
    problems: list[str],
) -> Rule:
    """Return the rule as the user wants it."""
    # The keys are checked by the same code as a rule's, on a document that knows the override's places.
    file, line = place(path)
    lines: dict[str | int, Any] = {key: place((*path, key))[1] for key in changes}
    document = strict_yaml.Document(changes, file, (line, lines))
    said = _mapping(document, changes, (), OVERRIDE_KEYS)
    texts = {key: _text(document, said, (), key) for key in OVERRIDE_KEYS if key != "then"}
    base = " ".join(texts["base"].split())
    if base and base != " ".join(rule.sentence.text.split()):
        problems.append(
            f"`{rule.id}` is overridden against `{base}`, and its pack now says `{rule.sentence.text}`; "
            "look at it again and set `base:` to the new sentence"
        )
    for key, value in said.items():
        if value in (None, "", []):
            raise document.fault("is empty; write it, or take it away", (key,), key)
    changed = rule
    if texts["when"]:
        changed = replace(changed, sentence=_sentence(document, texts["when"], ("when",)))
    if texts["severity"]:
        changed = replace(changed, severity=_word(document, Severity, texts["severity"], (), "severity"))
    if texts["notify"]:
        changed = replace(changed, cadence=_word(document, Cadence, texts["notify"], (), "notify"))
    if "then" in said:
        changed = replace(changed, then=_actions(document, said, ()), stages=_staged(document, said, ()))
    if texts["says"]:
        changed = replace(changed, says=texts["says"])
    return changed


def _with_targets(rule: Rule, ids: Sequence[str], disabled: set[str]) -> Rule:
    """Return the rule with its target patterns replaced by the ids they match, disabled ones left away."""
    if not rule.targets:
        return rule
    found: dict[str, None] = {}
    for pattern in rule.targets:
        matched = [rule_id for rule_id in ids if fnmatchcase(rule_id, pattern) and rule_id != rule.id]
        if not matched:
            raise InputError(
                f"no rule `{pattern}`{_guess(pattern, ids)}; name rules that are loaded",
                file=rule.source.file,
                line=rule.source.file_line,
                key="targets",
            )
        found |= dict.fromkeys(matched)
    return replace(rule, targets=tuple(rule_id for rule_id in found if rule_id not in disabled))
