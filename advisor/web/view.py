"""A snapshot in the order in which a page shows it. Pure."""

from dataclasses import dataclass, field

from advisor.core.digest import urgency
from advisor.core.message import DigestConcern, DigestCost
from advisor.core.model import Subject
from advisor.core.snapshot import MetricRow, Snapshot, SourceRow
from advisor.core.wording import counted

#: A page shows so many stacks, the fullest first, and counts the rest.
STACKS = 40

#: So many lines have the lists that only inform.
LINES = 30


@dataclass(slots=True)
class ServiceView:
    """A service with its metrics, the fullest first; an empty name is the stack itself."""

    name: str
    provider: str = ""
    account: str = ""
    rows: list[MetricRow] = field(default_factory=list)
    sources: list[SourceRow] = field(default_factory=list)


@dataclass(slots=True)
class StackView:
    """A stack with its services; accounts that stacks share stand under `@account`."""

    name: str
    services: dict[str, ServiceView] = field(default_factory=dict)
    concerns: int = 0

    def service(self, name: str) -> ServiceView:
        """Return the service, made where it is new."""
        return self.services.setdefault(name, ServiceView(name))

    @property
    def fullest(self) -> float:
        """The highest used share of the stack."""
        return max((row.used or 0.0 for one in self.services.values() for row in one.rows), default=0.0)


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows."""

    snapshot: Snapshot
    concerns: list[DigestConcern]
    pending: list[DigestConcern]
    stacks: list[StackView]
    more_stacks: int
    more_concerns: int
    unknown: list[str]
    silent: int
    answering: int
    only: str
    costs: list[DigestCost]


def view(snapshot: Snapshot, only: str = "") -> View:
    """Return the page's parts, of one stack alone where `only` names it."""
    stacks = _stacks(snapshot, only)
    concerns = [one for one in snapshot.concerns if not only or one.stack == only]
    firing = [one for one in concerns if one.state.startswith("firing")]
    firing.sort(key=lambda one: urgency(one, snapshot.at))
    for one in firing:
        if one.stack in stacks:
            stacks[one.stack].concerns += 1
    ordered = sorted(stacks.values(), key=lambda stack: (-stack.concerns, -stack.fullest, stack.name))
    return View(
        snapshot=snapshot,
        concerns=firing[:LINES],
        pending=[one for one in concerns if one.state == "pending"][:LINES],
        stacks=ordered[:STACKS],
        more_stacks=max(0, len(ordered) - STACKS),
        more_concerns=max(0, len(firing) - LINES),
        unknown=_unknown(snapshot, only),
        silent=sum(source.up is False for source in snapshot.sources),
        answering=sum(source.up is True for source in snapshot.sources),
        only=only,
        costs=sorted((c for c in snapshot.costs if only in {"", c.stack}), key=lambda c: -c.expected)[:LINES],
    )


def _stacks(snapshot: Snapshot, only: str) -> dict[str, StackView]:
    stacks: dict[str, StackView] = {}
    for row in snapshot.metrics:
        name = row.stack or f"@{row.account}"
        if only and name != only:
            continue
        service = stacks.setdefault(name, StackView(name)).service(row.service)
        service.provider, service.account = row.provider, row.account
        service.rows.append(row)
    for source in snapshot.sources:
        subject = Subject.parse(source.subject)
        name = subject.stack or f"@{subject.account}"
        if only and name != only:
            continue
        service = stacks.setdefault(name, StackView(name)).service(subject.service)
        service.provider = service.provider or source.provider
        service.sources.append(source)
    for stack in stacks.values():
        for service in stack.services.values():
            service.rows.sort(key=lambda row: (-(row.used or -1.0), row.metric, row.stat))
    return stacks


def _unknown(snapshot: Snapshot, only: str) -> list[str]:
    causes: dict[tuple[str, str], int] = {}
    for _, subject, why in snapshot.unknown:
        if not only or Subject.parse(subject).stack == only:
            causes[subject, why] = causes.get((subject, why), 0) + 1
    most = sorted(causes.items(), key=lambda cause: -cause[1])
    lines = [f"{subject}: {why} ({counted(rules, 'rule')})" for (subject, why), rules in most[:LINES]]
    if len(most) > LINES:
        lines.append(f"and {counted(len(most) - LINES, 'more cause')}")
    return lines
