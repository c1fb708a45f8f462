"""What `advisor check` looks at before anything is asked: files, rules, catalogue, store, settings, channels.

Nothing here needs NumPy or the database library, so that a check of 1,000 rules is over in half a second.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from os import W_OK, access
from pathlib import Path
from zoneinfo import ZoneInfo

from advisor import store_file
from advisor.channels import channel, names
from advisor.config import Config
from advisor.core.fleet import Service
from advisor.core.units import Unit, show
from advisor.core.wording import counted
from advisor.errors import AdvisorError, InputError, each
from advisor.faults import did_you_mean
from advisor.feeds import RARELY, Feed, may_sleep, of_service
from advisor.polling.registry import providers
from advisor.polling.when import DigestTime, next_moment
from advisor.sources import reveal_settings
from advisor.world import EVERYWHERE, World

__all__ = ["DIFFER", "FAULT", "GAP", "OK", "Inspection", "Line", "faults"]

OK, GAP, FAULT = "ok", "gap", "fault"
#: Two documents, or advisor.yaml and a provider, say different things: nothing breaks, but know it.
DIFFER = "differ"


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one thing. `exit_code` is what a fault makes the command end with."""

    area: str
    what: str
    state: str
    detail: str = ""
    exit_code: int = 0


def faults(area: str, error: AdvisorError, what: str = "") -> Iterator[Line]:
    """Yield a line for every fault that an error stands for; without `what` it is called by its place."""
    if not isinstance(error, InputError):
        yield Line(area, what, FAULT, str(error), error.exit_code)
        return
    for fault in each(error):
        place = f"{fault.file}:{fault.line}" if fault.file and fault.line else fault.file
        key = f"`{fault.key}`: " if fault.key else ""
        before = f"{place}: " if what and place else ""
        yield Line(area, what or place, FAULT, f"{before}{key}{fault.message}", fault.exit_code)


@dataclass(frozen=True, slots=True)
class Inspection:
    """Looks at what a configuration stands for. `needed`: a credential that is missing is a fault."""

    config: Config
    environ: Mapping[str, str]
    needed: bool
    now: datetime

    def files(self) -> Iterator[Line]:
        """Look at advisor.yaml and the files that it includes."""
        fleet = self.config.fleet()
        counts = (
            (len(fleet.stacks), "stack"),
            (len(fleet.services), "service"),
            (len(fleet.accounts), "account"),
        )
        said = ", ".join(counted(count, word) for count, word in counts)
        yield Line("configuration", str(self.config.path), OK, said)
        if not fleet.services:
            yield Line("configuration", "stacks", GAP, "nothing is watched yet; add a service to a stack")
        for problem in self.config.problems:
            for line in faults("included", problem):
                yield replace(line, detail=f"{line.detail} (the whole file is set aside)")

    def rules(self, world: World) -> Iterator[Line]:
        """Look at packs and rule files."""
        book = world.rulebook
        for pack in book.packs:
            name = f"pack {pack.name} {pack.version}".strip()
            yield Line("rules", name, OK, counted(len(pack.rules), "rule"))
        own = Counter(rule.source.file for rule in book.rules if not rule.pack)
        for path in self.config.rule_files:
            inside = path.is_relative_to(self.config.folder)
            name = str(path.relative_to(self.config.folder) if inside else path)
            yield Line("rules", name, OK, counted(own[name], "rule"))
        if book.disabled:
            yield Line("rules", "disable", OK, f"{counted(len(book.disabled), 'rule')} taken out")
        if changed := len(self.config.rules.override):
            yield Line("rules", "override", OK, f"{counted(changed, 'rule')} changed")
        for problem in book.problems:
            yield Line("rules", "note", GAP, problem)

    def catalogue(self, world: World) -> Iterator[Line]:
        """Look at the entries of the providers in use. That an entry is old is no fault."""
        from advisor.core.catalogue_lint import outdated  # The world has loaded it.

        used = sorted({s.provider for s in self.config.fleet().services} & set(world.catalogue.offers))
        if not used:
            return
        old = [line for line in outdated(world.catalogue, self.now.date()) if line.partition(" ")[0] in used]
        said = "was" if len(old) == 1 else "were"
        entries = counted(len(old), "entry", "entries")
        detail = (
            f"{entries} {said} read long ago; `advisor catalogue check` names them" if old else "up to date"
        )
        yield Line("catalogue", ", ".join(used), OK, detail)

    def conflicts(self, world: World) -> Iterator[Line]:
        """Tell where the documents of a stack's packs differ, and which figure is in force."""
        if not any(len(stack.packs) > len(EVERYWHERE) + 1 for stack in world.fleet.stacks):
            return  # One document beside what everyone has.
        from advisor.core.conflicts import conflicts
        from advisor.core.limits import Limits

        limits = Limits(world.fleet, world.catalogue)
        for one in conflicts(world.fleet, world.catalogue, limits, world.rulebook.rules, self.now):
            yield Line("documents", f"{one.stack}: {one.subject}", DIFFER, str(one))

    def store(self) -> Iterator[Line]:
        """Look at the store; a server is asked only where credentials are needed."""
        what = "store"
        try:
            try:
                url = self.config.store_url(self.environ)
            except InputError as error:
                yield from self._missing("store", what, error)
                return
            scheme, slashes, name = url.partition(":///")
            if slashes and scheme.partition("+")[0] == "sqlite" and name not in {"", ":memory:"}:
                file = Path(name.partition("?")[0])
                what = str(file)
                yield Line("store", what, OK, self._file(file))
                return
            from advisor.store.opening import look  # Only a server needs the library.

            what, revision = look(url, self.config.folder, ask=self.needed)
            if what == "in memory":
                yield Line("store", what, GAP, "all is forgotten when the advisor ends; name a file")
                return
            yield Line("store", what, OK, self._schema(what, revision) if self.needed else "not asked")
        except AdvisorError as error:
            yield from faults("store", error, what)

    def _file(self, file: Path) -> str:
        store_file.refuse(file)
        if file.exists():
            return self._schema(str(file), store_file.look(file))
        if not access(file.parent, W_OK):
            raise InputError(f"the folder {file.parent} may not be written: give this user the right to it")
        return "the first run makes it"

    def _schema(self, name: str, revision: str | None) -> str:
        if revision is None:
            return "empty; the first run fills it"
        if revision not in store_file.REVISIONS:
            raise store_file.newer(name, revision)
        if revision != store_file.HEAD:
            return f"schema {revision}; the next run brings it to {store_file.HEAD}"
        return f"schema {revision}"

    def sources(self, world: World, found: list[Feed], ready: list[Feed]) -> Iterator[Line]:
        """Look at every service's plan, sources, settings and credentials.

        Its sources are added to `found`, and to `ready` where they may be asked.
        """
        known = providers()
        for service in self.config.fleet().services:
            key = service.subject.key
            yield from _plan(service, world)
            try:
                feeds = of_service(self.config, service, self.environ)
            except InputError as error:
                yield from faults("source", error, key)
                continue
            yield from self._unwatched(service, feeds, known)
            found += feeds
            for feed in feeds:
                if may_sleep(feed.written, service):
                    yield _sleeper(feed)
                try:
                    reveal_settings(feed.written, feed.source.collector.Settings, self.environ)
                except InputError as error:
                    yield from self._missing("source", feed.source.key, error)
                    continue
                ready.append(feed)
                if not self.needed:
                    yield Line("source", feed.source.key, OK, "set up; not asked")

    def _unwatched(self, service: Service, feeds: Sequence[Feed], known: Collection[str]) -> Iterator[Line]:
        way = "give it `dsn:`, `prometheus:`, `http:` or `manual:`"
        unread = ", ".join(f"`{key}`" for key in self.config.unread(service, known))
        nobody = f"; nobody reads {unread}" if unread else ""
        if not feeds:
            has = {service.provider, service.provider.partition("-")[0]} & set(known)
            cause = "no credential" if has else f"no collector for {service.provider} yet"
            way = f"`advisor connect {min(has)}` says how to get one, or {way}" if has else way
            detail = f"{cause}: plan and prices are known, usage is not{nobody}; {way}"
            yield Line("service", service.subject.key, GAP, detail)
        elif unread:
            yield Line(
                "service", service.subject.key, GAP, f"no collector for {service.provider} yet{nobody}"
            )

    def channels(self) -> Iterator[Line]:
        """Look at the channels, the heartbeat and Sentry; nothing is sent."""
        for name in names(self.config):
            try:
                channel(self.config, name, self.environ)
            except InputError as error:
                yield from self._missing("channel", name, error)
            else:
                yield Line("channel", name, OK, "set up; nothing was sent")
        if not names(self.config):
            yield Line("channel", "-", GAP, "nobody is told; add slack, email or stdout under `notify:`")
        others = {
            "heartbeat": self.config.heartbeat,
            "sentry": self.config.sentry.dsn if self.config.sentry else None,
        }
        for name, secret in others.items():
            if secret is not None:
                try:
                    secret.reveal(self.environ)
                except InputError as error:
                    yield from self._missing("channel", name, error)
                else:
                    yield Line("channel", name, OK, "set up; nothing was sent")

    def _missing(self, area: str, what: str, error: InputError) -> Iterator[Line]:
        """Yield what a credential that cannot be looked up means: no fault yet where nobody is asked."""
        for line in faults(area, error, what):
            yield (
                line if self.needed else Line(area, what, GAP, f"{line.detail} (needed to poll and to tell)")
            )

    def times(self) -> Iterator[Line]:
        """Look at when the report goes out and where the page is."""
        zone, when = self.config.digest_timezone, self.config.digest.every
        days = tuple(range(7)) if when.weekday is None else (when.weekday,)
        due = next_moment(DigestTime(days, when.hour, when.minute), zone, self.now)
        yield Line("digest", f"{when} {zone}", OK, f"next on {due.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}")
        listen = self.config.web.listen
        if not listen:
            yield Line("web", "-", OK, "no page and no /metrics")
            return
        host = listen.rpartition(":")[0].strip("[]")
        inside = host in {"localhost", "::1"} or host.startswith("127.")
        detail = "" if inside else "there is no login: keep this address inside"
        yield Line("web", f"http://{listen}/", OK if inside else GAP, detail)


def _sleeper(feed: Feed) -> Line:
    """Say how often a database that sleeps is asked, and what that does to it."""
    every = show(feed.source.interval, Unit.SECONDS)
    if feed.source.interval < RARELY:
        detail = f"is asked every {every}, which may keep it awake, at a price; leave `interval:` out"
        return Line("source", feed.source.key, GAP, detail)
    detail = f"is asked every {every}, so that it may sleep; `postgresql: {{wakes: true}}` asks each minute"
    return Line("source", feed.source.key, OK, detail)


def _plan(service: Service, world: World) -> Iterator[Line]:
    offer = world.catalogue.offers.get(service.provider)
    if offer is None:
        return
    if offer.plans and service.plan and offer.plan(service.plan) is None:
        said = f"plan `{service.plan}` is not in the catalogue, so its limits are unknown"
        known = did_you_mean(service.plan, [plan.id for plan in offer.plans])
        yield Line("service", service.subject.key, GAP, f"{said}; {known}")
    if offer.sizes and service.size and offer.size(service.size) is None:
        said = f"size `{service.size}` is not in the catalogue, so its price and limits are unknown"
        known = did_you_mean(service.size, [size.id for size in offer.sizes])
        yield Line("service", service.subject.key, GAP, f"{said}; {known}")
