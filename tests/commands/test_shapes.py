"""The commands as scripts see them: documented options, help that fits, JSON of a documented shape."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from advisor.cli import app
from tests.commands.conftest import Run
from tests.running import ROOT, Slack, Usage

Write = Callable[..., Path]
PAGE = (ROOT / "docs" / "commands.md").read_text("utf-8")
SECTIONS = {
    found[1]: found[2]
    for found in re.finditer(r"^## advisor ([a-z ]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


def commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield f"{path}{name}", command
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_the_page_has_every_command_and_no_other() -> None:
    assert list(SECTIONS) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_has_every_option_of_a_command_and_no_other(name: str) -> None:
    written = set(re.findall(r"--[a-z-]+", SECTIONS[name]))
    options = {o for p in COMMANDS[name].params for o in p.opts if o.startswith("--")} - {"--help"}
    assert options <= written
    others = {o for c in COMMANDS.values() for p in c.params for o in p.opts}
    assert written <= others


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_has_an_example_that_names_the_command(name: str) -> None:
    assert re.search(rf"^    .*advisor {name}\b", SECTIONS[name], re.MULTILINE)


@pytest.mark.parametrize("name", ["", *COMMANDS, "rules", "catalogue"])
def test_help_fits_80_columns_and_cuts_nothing_off(run: Run, name: str) -> None:
    ended = run(*name.split(), "--help")
    assert ended.code == 0
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "..." not in ended.out.replace("[ARGS]...", "").replace("{PATH}...", "").replace("PATH...", "")
    assert f"Usage: advisor {name}".strip() in ended.out
    if name in COMMANDS:
        assert "Example" in ended.out


def test_no_words_at_all_are_answered_with_the_help(run: Run) -> None:
    ended = run()
    assert (ended.code, "Usage: advisor" in ended.out, ended.err) == (0, True, "")
    assert run("--version").out.startswith("advisor ")


def test_completion_is_shown_and_completes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run("--show-completion", "bash")
    assert (shown.code, "_ADVISOR_COMPLETE=complete_bash" in shown.out) == (0, True)
    monkeypatch.setenv("_ADVISOR_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "advisor once --fail-on ")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert run().out.split() == ["warning", "critical"]


def keys(shape: Any) -> Any:
    """Return the keys of a document, of lists those of the first item; a text of dots stands for anything."""
    if isinstance(shape, dict):
        return {key: keys(value) for key, value in shape.items()}
    return [keys(shape[0])] if isinstance(shape, list) and shape else None


def documented(name: str, place: int = 0) -> Any:
    """Return the JSON that the page shows for a command; `...` in it stands for more of the same."""
    found = re.findall(
        r"^    (\{\"version\".*(?:\n     .*)*)|`(\{\"version\".*?\})`", SECTIONS[name], re.MULTILINE
    )
    text = "".join(found[place])
    text = re.sub(r",\s*\.\.\.", "", re.sub(r"([\[{])\.\.\.([\]}])", r"\1\2", text))
    return json.loads(text)


def has(document: Any, shape: Any) -> bool:
    """Say whether a document has what a shape shows."""
    if isinstance(shape, dict):
        return isinstance(document, dict) and all(
            k in document and has(document[k], v) for k, v in shape.items()
        )
    if isinstance(shape, list) and shape:
        return isinstance(document, list) and (not document or has(document[0], shape[0]))
    return True


@pytest.fixture
def shop(run: Run, write: Write, usage: Usage, slack: Slack) -> Run:
    usage.values = {"size": 500}
    write(
        f"""
stacks:
  shop:
    packs: [app-virgin]
    services: {{api: {{provider: http, url: "{usage.url}", metrics: {{storage: {{path: size}}}}}}}}
rules: {{files: [ours.yaml]}}
notify: {{slack: {{webhook: "{slack.url()}"}}}}
"""
    )
    write(
        "- {id: a.full, service: api, when: storage > 400B}\n- {id: a.b, service: api, when: cpu > 1%}\n",
        "ours.yaml",
    )
    write("- {rule: a.full, name: n, every: 1d, storage: 500B, expect: {0d: inactive}}\n", "ours.test.yaml")
    return run


@pytest.mark.parametrize(
    ("name", "words", "code"),
    [
        ("check", "check --json", 0),
        ("once", "once --json", 0),
        ("rules list", "rules list --json", 0),
        ("rules explain", "rules explain a.full -c advisor.yaml --json", 0),
        ("rules test", "rules test ours.test.yaml --json", 1),
        ("notify test", "notify test --json", 0),
        ("catalogue show", "catalogue show supabase --json", 0),
        ("catalogue check", "catalogue check --json", 0),
        ("collectors list", "collectors list --json", 0),
        ("connect", "connect neon --json", 0),
        ("metrics list", "metrics list --json", 0),
        ("digest", "digest --format json", 0),
        ("checklist", "checklist --json", 0),
    ],
)
def test_the_json_of_a_command_has_the_documented_shape(shop: Run, name: str, words: str, code: int) -> None:
    if name in {"rules explain", "digest"}:
        assert shop("once").code == 0
    ended = shop(*words.split())
    assert (ended.code, ended.err) == (code, "")
    shape = documented(name)
    shape.pop("evidence", None)  # Its titles are the collector's.
    assert has(ended.json, shape), keys(ended.json)


def test_tick_prints_the_documents_of_once(shop: Run) -> None:
    once, tick = shop("once", "--json").json, shop("tick", "--json").json
    assert keys(once).keys() == keys(tick).keys()


def test_evaluate_prints_the_documented_answer(shop: Run) -> None:
    line = {
        "stack": "shop",
        "service": "api",
        "metric": "storage",
        "at": "2026-11-01T00:00:00Z",
        "value": 401,
    }
    found = shop("evaluate", "--json", "--fail-on", "warning", stdin=json.dumps(line))
    assert found.code == 2
    page = (ROOT / "docs" / "readings.md").read_text("utf-8")
    for part in ("findings", "concerns", "unknown", "not_applicable"):
        assert part in found.json
        assert f'"{part}"' in page
    (finding,) = found.json["findings"]
    assert (finding["state"], finding["value"], finding["threshold"]) == ("firing", 401.0, 400.0)
    assert set(re.findall(r'"(\w+)":', page[page.index('"findings": [') : page.index('"concerns": [')])) <= {
        *finding, *finding["terms"][0], "findings", "terms"
    }  # fmt: skip
