"""Which sources feed which services: the configuration's sources with the collectors that ask them."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from advisor.config import Config
from advisor.core.fleet import Account, Fleet, Service
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Metric, Subject
from advisor.core.plans import DIFFERS
from advisor.errors import InputError, all_of
from advisor.polling.contract import Collector
from advisor.polling.poller import Source
from advisor.polling.registry import collector, providers
from advisor.sources import Revealed, validate_settings
from advisor.sources import Source as Written

if TYPE_CHECKING:
    from advisor.core.compile import Gives

__all__ = ["RARELY", "Feed", "feeds", "gives", "may_sleep", "of_service", "of_stack"]


#: Whose databases sleep when idle, and so cost by the time that they are awake.
_SLEEPS = frozenset({"neon"})
#: Seconds between two polls of a database that may sleep.
RARELY = 6 * 3600.0


class Feed:
    """A source as written, and as it is polled."""

    def __init__(self, written: Written, source: Source) -> None:
        self.written = written
        self.source = source


def feeds(config: Config, environ: Mapping[str, str] | None = None) -> list[Feed]:
    """Return the sources of all services. Credentials are looked up at each poll, not now.

    Raises:
        InputError: a source's settings do not fit its collector; file, line and key.
    """
    environment = os.environ if environ is None else environ
    found, faults = [], []
    for service in config.fleet().services:
        try:
            found += of_service(config, service, environment)
        except InputError as fault:
            faults.append(fault)
    if faults:
        raise all_of(faults)
    return found


def of_service(config: Config, service: Service, environ: Mapping[str, str]) -> list[Feed]:
    """Return the sources of one service.

    Raises:
        InputError: as `feeds`, of its first source that is at fault.
    """
    found = []
    account = config.fleet().account.get(service.account) or Account(service.account, service.provider)
    for written in config.sources(service, providers()):
        module = collector(written.collector)
        validate_settings(written, module.Settings)
        settings = _settings(written, module, environ)
        interval = written.interval or (RARELY if may_sleep(written, service) else module.INTERVAL)
        found.append(
            Feed(written, Source(service, account, module, settings, interval, name=written.collector))
        )
    return found


def may_sleep(written: Written, service: Service) -> bool:
    """Say whether a source connects to a database that sleeps when idle, and is not told to wake it."""
    sleeps = written.collector == "postgresql" and service.provider.partition("-")[0] in _SLEEPS
    return sleeps and str(written.settings.get("wakes", "")).casefold() != "true"


def _settings(written: Written, module: Collector, environ: Mapping[str, str]) -> Callable[[], object]:
    return Revealed(written, module.Settings, environ)


def of_stack(metric: Metric) -> bool:
    """Say whether a metric is the stack's, whichever service's source reports it."""
    return "stack" in metric.roles and "service" not in metric.roles


def gives(found: Sequence[Feed], fleet: Fleet) -> "Gives":
    """Return what answers whether some source of a subject, or of its stack, can give a metric.

    A subject without any source is left open: its readings may be stated or sent in.
    """
    own: dict[str, set[str]] = {}
    for feed in found:
        names = _metrics(feed)
        subject = feed.source.about
        own.setdefault(subject, set()).update(names)
        stack = Subject.parse(subject).stack
        shared = {name for name in names if of_stack(VOCABULARY[name])}
        own.setdefault(stack, set()).update(shared)

    def answer(subject: str, metric: str, stat: str) -> bool:
        del stat  # Collectors declare metrics; which quantiles they give is seen when they answer.
        known = own.get(subject)
        stack = Subject.parse(subject).stack
        if known is None or subject not in fleet.service:
            return True
        stated = fleet.stack[stack].facts if stack in fleet.stack else {}
        # What a service costs is estimated where nothing reports it.
        return metric in known or metric in stated or metric == "cost" or of_stack(VOCABULARY[metric])

    return answer


def _metrics(feed: Feed) -> set[str]:
    """Return what a source can give: what its settings name, else what its collector declares."""
    by_hand = feed.written.collector == "manual"  # Its keys are the metrics.
    named = feed.written.settings if by_hand else feed.written.settings.get("metrics")
    if isinstance(named, Mapping):
        return {str(name) for name in named if name in VOCABULARY}
    declared = {metric.name for metric in feed.source.collector.METRICS}
    if (
        feed.source.collector.ABOUT.dashboard
    ):  # A provider; whether it tells the plan is seen when it answers.
        declared |= {DIFFERS}
    return declared if "users_sql" in feed.written.settings else declared - {"users"}
