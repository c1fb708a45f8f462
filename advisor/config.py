"""advisor.yaml and what it includes, as one checked value: the fleet, its sources, the settings.

    text ─▶ strict_yaml ─▶ written: references sealed, settings.py's types ─▶ assembly: the fleet ─▶ Config

A broken included file is set aside with its faults (`problems`); the others run. Nothing here looks up a
credential: `Config.sources` carries Secrets, and `reveal_settings` looks them up when a poll needs them.
"""

import fnmatch
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advisor import faults
from advisor.assembly import Assembly, provider_of
from advisor.core.fleet import Fleet, Service
from advisor.errors import InputError
from advisor.secrets import Secret
from advisor.settings import (
    SUB_BLOCKS,
    AccountSettings,
    AdvisorFile,
    DigestSettings,
    IncludedFile,
    LogSettings,
    NotifySettings,
    RetentionSettings,
    RulesSettings,
    SentrySettings,
    StackSettings,
    WebSettings,
)
from advisor.sources import Source, reveal_settings, validate_settings
from advisor.strict_yaml import Document, load_file
from advisor.written import included, parsed

__all__ = ["Config", "Source", "from_data", "load_config", "reveal_settings", "validate_settings"]


@dataclass(frozen=True)
class Config:
    """advisor.yaml, read and checked. `problems` are the included files that were set aside, with why."""

    path: Path
    written: AdvisorFile
    stacks: Mapping[str, StackSettings]
    accounts: Mapping[str, AccountSettings]
    problems: tuple[InputError, ...]
    document: Document
    _fleet: Fleet
    _documents: Mapping[str, Document] = field(default_factory=dict)

    def fleet(self) -> Fleet:
        """Return everything that is watched; a service that names no account has one of its own."""
        return self._fleet

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return self.path.parent

    @property
    def timezone(self) -> str:
        """The IANA zone of days, weeks and months."""
        return self.written.timezone

    @property
    def notify(self) -> NotifySettings:
        """The channels."""
        return self.written.notify

    @property
    def digest(self) -> DigestSettings:
        """When the report goes out."""
        return self.written.digest

    @property
    def digest_timezone(self) -> str:
        """The zone of the digest's time."""
        return self.written.digest.timezone or self.written.timezone

    @property
    def heartbeat(self) -> Secret | None:
        """The URL that is called after each round."""
        return self.written.heartbeat

    @property
    def sentry(self) -> SentrySettings | None:
        """Where the advisor's own errors go."""
        return self.written.sentry

    @property
    def web(self) -> WebSettings:
        """The page."""
        return self.written.web

    @property
    def retention(self) -> RetentionSettings:
        """How long history is kept."""
        return self.written.retention

    @property
    def log(self) -> LogSettings:
        """How the log looks."""
        return self.written.log

    @property
    def rules(self) -> RulesSettings:
        """Rules of the user's own, disabled and overridden ones."""
        return self.written.rules

    @property
    def rule_files(self) -> tuple[Path, ...]:
        """The user's rule files, relative ones beside advisor.yaml."""
        return tuple(self.folder / Path(name).expanduser() for name in self.written.rules.files)

    def disabled(self, rule: str) -> bool:
        """Return whether the user has disabled the rule with this id."""
        return any(fnmatch.fnmatchcase(rule, pattern) for pattern in self.written.rules.disable)

    def store_url(self, environ: Mapping[str, str]) -> str:
        """Return the store's URL; a relative SQLite path starts at advisor.yaml's folder.

        Raises:
            InputError: a reference in it cannot be looked up.
        """
        url = self.written.store.reveal(environ)
        scheme, slashes, name = url.partition(":///")
        if slashes and scheme.startswith("sqlite") and name and name != ":memory:":
            return f"{scheme}:///{(self.folder / Path(name).expanduser()).absolute()}"
        return url

    def fault(self, message: str, stack: str, path: faults.Path) -> InputError:
        """Return the error for a part of a stack, with the file and line where that is written."""
        whole: faults.Path = ("stacks", stack, *path)
        return self._documents.get(stack, self.document).fault(message, whole, faults.dotted(whole))

    def sources(self, service: Service, collectors: Collection[str]) -> tuple[Source, ...]:
        """Return what is polled for a service, given the collectors there are.

        The provider's collector where there is one and something is written for it, `postgresql` where a
        `dsn` is given, and each of the blocks `postgresql:`, `prometheus:`, `http:`, `manual:`. None at all
        is no fault: plan and catalogue still apply, and a provider without a credential is simply not asked.
        """
        stack = self.stacks[service.stack]
        written = stack.services[service.key]
        extra = dict(written.model_extra or {})
        document = self._documents[service.stack]
        path: faults.Path = ("stacks", service.stack, "services", service.key)
        blocks = {name: extra.pop(name) for name in SUB_BLOCKS if isinstance(extra.get(name), Mapping)}
        account = self.accounts.get(written.account)
        provider = provider_of(written, account)
        # A product's collector, else its provider's, also where the product is written as one word with it.
        parts = service.provider.split("-")
        shorter = ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
        names = [name for name in dict.fromkeys((*shorter, provider)) if name in collectors]
        found: list[Source] = []

        def add(collector: str, settings: Mapping[str, Any], at: faults.Path, *, own: bool = False) -> None:
            settings = dict(settings)
            if collector == "postgresql" and stack.users is not None and stack.users.service == service.key:
                settings.setdefault("users_sql", stack.users.sql)
            shared = dict(account.model_extra or {}) if own and account is not None else {}
            if own and dsn is not None:
                shared["dsn"] = dsn
            found.append(
                Source(
                    service.stack,
                    service.key,
                    collector,
                    settings,
                    shared,
                    written.interval,
                    document,
                    at,
                    ("accounts", written.account) if own else (),
                    self._documents.get(f"@{written.account}") if own else None,
                )
            )

        dsn = extra.pop("dsn", None) if "postgresql" not in names else None
        told = extra or (account is not None and account.model_extra)
        if names and (told or names[0] in SUB_BLOCKS):
            add(names[0], extra, path, own=True)
        if dsn is not None and "postgresql" in collectors:
            block = blocks.pop("postgresql", {})
            add("postgresql", {"dsn": dsn, **block}, (*path, "postgresql") if block else path)
        for name, block in blocks.items():
            if name in collectors:
                add(name, block, (*path, name))
        return tuple(found)

    def unread(self, service: Service, collectors: Collection[str]) -> tuple[str, ...]:
        """Return the service's keys that no collector reads, since its provider has none yet."""
        written = self.stacks[service.stack].services[service.key]
        # As the registry finds it: of the product, else of its provider, which the account may name.
        named = {service.provider, service.provider.partition("-")[0], provider_of(written, None)}
        if not named.isdisjoint(collectors):
            return ()
        return tuple(key for key in written.model_extra or {} if key not in {*SUB_BLOCKS, "dsn"})


def load_config(path: Path, *, environ: Mapping[str, str]) -> Config:
    """Return the configuration in the file at `path` and in what it includes.

    Variables in plain settings, such as a plan's name, are looked up here; credentials are not.

    Raises:
        Faults: everything that is wrong in advisor.yaml itself, a line each.
        InputError: it cannot be read or is no YAML.
    """
    document = load_file(path)
    if document.data is None:
        said = "is empty; write `stacks:` into it, as docs/configuration.md shows"
        raise InputError(said, file=document.file)
    return _config(document, path, environ)


def from_data(data: Mapping[str, Any], *, folder: Path, environ: Mapping[str, str]) -> Config:
    """Return the configuration that is made of plain values, for commands that need no file.

    Raises:
        Faults: as `load_config`.
    """
    return _config(Document(dict(data), "the command line"), folder / "advisor.yaml", environ)


def _config(document: Document, path: Path, environ: Mapping[str, str]) -> Config:
    main = parsed(document, AdvisorFile, path.parent, environ)
    others: list[tuple[Document, IncludedFile]] = []
    problems: list[InputError] = []
    for name in included(main.include, path, document):
        try:
            below = load_file(name)
            if below.data is not None:
                others.append((below, parsed(below, IncludedFile, name.parent, environ)))
        except InputError as error:
            problems.append(error)

    files: list[tuple[Document, IncludedFile]] = [(document, main)]
    if mistakes := list(Assembly(environ, main.timezone, [*files, *others]).faults(0)):
        raise faults.Faults(mistakes)
    while True:
        # A file that is set aside may take an account away from another one, so it is looked at anew.
        assembly = Assembly(environ, main.timezone, [*files, *others])
        broken = {
            number: found for number in range(1, len(others) + 1) if (found := list(assembly.faults(number)))
        }
        if not broken:
            break
        problems += [faults.Faults(found) for found in broken.values()]
        others = [pair for number, pair in enumerate(others, 1) if number not in broken]
    return Config(
        path,
        main,
        assembly.stacks,
        assembly.accounts,
        tuple(problems),
        document,
        assembly.fleet(),
        assembly.documents,
    )
