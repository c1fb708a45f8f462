"""Puts a stack, its past and the documents together for `advisor whatif`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from advisor import catalogue_files
from advisor.config import Config, load_config
from advisor.core.catalogue import Catalogue
from advisor.core.demand import Histories
from advisor.core.document import Document
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.limits import Limits
from advisor.core.model import Term
from advisor.core.whatif import WhatIf
from advisor.errors import AdvisorError, InputError
from advisor.rulebook import builtin_packs, load_pack
from advisor.world import world

#: The document whose capacity model stands in where nothing else says what a user uses.
FALLBACK = "amebo"
#: Documents whose arithmetic of revenue is shown for any stack.
ON_REVENUE = ("app-virgin", "amebo")
#: So much history is looked at.
LOOKS_BACK = timedelta(days=60)

_Past = tuple[Histories, list[tuple[str, Term]], str]


@dataclass(frozen=True)
class Scenario:
    """One stack, ready to be asked. `note` says in a sentence why no history was found; else empty."""

    what: WhatIf
    title: str
    documents: tuple[Document, ...]
    note: str = ""


def document(name: str) -> Document:
    """Return what the document of a pack says.

    Raises:
        InputError: there is no such pack, or it has no document.
    """
    found = load_pack(name).document
    if found is None:
        raise InputError(f"the pack `{name}` has no document; write one of: {', '.join(with_stack())}")
    return found


def with_stack() -> list[str]:
    """Return the names of the documents that describe a stack of their own."""
    return [name for name in builtin_packs() if (said := load_pack(name).document) is not None and said.stack]


def of_document(name: str, now: datetime, catalogue: Catalogue | None = None) -> Scenario:
    """Return a document's own stack, with nothing configured.

    Raises:
        InputError: there is no such document, or it describes no stack.
    """
    said = document(name)
    if said.stack is None:
        raise InputError(f"the document `{name}` describes no stack; write one of: {', '.join(with_stack())}")
    services = tuple(
        Service(name, key, key, part.provider, _account(part.provider), part.plan, part.size)
        for key, part in said.stack.services.items()
    )
    facts = {"users": float(said.stack.users)} if said.stack.users else {}
    stack = Stack(name, product=said.stack.title, facts=facts, packs=(name,), services=services)
    accounts = {s.account: Account(s.account, s.provider.partition("-")[0]) for s in services}
    if catalogue is None:
        providers = {service.provider for service in services}
        catalogue = catalogue_files.load(products=providers, documents=[said])
    what = WhatIf(
        stack,
        Fleet((stack,), tuple(accounts.values())),
        catalogue,
        [said],
        now,
        fallback=_fallback([said]),
        counts={key: float(part.count) for key, part in said.stack.services.items()},
    )
    return Scenario(what, said.stack.title, (said,))


def of_config(path: Path, stack: str | None, now: datetime) -> Scenario:
    """Return a configured stack with what its store holds; without a store usage is the documents'.

    Raises:
        InputError: the configuration is at fault, or does not say which stack is meant.
    """
    config = load_config(path, environ=os.environ)
    known = world(config)
    chosen = _stack(known.fleet, stack)
    histories, terms, note = _past(config, chosen, known.fleet, now)
    documents = tuple(
        known.catalogue.documents[pack] for pack in chosen.packs if pack in known.catalogue.documents
    )
    what = WhatIf(
        chosen,
        known.fleet,
        known.catalogue,
        documents,
        now,
        limits=Limits(known.fleet, known.catalogue, terms),
        histories=histories,
        fallback=_fallback(documents),
    )
    return Scenario(what, chosen.product or chosen.key, documents, note)


def on_revenue(documents: Sequence[Document]) -> list[Document]:
    """Return the documents whose rules of revenue are shown: the stack's own, then those that have some."""
    names = [one.name for one in documents]
    return [*documents, *(document(name) for name in ON_REVENUE if name not in names)]


def _account(provider: str) -> str:
    return provider.partition("-")[0]


def _fallback(documents: Sequence[Document]) -> list[Document]:
    return [] if any(one.name == FALLBACK for one in documents) else [document(FALLBACK)]


def _stack(fleet: Fleet, name: str | None) -> Stack:
    names = ", ".join(fleet.stack)
    if name is not None:
        if name not in fleet.stack:
            raise InputError(f"--stack {name}: no such stack; there are: {names}")
        return fleet.stack[name]
    if len(fleet.stacks) != 1:
        raise InputError(f"several stacks are configured: write --stack with one of {names}")
    return fleet.stacks[0]


def _past(config: Config, stack: Stack, fleet: Fleet, now: datetime) -> _Past:
    """Return what the store holds of the stack, or a sentence that says why nothing; none is created."""
    from advisor.recorded import histories  # The database library is loaded only where there is a store.
    from advisor.store.engine import locate
    from advisor.store.opening import open_store

    try:
        url = config.store_url(os.environ)
        place = locate(url, config.folder)
        if place.file is not None and not place.file.exists():
            return {}, [], f"there is no history: the store {place.name} does not exist yet"
        store = open_store(url, config.folder)
        try:
            with store.reading() as tx:
                accounts = {service.account for service in stack.services}
                subjects = {
                    stack.subject.key,
                    *(f"@{account}" for account in accounts),
                    *(service.subject.key for service in fleet.services if service.account in accounts),
                }
                found = histories(tx, subjects, now - LOOKS_BACK, now)
                terms = [(key, term) for key, said in tx.terms(now).items() for term in said]
        finally:
            store.close()
    except AdvisorError as error:
        return {}, [], f"there is no history: {error}"
    return found, terms, "" if found else "there is no history: the store holds nothing of this stack"
