"""`advisor rules`: list, explain, test."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from advisor import catalogue_files
from advisor.commands import output
from advisor.commands.common import configured
from advisor.core.catalogue import Catalogue
from advisor.core.judgement import NOT_APPLICABLE, UNKNOWN, VERDICTS
from advisor.core.lifecycle import State
from advisor.core.replay import replay
from advisor.core.rule import Rule
from advisor.core.ruletest import Case
from advisor.core.units import show
from advisor.core.watch import Watch
from advisor.core.wording import counted
from advisor.errors import InputError
from advisor.rulebook import assemble, load_file, load_pack_folder
from advisor.rulecases import load_cases_file
from advisor.world import World, everything


def listing(config: Path | None, *, json: bool) -> int:
    """List the rules in force (all packs' without a configuration)."""
    world = configured(config) if config else everything()
    rules = world.rulebook.rules
    if json:
        output.as_json(
            {
                "version": 1,
                "rules": [_described(rule) for rule in rules],
                "disabled": list(world.rulebook.disabled),
                "problems": list(world.rulebook.problems),
            }
        )
        return 0
    output.table(
        "",
        ["rule", "about", "when", "then", "severity", "told", "source"],
        [
            [
                rule.id,
                _about(rule),
                rule.sentence.text,
                (" then " if rule.stages else " or ").join(rule.then),
                rule.severity.value,
                rule.told.value,
                _source(rule),
            ]
            for rule in rules
        ],
    )
    for problem in world.rulebook.problems:
        print(f"note: {problem}")
    return 0


def _described(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "pack": rule.pack,
        "service": rule.service,
        "provider": list(rule.provider),
        "plan": list(rule.plan),
        "when": rule.sentence.text,
        "then": list(rule.then),
        "stages": rule.stages,
        "severity": rule.severity,
        "notify": rule.told,
        "says": rule.says,
        "ladder": rule.ladder,
        "playbook": rule.playbook,
        "question": rule.question,
        "source": {
            "document": rule.source.document,
            "line": rule.source.line,
            "section": rule.source.section,
            "file": rule.source.file,
            "file_line": rule.source.file_line,
        },
    }


def _about(rule: Rule) -> str:
    provider = "|".join(rule.provider)
    plan = f" {'|'.join(rule.plan)}" if rule.plan else ""
    whom = rule.service or ("account" if rule.provider else "stack")
    return f"{whom} {provider}{plan}".strip()


def _source(rule: Rule) -> str:
    document = rule.source.document or rule.source.file
    return f"{document} line {rule.source.line}" if rule.source.line else document


def explain(rule_id: str, config: Path | None, *, json: bool) -> int:
    """Say what a rule means; with a configuration also how it comes out on what is stored."""
    world = configured(config) if config else everything()
    rule = world.rules.get(rule_id) or next(
        (rule for rule in world.rulebook.rules if rule_id in rule.formerly), None
    )
    if rule is None:
        raise InputError(f"no rule `{rule_id}`; `advisor rules list` names them{_near(rule_id, world)}")
    judged = _judgements(rule, world, config) if config else []
    if json:
        output.as_json({"version": 1, "rule": _described(rule), "judged": judged})
        return 0
    print(f"{rule.id}  ({rule.severity}, told {_told(rule)})")
    print(f"  {rule.says}")
    print(f"  when     {rule.sentence.text}")
    print(f"  about    {_about(rule)}")
    print(f"  then     {(' then ' if rule.stages else ' or ').join(rule.then)}")
    print(f"  source   {_source(rule)} ({rule.source.file}:{rule.source.file_line})")
    if " for " in rule.sentence.text or "sustained" in rule.sentence.text:
        print(
            "  holding  judged on readings: they must cover 80 % of the time; a gap neither resets nor proves"
        )
    if config and not judged:
        print(f"\nIt is about nothing in {config}.")
    for one in judged:
        print(f"\n{one['subject']}: {one['state']}, {one['verdict']}")
        for term in one["terms"]:
            print(f"    {term['verdict']:14} {term['sentence']}{_figures(term)}")
    return 0


def _told(rule: Rule) -> str:
    return {"immediate": "at once", "daily": "in the daily digest", "weekly": "in the weekly digest"}[
        rule.told
    ]


def _figures(term: Mapping[str, Any]) -> str:
    if term["why"]:
        return f"  ({term['why']})"
    if term["value"] is None:
        return ""
    text = f"  ({show(term['value'], term['unit'])}"
    if term["threshold"] is not None:
        text += f" against {show(term['threshold'], term['unit'])}"
    if term["limit"] is not None:
        text += f"; limit {show(term['limit'], term['unit'])} from {term['limit_source']}"
    return f"{text})"


def _near(rule_id: str, world: World) -> str:
    import difflib  # Only for a wrong id.

    close = difflib.get_close_matches(rule_id, list(world.rules), 1)
    return f"; did you mean `{close[0]}`?" if close else ""


def _judgements(rule: Rule, world: World, config: Path) -> list[dict[str, Any]]:
    from advisor.commands.stored import stored_watch  # Opens the store.

    watch = stored_watch(world, config)
    found = []
    for judged in watch.decision.judged if watch.decision else ():
        if judged.rule.id != rule.id:
            continue
        for place, row in enumerate(judged.rows.tolist()):
            subject = watch.fleet.subjects[row]
            finding = watch.ledger.findings.get((rule.id, subject, judged.copy))
            found.append(
                {
                    "subject": subject,
                    "copy": judged.copy,
                    "verdict": VERDICTS[int(judged.verdict[place])],
                    "state": (finding.state if finding else State.INACTIVE).value,
                    "since": finding.since if finding else None,
                    "terms": [
                        {name: getattr(term, name) for name in term.__slots__}
                        for term in judged.explain(place)
                    ],
                }
            )
    return found


def run_tests(paths: Sequence[Path], *, json: bool) -> int:
    """Run the tests in files and folders; 1 where one fails."""
    files = [file for path in paths for file in _test_files(path)]
    if not files:
        there = ", ".join(map(str, paths))
        raise InputError(f"no *.test.yaml in {there}; name a file of tests, or a folder with some")
    catalogue = catalogue_files.load()
    failures: list[dict[str, Any]] = []
    count, tested = 0, set()
    for file in files:
        rules = _rules_beside(file)
        for written in load_cases_file(file, rules.values(), str(file)):
            case = written.case
            count += 1
            tested.add(case.rule_id)
            failures += [
                {
                    "file": written.file,
                    "line": written.line,
                    "rule": case.rule_id,
                    "name": case.name,
                    "why": why,
                }
                for why in failed(case, rules, catalogue)
            ]
    if json:
        output.as_json(
            {"version": 1, "tests": count, "rules": len(tested), "files": len(files), "failures": failures}
        )
    else:
        for failure in failures:
            print(
                f"{failure['file']}:{failure['line']}: {failure['rule']}: {failure['name']}: {failure['why']}"
            )
        verdict = f"{counted(len(failures), 'failure')}" if failures else "all hold"
        print(f"{counted(count, 'test')} of {counted(len(tested), 'rule')}: {verdict}")
    return 1 if failures else 0


def _test_files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(path.rglob("*.test.yaml"))
    elif path.name.endswith(".test.yaml"):
        yield path
    elif path.with_suffix(".test.yaml").is_file():
        yield path.with_suffix(".test.yaml")
    else:
        cause = "is no test file" if path.exists() else "no such file or folder"
        raise InputError(f"{cause}; name a file that ends in .test.yaml, or a folder", file=str(path))


def _rules_beside(file: Path) -> Mapping[str, Rule]:
    """Return the rules that a test file may name: its pack's, or those of the files in its folder."""
    if (file.parent / "pack.yaml").is_file():
        return assemble([load_pack_folder(file.parent)]).by_id  # Patterns of `targets` name rules here.
    beside = file.with_name(file.name.replace(".test.yaml", ".yaml"))
    if not beside.is_file():
        raise InputError(f"tests the rules of {beside.name}, which is not beside it", file=str(file))
    return {rule.id: rule for rule in load_file(beside)}


def failed(case: Case, rules: Mapping[str, Rule], catalogue: Catalogue) -> Iterator[str]:
    """Yield what came out otherwise than a test expects."""
    rule = rules[case.rule_id]
    wanted = [rule, *(rules[target] for target in rule.targets if target in rules)]
    watch = Watch(case.fleet, wanted, catalogue)
    done = 0
    for at, expected in sorted(case.expect):
        rest = [fact for fact in case.readings[done:] if fact.reading.at <= at]
        done += len(rest)
        for _ in replay(watch, rest, at):
            pass
        came = _state(watch, case)
        if came != expected:
            yield f"after {_span(at - case.start)} it is {came}, not {expected}{_because(watch, case)}"


def _state(watch: Watch, case: Case) -> str:
    finding = next(
        (
            finding
            for finding in watch.ledger.findings.values()
            if finding.rule == case.rule_id
            and finding.subject == case.subject
            and case.copy in {"", finding.copy}
            and finding.state is not State.INACTIVE
        ),
        None,
    )
    verdicts: list[int] = []
    asks = False
    for judged in watch.decision.judged if watch.decision else ():
        for place, row in enumerate(judged.rows.tolist()):
            same = watch.fleet.subjects[row] == case.subject and case.copy in {"", judged.copy}
            if judged.rule.id == case.rule_id and same:
                verdicts.append(int(judged.verdict[place]))
                asks |= judged.asks is not None and bool(judged.asks[place])
    if finding is not None and finding.state in {State.FIRING, State.PENDING}:
        return finding.state.value
    if asks:
        return "question"
    if not verdicts or all(verdict == NOT_APPLICABLE for verdict in verdicts):
        return VERDICTS[NOT_APPLICABLE]
    if finding is not None:
        return finding.state.value
    return VERDICTS[UNKNOWN] if UNKNOWN in verdicts else State.INACTIVE.value


def _because(watch: Watch, case: Case) -> str:
    for judged in watch.decision.judged if watch.decision else ():
        for place, row in enumerate(judged.rows.tolist()):
            if judged.rule.id == case.rule_id and watch.fleet.subjects[row] == case.subject:
                terms = [
                    f"{term.sentence}: {term.why or _value(term.value, term.unit)}"
                    for term in judged.explain(place)
                ]
                return f" ({'; '.join(terms)})" if terms else ""
    return ""


def _value(value: float | None, unit: str) -> str:
    return "no value" if value is None else show(value, unit)


def _span(passed: Any) -> str:
    days, rest = divmod(passed.total_seconds(), 86400)
    hours, minutes = divmod(rest // 60, 60)
    parts = [f"{days:g}d" if days else "", f"{hours:g}h" if hours else "", f"{minutes:g}m" if minutes else ""]
    return " ".join(filter(None, parts)) or "0s"
