"""Reads what a pack's document says beside its rules: the files in `rules/packs/<name>/document/`."""

from datetime import date
from importlib.resources.abc import Traversable
from typing import Any

from pydantic import ValidationError

from advisor import strict_yaml
from advisor.core.document import Document
from advisor.errors import InputError

#: File to the field that it fills. Each is optional: a pack of rules alone needs none.
FILES = {
    "figures.yaml": "services",
    "ladders.yaml": "ladders",
    "costs.yaml": "costs",
    "checklists.yaml": "checklists",
    "capacity.yaml": "capacity",
    "stack.yaml": "stack",
}


def load(pack: Traversable, name: str, title: str, as_of: date | None, where: str) -> Document | None:
    """Return what the document of a pack says; None where the pack has no folder `document`.

    Raises:
        InputError: A file is not YAML or not of its shape, or `as_of` is missing: file, line, key, way out.
    """
    folder = pack.joinpath("document")
    if not folder.is_dir():
        return None
    if as_of is None:
        raise InputError(
            "has a folder `document`, so write `as_of:`, the day of its figures", file=f"{where}/pack.yaml"
        )
    fields: dict[str, Any] = {}
    read: dict[str, strict_yaml.Document] = {}
    for file, field in FILES.items():
        if (path := folder.joinpath(file)).is_file():
            read[field] = strict_yaml.load(path.read_text("utf-8"), f"{where}/document/{file}")
            fields[field] = read[field].data
    unknown = sorted(f.name for f in folder.iterdir() if f.name.endswith(".yaml") and f.name not in FILES)
    if unknown:
        raise InputError(
            f"no such part of a document; there are {', '.join(FILES)}", file=f"{where}/document/{unknown[0]}"
        )
    try:
        return Document.model_validate({"name": name, "title": title, "as_of": as_of, **fields})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        top, *path_in = first["loc"]
        source = read.get(str(top))
        if source is None:
            raise InputError(first["msg"], file=f"{where}/pack.yaml") from None
        key = str(path_in[-1]) if path_in else ""
        raise source.fault(
            f"{first['msg']}; docs/packs.md says what it may be", tuple(path_in), key
        ) from None
