"""`advisor connect PROVIDER`: the ways in, the steps to a credential, what to write, and a test of it."""

import json as json_text
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from advisor import alternatives
from advisor.commands import credentials, output
from advisor.commands.inspection import FAULT, GAP, OK, Line
from advisor.core.wording import counted
from advisor.errors import InputError
from advisor.polling import about
from advisor.polling.contract import Collector
from advisor.polling.registry import collector, providers
from advisor.secrets import redact

if TYPE_CHECKING:
    from advisor.commands.compare import Side
    from advisor.feeds import Feed

PATIENCE = 20.0  #: Seconds that the test may take.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_READ_OTHERWISE = {"yes", "no", "on", "off", "true", "false", "null"}


@dataclass(frozen=True, slots=True)
class _Way:
    """How a provider's service is written: its module, its product, and the variable of each credential."""

    module: Collector
    product: str
    variables: Mapping[str, str]

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of a service in advisor.yaml, credentials as references."""
        own = {"provider": self.module.PROVIDER, **({"product": self.product} if self.product else {})}
        written = {
            **self.module.ABOUT.example,
            **{key: f"${{{name}}}" for key, name in self.variables.items()},
        }
        return {**own, **written}

    @property
    def block(self) -> str:
        """The service as YAML, to be put under `services:` of a stack."""
        lines = [f"{self.product or self.module.PROVIDER}:"]
        lines += [f"  {key}: {_yaml(value)}" for key, value in self.settings.items()]
        return "\n".join(lines)


@dataclass(slots=True)
class _Test:
    """What came of asking with the credential; `lines` empty: nothing was asked, and `why` says so."""

    why: str = ""
    lines: list[Line] = field(default_factory=list)
    credential: dict[str, Any] | None = None
    sides: "list[Side]" = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 where nothing failed, else the worst fault's."""
        return max((line.exit_code for line in self.lines), default=0)


def run(provider: str, token_env: str | None, given: Sequence[str], *, json: bool) -> int:
    """Print how to connect a provider, and test its credential where the environment has it.

    Returns 3 where the test failed.

    Raises:
        InputError: there is no such provider, a variable that was named is not set, or a setting is wrong.
    """
    if (other := _without_collector(provider)) is not None:
        return _print_alternative(provider, other, json=json)
    way = _way(provider, token_env)
    test = _tested(way, token_env, _settings(given, way))
    if json:
        output.as_json(_document(way, test))
    else:
        _print(way, test)
    return test.exit_code


def _without_collector(provider: str) -> alternatives.Alternative | None:
    """Return the way of a product that the catalogue has and no collector reads."""
    known = providers()
    if provider in known:
        return None
    from advisor import catalogue_files

    offers = catalogue_files.load(products=[provider]).offers
    covered = {
        product for name in known if _shares(name, provider) for product in about.products(collector(name))
    }
    return alternatives.of(provider) if provider in offers and provider not in covered else None


def _shares(name: str, provider: str) -> bool:
    return provider.startswith(f"{name}-")


def _way(provider: str, token_env: str | None) -> _Way:
    module = collector(provider)
    own = module.PROVIDER
    products = about.products(module)
    product = provider.removeprefix(f"{own}-") if provider != own else ""
    if not product and own not in products:
        product = products[0].removeprefix(f"{own}-")
    fields = module.Settings.model_fields
    wanted = module.ABOUT.example or [key for key, one in fields.items() if one.is_required()]
    secret = [key for key in wanted if key in fields and _is_secret(fields[key].annotation)]
    prefix = re.sub(r"\W", "_", own).upper()
    variables = {key: f"{prefix}_{key.upper()}" for key in secret}
    if token_env is not None:
        if not variables:
            raise InputError(f"{module.ABOUT.title} needs no credential; leave --token-env out")
        variables["token" if "token" in variables else next(iter(variables))] = token_env
    return _Way(module, product, variables)


def _is_secret(annotation: Any) -> bool:
    parts = getattr(annotation, "__args__", ())
    return annotation is SecretStr or any(_is_secret(part) for part in parts)


def _settings(given: Sequence[str], way: _Way) -> dict[str, str]:
    """Return what `--set KEY=VALUE` says.

    Raises:
        InputError: one is of another form, or a credential, which belongs into a variable.
    """
    found = {}
    fields = way.module.Settings.model_fields
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise InputError("`--set` wants KEY=VALUE, such as --set project=abcd")
        if key in fields and _is_secret(fields[key].annotation):
            raise InputError(
                f"`--set {key}=...` would show in the list of processes; name a variable: --token-env NAME"
            )
        found[key] = value
    return found


# -- the test ----------------------------------------------------------------------------------------------


def _tested(way: _Way, token_env: str | None, given: Mapping[str, str]) -> _Test:
    if token_env is not None and not os.environ.get(token_env):
        raise InputError(f"the environment variable {token_env} is not set; export it, then ask again")
    there = {key: name for key, name in way.variables.items() if os.environ.get(name)}
    if not there:
        names = ", ".join(way.variables.values())
        why = f"not tested: {names} is not set; export it, or name another by --token-env"
        return _Test(why if names else "not tested: there is no credential to test")
    fields = way.module.Settings.model_fields
    needed = [key for key in way.settings if key in fields and fields[key].is_required()]
    missing = [f"--set {key}=..." for key in needed if key not in {*there, *given}]
    if missing:
        return _Test(f"not tested: it also needs {' '.join(missing)}")
    return _ask(way, there, given)


def _ask(way: _Way, there: Mapping[str, str], given: Mapping[str, str]) -> _Test:
    import asyncio

    from advisor import logs
    from advisor.config import from_data
    from advisor.feeds import of_service

    logs.setup("warning")
    service = {
        "provider": way.module.PROVIDER,
        **({"product": way.product} if way.product else {}),
        **{key: f"${{{name}}}" for key, name in there.items()},
        **given,
    }
    stacks = {"connect": {"services": {"it": service}}}
    config = from_data({"stacks": stacks}, folder=Path.cwd(), environ=os.environ)
    (known,) = config.fleet().services
    feed = next(
        one for one in of_service(config, known, os.environ) if one.written.collector == way.module.PROVIDER
    )
    return asyncio.run(_answers(feed))


async def _answers(feed: "Feed") -> _Test:
    """Ask whose the credential is; where the collector has no call for that, poll once."""
    from advisor.commands import compare
    from advisor.polling.client import client
    from advisor.polling.poller import Poller

    test = _Test()
    now = datetime.now(UTC)
    called = feed.source.called
    async with client() as http:
        poller = Poller(http, patience=PATIENCE)
        said = await poller.verify(feed.source, now)
        if said is not None:
            test.credential = credentials.document(called, said)
            test.lines += credentials.lines(called, said, now)
            if not test.credential["verified"]:  # Whatever kept it from answering failed the test.
                test.lines = [Line("credential", called, FAULT, test.credential["error"], 3)]
            return test
        polled = await poller.poll(feed.source, now)
    if polled.error is not None:
        test.lines.append(Line("source", called, FAULT, polled.error, 1 if polled.fault else 3))
        return test
    readings = counted(len(polled.observed), "reading")
    test.lines.append(Line("source", called, OK, f"{readings} in {polled.duration:.1f} s"))
    test.lines += [Line("source", called, GAP, f"{gap.what}: {gap.why}") for gap in polled.gaps]
    test.sides = compare.sides([feed], [polled])
    return test


# -- what is printed ---------------------------------------------------------------------------------------


def _yaml(value: Any) -> str:
    plain = isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _READ_OTHERWISE
    return str(value) if plain else json_text.dumps(value, ensure_ascii=False)  # JSON is YAML.


def _document(way: _Way, test: _Test) -> dict[str, Any]:
    module = way.module
    return {
        "version": 1,
        "provider": module.PROVIDER,
        "title": module.ABOUT.title,
        "products": list(about.products(module)),
        "access": [about.access(one) for one in module.ABOUT.access],
        "steps": list(module.ABOUT.connect),
        "variables": dict(way.variables),
        "block": way.block,
        "page": f"docs/providers/{module.PROVIDER}.md",
        "alternative": "",
        "tested": bool(test.lines),
        "why_not": test.why,
        "checks": [
            {"area": one.area, "what": one.what, "state": one.state, "detail": redact(one.detail)}
            for one in test.lines
        ],
        "credential": test.credential and {**test.credential, "error": redact(test.credential["error"])},
        "figures": [figure for side in test.sides for figure in side.document["figures"]],
    }


def _print(way: _Way, test: _Test) -> None:
    module = way.module
    rows = [[one.tier.value, one.right, one.adds, one.leaked] for one in module.ABOUT.access]
    output.table(module.ABOUT.title, ["tier", "right", "adds", "leaked, it could"], rows)
    output.heading("The steps")
    for number, step in enumerate(module.ABOUT.connect, 1):
        output.prose(f" {number}. {step}")
    output.heading("Under `services:` of a stack in advisor.yaml")
    print(way.block)
    for line in _notes(way):
        print(line)
    output.heading("The test")
    if test.lines:
        rows = [[one.state, redact(one.detail)] for one in test.lines]
        output.table("", ["state", "detail"], rows)
        if test.sides:
            from advisor.commands.compare import print_sides

            print_sides(test.sides)
    else:
        output.prose(test.why[:1].upper() + test.why[1:] + ".")


def _notes(way: _Way) -> Iterator[str]:
    own, products = way.module.PROVIDER, about.products(way.module)
    others = [one.removeprefix(f"{own}-") for one in products if one != own]
    if way.product and len(others) > 1:
        yield f"\n`product:` is one of {', '.join(others)}."
    yield f"\nAll keys and what they mean: docs/providers/{own}.md"


def _print_alternative(provider: str, other: alternatives.Alternative, *, json: bool) -> int:
    if json:
        output.as_json(
            {
                "version": 1, "provider": provider, "title": provider, "products": [provider], "access": [],
                "steps": [], "variables": {}, "block": "", "page": "docs/providers/README.md",
                "alternative": f"{', '.join(other.ways) or 'none'}: {other.says}", "tested": False,
                "why_not": "there is no collector", "checks": [], "credential": None, "figures": [],
            }
        )  # fmt: skip
        return 0
    output.prose(
        f"No collector reads {provider}: its plan and prices are known, its usage is not. {other.says}"
    )
    for way in other.ways:
        print(f"  {way}: docs/providers/{way}.md")
    return 0
