"""Samples: what a provider is asked and what it answers, as the collectors' tests and the demo use them."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Asked", "Sample", "Spec", "samples"]


class Asked(BaseModel):
    """The request. `query` holds what must be in it; what it does not name may be anything.

    `json_` (written `json:`) and `form` are keys that the body must hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    method: str = "GET"
    host: str = ""
    path: str
    query: dict[str, str] = {}
    json_: dict[str, Any] = Field({}, alias="json")
    form: dict[str, str] = {}


class Spec(BaseModel):
    """Where the official description has this operation: a file, and in it the path or the operation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    path: str = ""
    operation: str = ""


class Sample(BaseModel):
    """One exchange. `spec` None: no official description has it; `note` then says what it rests on.

    A file named `error-...` is an answer to a request that failed; it is served only where asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    request: Asked
    spec: Spec | None = None
    note: str = ""
    status: int = 200
    headers: dict[str, str] = {}
    body: Any = None
    text: str | None = None

    @property
    def is_error(self) -> bool:
        """True where it is served only on demand."""
        return self.name.startswith("error-")


def samples(collector: ModuleType) -> dict[str, Sample]:
    """Return the samples of a collector's package by name, in the order of their names.

    Raises:
        ValueError: A file is no sample; pydantic's words say where.
    """
    folder = Path(str(collector.__file__)).parent / "samples"
    return {
        path.stem: Sample.model_validate({"name": path.stem, **_read(path)})
        for path in sorted(folder.glob("*.yaml"))
    }


def _read(path: Path) -> Mapping[str, Any]:
    with path.open(encoding="utf-8") as file:
        data: Mapping[str, Any] = yaml.load(file, Loader=yaml.CSafeLoader)
    return data
