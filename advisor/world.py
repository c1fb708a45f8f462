"""What a configuration stands for: the fleet, the rules in force, the catalogue, the playbooks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from advisor import catalogue_files
from advisor.config import Config
from advisor.core.catalogue import Catalogue
from advisor.core.document import Document
from advisor.core.fleet import Fleet, Stack
from advisor.core.playbook import Playbook
from advisor.core.rule import Rule
from advisor.errors import InputError, all_of
from advisor.rulebook import Pack, Rulebook, assemble, builtin_packs, load_file, load_pack

#: The packs that every stack has: what any service and any PostgreSQL needs.
EVERYWHERE = ("everywhere", "postgres")


@dataclass(frozen=True)
class World:
    """Everything that does not change between two reloads."""

    fleet: Fleet
    rulebook: Rulebook
    catalogue: Catalogue
    playbooks: Mapping[str, Playbook] = field(default_factory=dict)
    config: Config | None = None

    @property
    def rules(self) -> Mapping[str, Rule]:
        """The rules in force, by id."""
        return {rule.id: rule for rule in self.rulebook.rules}


def world(config: Config) -> World:
    """Return what `config` stands for.

    Raises:
        InputError: packs, rule files or overrides are at fault; all that can be told at once.
    """
    written = config.fleet()
    fleet = Fleet(tuple(_with_packs(stack) for stack in written.stacks), written.accounts)
    faults: list[InputError] = []
    packs = _packs(config, written.stacks, faults)
    own: list[Rule] = []
    for path in config.rule_files:
        try:
            own += load_file(path, _name(path, config.folder))
        except InputError as fault:
            faults.append(fault)
    if faults:
        raise all_of(faults)
    override = config.rules.override

    def place(steps: tuple[str | int, ...]) -> tuple[str, int]:
        return config.document.file, config.document.place(("rules", *steps))

    rulebook = assemble(packs, own, config.rules.disable, override, place)
    used = {service.provider for service in fleet.services} | {one.provider for one in fleet.accounts}
    catalogue = catalogue_files.load(products=used, documents=_documents(packs))
    return World(fleet, rulebook, catalogue, catalogue_files.playbooks(), config)


def _documents(packs: Iterable[Pack]) -> list[Document]:
    return [pack.document for pack in packs if pack.document is not None]


def _with_packs(stack: Stack) -> Stack:
    """Return a stack with the packs that everyone has, and without the versions it asked for."""
    names = [*EVERYWHERE, *(name.partition("@")[0] for name in stack.packs)]
    return replace(stack, packs=tuple(dict.fromkeys(names)))


def everything() -> World:
    """Return all packs over an empty fleet, for commands that look at rules without a configuration."""
    packs = [load_pack(name) for name in builtin_packs()]
    catalogue = catalogue_files.load(documents=_documents(packs))
    return World(Fleet(), assemble(packs), catalogue, catalogue_files.playbooks())


def _packs(config: Config, stacks: Iterable[Stack], faults: list[InputError]) -> list[Pack]:
    """Return the packs that stacks ask for, each once; what is wrong is added to `faults`."""
    found = {name: load_pack(name) for name in EVERYWHERE}
    seen: set[str] = set()
    for stack in stacks:
        for place, asked in enumerate(stack.packs):
            if asked in seen:
                continue
            seen.add(asked)
            try:
                pack = _pack(asked)
            except InputError as fault:
                at: tuple[str | int, ...] = ("packs", place)
                faults.append(fault if fault.file else config.fault(fault.message, stack.key, at))
            else:
                found[pack.name] = pack
    return list(found.values())


def _pack(asked: str) -> Pack:
    name, _, version = asked.partition("@")
    pack = load_pack(name)
    if version and not (f"{pack.version}.").startswith(f"{version}."):
        raise InputError(
            f"pack `{name}` is at version {pack.version}, not {version}; write `{name}@{pack.version}`"
        )
    return pack


def _name(path: Path, folder: Path) -> str:
    try:
        return str(path.relative_to(folder))
    except ValueError:
        return str(path)
