"""The files put together: accounts, stacks and services as the fleet that the core is given."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Limit
from advisor.core.units import Unit, example, read
from advisor.errors import InputError
from advisor.faults import Path, did_you_mean, dotted, nearest
from advisor.secrets import Secret
from advisor.settings import COMMON, SUB_BLOCKS, AccountSettings, IncludedFile, ServiceSettings, StackSettings
from advisor.strict_yaml import Document

__all__ = ["Assembly", "provider_of"]

_ACCOUNT_ONLY = frozenset(AccountSettings.model_fields) - COMMON


def provider_of(service: ServiceSettings, account: AccountSettings | None) -> str:
    """Return who sells a service: its own word, else its account's."""
    return service.provider or (account.provider if account is not None else "")


def _of_collector(provider: str) -> Iterable[str]:
    """Return the keys that a provider's collector reads: `account_id` may be no misspelt `account`."""
    from advisor.polling.registry import collector  # Only where a key looks like a mistake.

    try:
        return collector(provider).Settings.model_fields
    except InputError:
        return ()


class Assembly:
    """Puts the files together; what does not fit is a fault of the file that comes later."""

    def __init__(
        self, environ: Mapping[str, str], timezone: str, files: list[tuple[Document, IncludedFile]]
    ) -> None:
        self.environ = environ
        self.timezone = timezone
        self.files = files
        self.accounts: dict[str, AccountSettings] = {}
        self.stacks: dict[str, StackSettings] = {}
        self.documents: dict[str, Document] = {}
        self._found: list[list[InputError]] = [[] for _ in files]
        self._own: dict[str, str] = {}
        for number, (document, parsed) in enumerate(files):
            self._gather(number, document, "accounts", parsed.accounts, self.accounts, "@")
            self._gather(number, document, "stacks", parsed.stacks, self.stacks, "")
        self._accounts = [self._account(number, key) for number, key in self._mine("accounts")]
        self._stacks = [self._stack(number, key) for number, key in self._mine("stacks")]

    def faults(self, number: int) -> Iterator[InputError]:
        """Yield what is wrong in the file with this number, in the order of its lines."""
        yield from sorted(self._found[number], key=lambda fault: fault.line)

    def fleet(self) -> Fleet:
        """Return everything that is watched."""
        return Fleet(tuple(self._stacks), tuple(self._accounts))

    def _mine(self, part: str) -> list[tuple[int, str]]:
        sign = "@" if part == "accounts" else ""
        return [
            (number, key)
            for number, (document, parsed) in enumerate(self.files)
            for key in getattr(parsed, part)
            if self.documents[sign + key] is document
        ]

    def _gather(
        self,
        number: int,
        document: Document,
        part: str,
        found: Mapping[str, Any],
        into: dict[str, Any],
        sign: str,
    ) -> None:
        for key, value in found.items():
            if key in into:
                first = self.documents[sign + key]
                where = f"{first.file}:{first.place((part, key))}"
                self._fault(number, (part, key), f"is already in {where}; rename one of them")
            else:
                into[key] = value
                self.documents[sign + key] = document

    def _fault(self, number: int, path: Path, message: str) -> None:
        self._found[number].append(self.files[number][0].fault(message, path, dotted(path)))

    def _account(self, number: int, key: str) -> Account:
        written = self.accounts[key]
        path: Path = ("accounts", key)
        self._typos(number, path, written.model_extra or {}, AccountSettings.model_fields, written.provider)
        names = set(Account.__dataclass_fields__) - {"key", "limits"}
        values = written.model_dump(include=names)
        return Account(key=key, limits=self._limits(number, (*path, "limits"), written.limits), **values)

    def _stack(self, number: int, key: str) -> Stack:
        written = self.stacks[key]
        path: Path = ("stacks", key)
        services = tuple(self._service(number, key, name, each) for name, each in written.services.items())
        if written.users is not None:
            self._users(number, (*path, "users", "service"), written)
        return Stack(
            key=key,
            product=written.product or key,
            environment=written.environment,
            timezone=written.timezone or self.timezone,
            facts=self._facts(number, (*path, "facts"), written.facts),
            needs=dict(written.needs),
            budget=written.budget,
            packs=written.packs,
            owner=written.owner,
            labels=dict(written.labels),
            services=tuple(service for service in services if service is not None),
        )

    def _users(self, number: int, path: Path, written: StackSettings) -> None:
        name = written.users.service if written.users is not None else ""
        service = written.services.get(name)
        if service is None:
            self._fault(
                number, path, f"no service `{name}` in this stack; {did_you_mean(name, written.services)}"
            )
        elif not {"dsn", "postgresql"} & set(service.model_extra or {}):
            self._fault(number, path, f"`{name}` has no `dsn:` to ask; give it one")

    def _service(self, number: int, stack: str, key: str, written: ServiceSettings) -> Service | None:
        path: Path = ("stacks", stack, "services", key)
        account = self.accounts.get(written.account) if written.account else None
        if written.account and account is None:
            message = f"no account `{written.account}`; {did_you_mean(written.account, self.accounts)}"
            self._fault(number, (*path, "account"), message)
            return None
        provider = provider_of(written, account)
        if not provider:
            self._fault(number, path, "needs `provider:` (who sells it) or `account:` (where it is billed)")
            return None
        if account is not None and account.provider != provider:
            message = (
                f"`{provider}`, but account `{written.account}` is at {account.provider}; keep one of the two"
            )
            self._fault(number, (*path, "provider"), message)
        self._extra(number, path, written, provider)
        limits = self._limits(number, (*path, "limits"), written.limits)
        name = written.account or f"{stack}-{key}"
        plan = written.plan or (account.plan if account is not None else "")
        if account is None:
            if taken := self._own.get(name) or (f"accounts.{name}" if name in self.accounts else ""):
                message = (
                    f"its own account would be called `{name}`, as `{taken}` is; name one with `account:`"
                )
                self._fault(number, path, message)
            self._own[name] = f"{stack}.{key}"
            self._accounts.append(Account(key=name, provider=provider, plan=plan, limits=limits))
        full = f"{provider}-{written.product}" if written.product else provider
        return Service(stack, key, written.role or key, full, name, plan, written.size, limits)

    def _extra(self, number: int, path: Path, written: ServiceSettings, provider: str) -> None:
        extra = written.model_extra or {}
        self._typos(number, path, extra, {*COMMON, *SUB_BLOCKS}, provider)
        for key in sorted(_ACCOUNT_ONLY & set(extra)):
            self._fault(
                number, (*path, key), "belongs to an account; write it under `accounts:` and name that here"
            )
        for key in SUB_BLOCKS:
            if isinstance(extra.get(key), Mapping) and key == provider:
                message = f"`{key}` is the provider already; write its keys directly under the service"
                self._fault(number, (*path, key), message)
            elif key in extra and not isinstance(extra[key], Mapping):
                self._fault(number, (*path, key), f"must be a mapping: what the {key} collector is to read")

    def _typos(
        self, number: int, path: Path, extra: Mapping[str, Any], known: Iterable[str], provider: str
    ) -> None:
        for key in extra:
            near = nearest(key, known, cutoff=0.8)
            if near and key not in {*_ACCOUNT_ONLY, *SUB_BLOCKS, *_of_collector(provider)}:
                self._fault(number, (*path, key), f"no such key here; did you mean `{near}`?")

    def _plain(self, number: int, value: Any) -> Any:
        if not isinstance(value, Secret):
            return value
        try:
            return value.resolve(self.environ)
        except InputError as error:
            self._found[number].append(error)
            return None

    def _metric(self, number: int, path: Path, name: str) -> bool:
        if name in VOCABULARY:
            return True
        self._fault(number, (*path, name), f"no metric `{name}`; {did_you_mean(name, VOCABULARY)}")
        return False

    def _facts(self, number: int, path: Path, written: Mapping[str, Any]) -> dict[str, float]:
        facts: dict[str, float] = {}
        for name, value in written.items():
            if self._metric(number, path, name):
                number_ = self._value(
                    number, (*path, name), self._plain(number, value), VOCABULARY[name].unit
                )
                if number_ is not None:
                    facts[name] = number_
        return facts

    def _limits(
        self, number: int, path: Path, written: Mapping[str, Any]
    ) -> dict[tuple[str, Limit], float | None]:
        """Return the user's limits; a plain value is the quota, a mapping names which limit it is."""
        limits: dict[tuple[str, Limit], float | None] = {}
        for name, value in written.items():
            if not self._metric(number, path, name):
                continue
            metric = VOCABULARY[name]
            kinds = value if isinstance(value, Mapping) else {Limit.QUOTA.value: value}
            for kind, figure in kinds.items():
                at = (*path, name, kind) if isinstance(value, Mapping) else (*path, name)
                known = sorted(limit.value for limit in metric.limits)
                if kind not in known:
                    has = (
                        f"it has {', '.join(known)}: `{{{known[0]}: ...}}`"
                        if known
                        else "it has no limit at all"
                    )
                    self._fault(number, at, f"`{name}` has no {kind}; {has}")
                    continue
                plain = self._plain(number, figure)
                if plain == "unlimited":
                    limits[name, Limit(kind)] = None
                elif (limit := self._value(number, at, plain, metric.unit)) is not None:
                    limits[name, Limit(kind)] = limit
        return limits

    def _value(self, number: int, path: Path, value: Any, unit: Unit) -> float | None:
        """Return what is written in the metric's base unit; None where that is a fault."""
        try:
            return _figure(value, unit)
        except ValueError as error:
            self._fault(number, path, str(error))
            return None


def _figure(value: Any, unit: Unit) -> float:
    """Return what is written in the base unit; raises ValueError with the way out where it does not fit."""
    match value:
        case str():
            text = value
        case bool():
            raise ValueError(f"must be {example(unit)}")
        case float() if not math.isfinite(value):
            raise ValueError(f"`{value}` is no number; write {example(unit)}")
        case int() | float():
            text = f"{value:.6f}".rstrip("0").rstrip(".")
        case _:
            raise ValueError(f"must be {example(unit)}")
    figure, found = read(text)
    if found is not unit and not (found is Unit.COUNT and unit is Unit.USD):
        raise ValueError(f"`{text}` does not fit; write {example(unit)}")
    if figure < 0:
        raise ValueError(f"`{text}` is below zero; write {example(unit)}")
    return figure
