"""Which other products a document's ladders lead to from one of ours: what advice may name instead."""

import re
from collections.abc import Iterable, Iterator, Mapping

from advisor.core.catalogue import Catalogue
from advisor.core.document import Document, Ladder, Step

#: Words in a ladder's id that say which part of a stack it is about.
_ABOUT = {
    "database": "database",
    "backend": "backend",
    "compute": "backend",
    "storage": "storage",
    "monitoring": "monitoring",
    "analytics": "analytics",
    "email": "email",
    "cdn": "cdn",
}
#: Roles that a ladder's word covers.
_COVERS = {
    "monitoring": {"monitoring", "errors", "logs", "uptime"},
}
_MACHINES = re.compile(r"(?P<low>[0-9]+)(?:-(?P<high>[0-9]+))?\+? VMs")


def about(ladder: Ladder, role: str) -> bool:
    """Say whether a ladder is about services of this role; one that names no role may be about any."""
    said = {_ABOUT[word] for word in ladder.id.split("-") if word in _ABOUT}
    return not said or not role or any(role in _COVERS.get(word, {word}) for word in said)


def reach(
    catalogue: Catalogue, documents: Iterable[Document], product: str, role: str = ""
) -> Mapping[str, str]:
    """Return the products that steps lead to from `product`, near ones first, each with document and line.

    Only steps of ladders about `role` count, because one product may serve two roles. What the catalogue
    does not have is left out, and what lies behind it as well is found.
    """
    steps = [(document, step) for document, step in _steps(documents, role) if step.starts]
    found: dict[str, str] = {}
    ahead = [product]
    while ahead:
        here = ahead.pop(0)
        for document, step in steps:
            if not step.begins(here):
                continue
            for name, _ in step.leads():
                if name != product and name not in found:
                    found[name] = f"{document.name} line {step.line}"
                    ahead.append(name)
    return {name: where for name, where in found.items() if name in catalogue.offers}


def machines(documents: Iterable[Document], product: str, role: str) -> list[tuple[int, int, str]]:
    """Return how many machines the documents' ladders give a product: (from so many users, machines, where).

    A step that names a range ("3-5 VMs") gives its upper end; the numbers never fall with users.
    """
    found: list[tuple[int, int, str]] = []
    for document, step in _steps(documents, role):
        match = _MACHINES.search(step.to_plan)
        ours = product in {name for name, _ in step.leads()} or step.begins(product)
        if match is not None and step.users is not None and ours:
            count = int(match["high"] or match["low"])
            found.append((step.users[0], count, f"{document.name} line {step.line}"))
    rising: list[tuple[int, int, str]] = []
    for row in sorted(found):
        if not rising or row[1] > rising[-1][1]:
            rising.append(row)
    return rising


def _steps(documents: Iterable[Document], role: str) -> Iterator[tuple[Document, Step]]:
    for document in documents:
        for ladder in document.ladders:
            if about(ladder, role):
                for step in ladder.steps:
                    yield document, step
