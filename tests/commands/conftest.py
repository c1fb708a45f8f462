"""The command line as a user has it: words in, what was printed and the exit code out."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from advisor.__main__ import main
from advisor.secrets import forget
from tests.commands.acme import Acme
from tests.running import Mail, Slack, Usage
from tests.third_party_example.installed import installed

SECRET = "hunter2-geheim"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All that it printed."""
        return self.out + self.err

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Return what runs a command in the test's folder: no traceback and no secret may ever come out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ADVISOR_CONFIG", raising=False)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: object, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "argv", ["advisor", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        forget()  # What another test looked up is no secret here.
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert SECRET not in out + err
        assert isinstance(end.value.code, int)
        return Ended(end.value.code, out, err)

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes a file, by default advisor.yaml."""

    def write(text: str, name: str = "advisor.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def usage() -> Iterator[Usage]:
    server = Usage()
    yield server
    server.stop()


@pytest.fixture
def slack() -> Iterator[Slack]:
    server = Slack()
    yield server
    server.stop()


@pytest.fixture
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acme]:
    """A third party's provider with its collector installed."""
    server = Acme()
    try:
        with pytest.MonkeyPatch.context() as patch, installed(tmp_path_factory.mktemp("site"), patch):
            yield server
    finally:
        server.stop()


@pytest.fixture
def mail() -> Iterator[Mail]:
    server = Mail()
    yield server
    server.stop()
