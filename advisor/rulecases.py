"""Tests of rules from their files: `<file>.test.yaml` beside a pack's rules, or a user's own."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from advisor import strict_yaml
from advisor.core.rule import Rule
from advisor.core.ruletest import Case, CaseError, parse_case
from advisor.errors import InputError

__all__ = ["FileCase", "load_cases", "load_cases_file", "pack_cases"]


@dataclass(frozen=True, slots=True)
class FileCase:
    """A test with the place where it is written."""

    case: Case
    file: str
    line: int


def load_cases(text: str, file: str, rules: Iterable[Rule]) -> list[FileCase]:
    """Return the tests in `text`, each of one of `rules`.

    Raises:
        InputError: The first fault, with `file` and line.
    """
    return list(_cases(strict_yaml.load(text, file), {rule.id: rule for rule in rules}))


def load_cases_file(path: Path, rules: Iterable[Rule], name: str = "") -> list[FileCase]:
    """Return the tests in the file at `path`.

    Raises:
        InputError: It cannot be read, or the first fault in it.
    """
    return list(_cases(strict_yaml.load_file(path, name), {rule.id: rule for rule in rules}))


def pack_cases(pack: str, rules: Iterable[Rule]) -> list[FileCase]:
    """Return all tests of a pack that comes with the advisor."""
    folder = files("advisor").joinpath("rules", "packs", pack)
    rules = tuple(rules)
    found: list[FileCase] = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".test.yaml"):
            found += load_cases(file.read_text("utf-8"), f"rules/packs/{pack}/{file.name}", rules)
    return found


def _cases(document: strict_yaml.Document, rules: Mapping[str, Rule]) -> Iterator[FileCase]:
    if document.data is None:
        return
    if not isinstance(document.data, list):
        raise document.fault("a file of tests is a list: begin each test with `- rule: ...`")
    for index, data in enumerate(document.data):
        if not isinstance(data, dict):
            raise document.fault("a test is keys and values: `rule`, `name`, series and `expect`", (index,))
        rule = _rule(document, index, data.get("rule"), rules)
        try:
            case = parse_case(data, rule)
        except CaseError as error:
            raise document.fault(
                str(error), (index, *error.path), error.path[-1] if error.path else ""
            ) from None
        yield FileCase(case, document.file, document.place((index,)))


def _rule(document: strict_yaml.Document, index: int, name: object, rules: Mapping[str, Rule]) -> Rule:
    rule = rules.get(str(name))
    if rule is None:
        message = f"no rule `{name}` is loaded; name one by its id" if name else "a test names its `rule:`"
        raise InputError(message, file=document.file, line=document.place((index, "rule")), key="rule")
    return rule
