"""Reads a Dockerfile into its stages; for the image check and the tests. Standard library only."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """One FROM and what follows: its instructions in order, and what they set for those after them."""

    base: str
    name: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        """Return the arguments of every such instruction."""
        return [rest for word, rest in self.steps if word == instruction]

    def last(self, instruction: str) -> str:
        """Return the arguments of the instruction that counts, else an empty text."""
        return next(iter(reversed(self.all(instruction))), "")

    def env(self) -> dict[str, str]:
        """Return what ENV sets."""
        return dict(pair.split("=", 1) for rest in self.all("ENV") for pair in shlex.split(rest))


def stages(text: str) -> list[Stage]:
    """Return the stages of a Dockerfile, in order."""
    found: list[Stage] = []
    for line in _lines(text):
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word.upper() == "FROM":
            match = re.fullmatch(r"(\S+)(?:\s+[Aa][Ss]\s+(\S+))?", rest)
            if match is None:
                raise ValueError(f"FROM {rest}: not understood")
            found.append(Stage(match[1], match[2] or str(len(found))))
        else:
            found[-1].steps.append((word.upper(), rest))
    return found


def words(rest: str) -> list[str]:
    """Return the command of an ENTRYPOINT, CMD or HEALTHCHECK in its JSON form."""
    command: list[str] = json.loads(rest[rest.index("[") :])
    return command


def copy(rest: str) -> tuple[str, list[str], str]:
    """Return the stage a COPY takes from (empty: the context), its sources and its target."""
    parts = shlex.split(rest)
    stage = ""
    if parts[0].startswith("--from="):
        stage = parts.pop(0).removeprefix("--from=")
    return stage, parts[:-1], parts[-1]


def _lines(text: str) -> Iterator[str]:
    whole = ""
    for line in text.splitlines():
        if line.lstrip().startswith("#") or (not whole and not line.strip()):
            continue
        whole += line.strip().removesuffix("\\")
        if not line.rstrip().endswith("\\"):
            yield whole
            whole = ""


def read(folder: Path) -> list[Stage]:
    """Return the stages of the Dockerfile in `folder`."""
    return stages((folder / "Dockerfile").read_text("utf-8"))
