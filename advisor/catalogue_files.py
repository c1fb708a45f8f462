"""Reads `rules/catalogue/*.yaml`, from the installed package or from a folder of the user's own."""

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable

from pydantic import ValidationError

from advisor import strict_yaml
from advisor.core.catalogue import Catalogue, Provider
from advisor.core.document import Document, products_named
from advisor.core.playbook import Playbook
from advisor.errors import InputError


def load(
    *extra: Traversable, products: Iterable[str] | None = None, documents: Iterable[Document] = ()
) -> Catalogue:
    """Return the catalogue that comes with the advisor; files in the `extra` folders replace by name.

    `products` are all that is asked for ("supabase", "aws-rds"), with those that steps of the `documents`
    lead to; None: everything there is. A daemon watches five providers and need not read fifty.

    Raises:
        InputError: A file is not YAML, or not of the catalogue's shape: file, line, key and the way out.
    """
    said = {document.name: document for document in documents}
    wanted = None if products is None else {*products, *products_named(said.values())}
    found: dict[str, Provider] = {}
    for folder in (files("advisor") / "rules" / "catalogue", *extra):
        for file in _sorted(folder.iterdir(), ".yaml"):
            if wanted is not None and not _sells(file.name.removesuffix(".yaml"), wanted):
                continue
            provider = parse(file.read_text("utf-8"), f"{folder.name}/{file.name}")
            found[provider.provider] = provider
    return Catalogue(found, said)


def _sells(provider: str, wanted: Iterable[str]) -> bool:
    """Say whether a provider's file holds one of the products: `aws` holds `aws-rds`."""
    return any(product == provider or product.startswith(f"{provider}-") for product in wanted)


def parse(text: str, file: str) -> Provider:
    """Return the provider in `text`; `file` is its name in messages.

    Raises:
        InputError: as `load`.
    """
    document = strict_yaml.load(text, file)
    try:
        return Provider.model_validate(document.data)
    except ValidationError as error:
        raise _fault(error, document) from None


def _added(part: int | str) -> bool:
    """True for what pydantic adds to a path: the kind of a price component, a union's member."""
    return isinstance(part, str) and part in {
        "fixed",
        "seat",
        "add-on",
        "usage",
        "commitment",
        "credit",
        "str",
        "literal['unlimited']",
    }


def _fault(error: ValidationError, document: strict_yaml.Document) -> InputError:
    first = error.errors(include_url=False, include_input=False)[0]
    path = tuple(part for part in first["loc"] if not _added(part))
    key = str(path[-1]) if path else ""
    return document.fault(_sentence(first["type"], first["msg"]), path, key)


def _sentence(kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "is no key here; docs/catalogue.md names them"
        case "missing":
            return "is missing; add it"
        case "model_type" | "dict_type":
            return "must be a mapping of keys to values; docs/catalogue.md has an example"
        case _:
            return f"{message[:1].lower()}{message[1:]}; docs/catalogue.md says what it may be"


def playbooks(*extra: Traversable) -> dict[str, Playbook]:
    """Return the playbooks that come with the advisor by id (the file's name), then those in `extra`.

    Raises:
        InputError: A playbook has no front matter, or one of another shape.
    """
    found: dict[str, Playbook] = {}
    for folder in (files("advisor") / "rules" / "playbooks", *extra):
        for file in _sorted(folder.iterdir(), ".md"):
            found[file.name.removesuffix(".md")] = parse_playbook(
                file.read_text("utf-8"), f"{folder.name}/{file.name}"
            )
    return found


def parse_playbook(text: str, file: str) -> Playbook:
    """Return the playbook in `text`: front matter between two `---` lines, then Markdown.

    Raises:
        InputError: as `playbooks`.
    """
    start, _, rest = text.partition("\n")
    front, end, body = rest.partition("\n---\n")
    if start.strip() != "---" or not end:
        raise InputError(
            "begins with no front matter; write keys between two lines of `---`", file=file, line=1
        )
    document = strict_yaml.load(f"\n{front}\n", file)
    try:
        return Playbook.model_validate({**(document.data or {}), "body": body.strip()})
    except ValidationError as error:
        raise _fault(error, document) from None


def _sorted(entries: Iterable[Traversable], suffix: str) -> list[Traversable]:
    return sorted((e for e in entries if e.name.endswith(suffix)), key=lambda e: e.name)
