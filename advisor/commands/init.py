"""`advisor init`: writes the stack that a document describes as an advisor.yaml, ready to be filled in."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from advisor.commands.rules_compare import kind
from advisor.core.concerns import tests
from advisor.core.document import Document, Part, Template
from advisor.core.rule import Rule
from advisor.core.sentence import Needs
from advisor.core.wording import counted
from advisor.errors import InputError
from advisor.faults import did_you_mean
from advisor.world import World, everything

#: Roles whose service is a database that can be asked by SQL, with the statement that counts users.
_DATABASES = {"database"}
Stacks = dict[str, tuple[Document, Template]]


def run(stack: str | None, name: str | None, output: Path, *, force: bool, timezone: str | None) -> int:
    """Write the configuration; without `stack` on a terminal, ask."""
    world = everything()
    documents = sorted(world.catalogue.documents.items())
    stacks = {key: (one, one.stack) for key, one in documents if one.stack is not None}
    if stack is None:
        stack, name, timezone = _asked(stacks, name, timezone)
    if stack not in stacks:
        raise InputError(f"no document `{stack}` with a stack; {did_you_mean(stack, stacks)}")
    if str(output) != "-" and output.exists() and not force:
        raise InputError(f"{output} is there already; write to another file with --output, or add --force")
    document, template = stacks[stack]
    text = "\n".join(_lines(world, document, template, name or "app", timezone or "UTC")) + "\n"
    if str(output) == "-":
        sys.stdout.write(text)
        return 0
    output.write_text(text, encoding="utf-8")
    print(f"Wrote {output}: {counted(len(template.services), 'service')} of {stack}.")
    print(f"Next: fill in what is in <...>, then advisor check --config {output} --offline")
    return 0


def _asked(stacks: Stacks, name: str | None, timezone: str | None) -> tuple[str, str | None, str | None]:
    if not sys.stdin.isatty():
        raise InputError(f"which stack? Write --stack with one of {', '.join(stacks)}")
    import typer  # Only where something is asked.

    for key, (_, template) in stacks.items():
        print(f"  {key:12} {template.title}")
    first = next(iter(stacks))
    stack = str(typer.prompt("Which is nearest to yours", default=first))
    name = name or str(typer.prompt("What do you call your product", default="app"))
    timezone = timezone or str(typer.prompt("In which time zone do your days begin", default="UTC"))
    return stack, name, timezone


def _lines(world: World, document: Document, template: Template, name: str, timezone: str) -> Iterator[str]:
    yield f"# The stack that {document.name} describes: {template.title}."
    yield "# Fill in what is in <...>; take a leading # away to switch something on."
    yield "# docs/configuration.md has all keys."
    yield "store: sqlite:///advisor.db"
    yield f"timezone: {timezone}  # Days and months begin here."
    yield ""
    uses = Counter(_provider(world, part) for part in template.services.values())
    shared = [provider for provider, services in uses.items() if services > 1]
    if shared:
        yield "accounts:  # One bill and one set of quotas for several services."
        yield from (f"  {provider}: {{provider: {provider}}}" for provider in shared)
        yield ""
    yield "stacks:"
    yield f"  {name}:"
    yield f"    packs: [{document.name}]"
    yield "    # budget: $60/mo"
    yield "    # facts: {users: 100, team_size: 3}  # What no service can tell; a count by SQL is better:"
    if _DATABASES & template.services.keys():
        yield "    # users: {service: database, sql: select count(*) from users}"
    questions = list(_questions(world, document))
    if questions:
        yield "    # needs:  # Answers to the pack's questions; one is asked for only where it decides."
        for need, question in questions:
            yield f"    #   {need}: no  # {question}"
    yield "    services:"
    for role, part in template.services.items():
        yield from _service(world, role, part, shared)
    yield ""
    yield "# notify:"
    yield '#   slack: {webhook: "${SLACK_WEBHOOK}"}'
    yield '#   email: {smtp: "smtps://user:${SMTP_PASSWORD}@<mail host>", from: <sender>, to: [<you>]}'
    yield "digest: {every: monday 09:00}"


def _questions(world: World, document: Document) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    rules: list[Rule] = [rule for rule in world.rulebook.rules if rule.pack == document.name]
    for rule in rules:
        if kind(rule) != "question" and not rule.question:
            continue
        for term in tests(rule.sentence.condition):
            if isinstance(term, Needs) and term.name not in seen:
                seen.add(term.name)
                yield term.name, rule.question or rule.says


def _provider(world: World, part: Part) -> str:
    """Return who sells it: `cloudflare` for `cloudflare-r2`."""
    providers = world.catalogue.providers.items()
    return next((key for key, one in providers if part.provider in one.offers), part.provider)


def _service(world: World, role: str, part: Part, shared: Sequence[str]) -> Iterator[str]:
    provider = _provider(world, part)
    product = part.provider.removeprefix(provider).removeprefix("-")
    yield f"      {role}:" + (f"  # {part.note}" if part.note else "")
    yield f"        provider: {provider}"
    if provider in shared:
        yield f"        account: {provider}"
    if product:
        yield f"        product: {product}"
    if part.plan:
        yield f"        plan: {part.plan}"
    if part.size:
        yield f"        size: {part.size}"
    if role in _DATABASES:
        yield '        # dsn: "${DATABASE_URL}"  # docs/providers/postgresql.md has the rights'
