"""What stays in memory and what a short command loads: the lists that an idle daemon is held to."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from advisor.__main__ import plain_run

#: Heavy parts that are imported where they are used, and what other libraries would bring along.
NOT_IN_THE_DAEMON = (
    *("alembic", "mako", "typer", "slack_sdk", "rich", "pygments", "pandas", "jinja2", "markupsafe"),
    *("css_inline", "sentry_sdk", "apprise", "sqlalchemy.dialects.postgresql", "sqlalchemy.orm"),
    *("numpy.testing", "numpy.ma", "numpy.random", "unittest", "fastapi"),
)
NOT_IN_HELP = ("numpy", "pydantic", "sqlalchemy", "lark", "httpx", "structlog", "asyncio", "rich", "yaml")

IDLE = """
import asyncio, json, os, sys
from pathlib import Path

async def idle():
    running = asyncio.create_task(daemon.run())
    while not getattr(daemon, "schedule", None):
        await asyncio.sleep(0)
    await daemon.absorbed.wait()
    daemon._stop.set()
    await running

import advisor.__main__
from advisor.commands import run
from advisor import logs
logs.setup("error")
from advisor.daemon import Daemon
daemon = Daemon(Path(sys.argv[1]), dict(os.environ))
daemon.absorbed = asyncio.Event()
whole = daemon._round
async def told(polls):
    await whole(polls)
    daemon.absorbed.set()
daemon._round = told
asyncio.run(idle())
print(json.dumps(sorted(sys.modules)))
"""


def modules(*arguments: str) -> set[str]:
    """Run a Python that prints its modules in the last line, and return them with their packages."""
    done = subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True, timeout=60
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_an_idle_daemon_holds_no_part_that_it_does_not_use(tmp_path: Path) -> None:
    config = tmp_path / "advisor.yaml"
    config.write_text(
        "stacks:\n  shop:\n    packs: [app-virgin]\n    services:\n"
        '      search: {provider: http, url: "http://127.0.0.1:9/usage", '
        "metrics: {storage: {path: used, unit: B}}}\n"
        'web: {listen: "127.0.0.1:0"}\n',
        encoding="utf-8",
    )
    held = modules("-c", IDLE, str(config))
    assert {"advisor.engine", "advisor.web.app", "apscheduler", "httpx", "numpy"} <= held
    assert not held & set(NOT_IN_THE_DAEMON)


def test_help_loads_neither_numpy_nor_pydantic_nor_sqlalchemy() -> None:
    code = (
        "import json, sys; from advisor.__main__ import main; sys.argv = ['advisor', '--help']\n"
        "try: main()\nexcept SystemExit: print(json.dumps(sorted(sys.modules)))"
    )
    assert not modules("-c", code) & set(NOT_IN_HELP)


def test_import_of_the_advisor_loads_nothing_else() -> None:
    held = modules("-c", "import json, sys, advisor; print(json.dumps(sorted(sys.modules)))")
    assert {name for name in held if name.startswith("advisor")} == {"advisor"}
    assert not held & {*NOT_IN_THE_DAEMON, *NOT_IN_HELP}


@pytest.mark.parametrize(
    ("words", "config"),
    [
        (["run"], "advisor.yaml"),
        (["run", "--config", "/etc/advisor.yaml"], "/etc/advisor.yaml"),
        (["run", "-c", "a.yaml"], "a.yaml"),
        (["run", "--help"], None),
        (["run", "--config", "--json"], None),
        (["run", "--config=a.yaml"], None),
        (["run", "a.yaml"], None),
        (["tick", "--config", "a.yaml"], None),
        ([], None),
    ],
)
def test_a_plain_run_is_read_as_the_command_library_would(
    monkeypatch: pytest.MonkeyPatch, words: Sequence[str], config: str | None
) -> None:
    from typer.testing import CliRunner

    from advisor import cli
    from advisor.commands import run as command

    told: list[Path] = []
    monkeypatch.setattr(command, "run", lambda path: told.append(path) or 0)
    monkeypatch.delenv("ADVISOR_CONFIG", raising=False)
    found = plain_run(words)
    assert found == (None if config is None else Path(config))
    if found is not None:
        assert CliRunner().invoke(cli.app, list(words)).exit_code == 0
        assert told == [found]


def test_a_plain_run_takes_its_configuration_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADVISOR_CONFIG", "/etc/advisor/advisor.yaml")
    assert plain_run(["run"]) == Path("/etc/advisor/advisor.yaml")
    assert plain_run(["run", "-c", "b.yaml"]) == Path("b.yaml")
