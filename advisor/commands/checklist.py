"""`advisor checklist`: what a stack's documents want done, and what of it is done."""

from datetime import UTC, datetime
from pathlib import Path

from advisor.commands import output
from advisor.commands.attention import me
from advisor.commands.common import configured
from advisor.commands.stored import with_store
from advisor.core.checklists import Done, Line, lines
from advisor.core.fleet import Stack
from advisor.core.wording import day
from advisor.errors import InputError
from advisor.store import Store
from advisor.world import World


def listing(config: Path, stack: str | None, *, json: bool) -> int:
    """Print the checklists of the stacks' documents."""
    world = configured(config)
    now = datetime.now(UTC)

    def read(store: Store) -> list[Done]:
        with store.reading() as tx:
            return tx.items_done()

    done = with_store(config, read)
    found = [(one, line) for one in _stacks(world, stack) for line in _lines(world, one, done, now)]
    if json:
        output.as_json({"version": 1, "items": [_described(line) for _, line in found]})
        return 0
    if not found:
        print("The packs of these stacks have no checklists.")
        return 0
    output.table(
        "",
        ["stack", "list", "item", "done", "what"],
        [
            [
                line.stack,
                f"{line.checklist.title}{_when(line)}",
                line.id,
                f"{day(line.done.at, one.timezone)} by {line.done.by}" if line.done else _open(line, one),
                line.item.text,
            ]
            for one, line in found
        ],
    )
    count = sum(line.done is not None for _, line in found)
    print(f"\n{count:,} of {len(found):,} done.")
    return 0


def mark(config: Path, item: str, stack: str | None, *, by: str | None) -> int:
    """Keep that an item is done."""
    world = configured(config)
    now = datetime.now(UTC)
    one = _stack_of(world, item, stack)

    def write(store: Store) -> Done | None:
        with store.transaction() as tx:
            line = next(line for line in _lines(world, one, tx.items_done(), now) if line.id == item)
            if line.done is None:
                tx.mark_done(Done(one.key, item, by or me(), now))
            return line.done

    before = with_store(config, write)
    if before is not None:
        print(f"{item} is done already: {day(before.at, one.timezone)} by {before.by}.")
    else:
        print(f"{item} is done for {one.key}.")
    return 0


def undo(config: Path, item: str, stack: str | None) -> int:
    """Take back the last time that an item was done."""
    world = configured(config)
    one = _stack_of(world, item, stack)

    def write(store: Store) -> bool:
        with store.transaction() as tx:
            return tx.undo_item(one.key, item, datetime.now(UTC))

    if not with_store(config, write):
        raise InputError(f"`{item}` is not done for {one.key}, so there is nothing to take back")
    print(f"{item} is open again for {one.key}.")
    return 0


def _stacks(world: World, key: str | None) -> list[Stack]:
    if key is None:
        return list(world.fleet.stacks)
    if key not in world.fleet.stack:
        there = ", ".join(world.fleet.stack) or "none"
        raise InputError(f"--stack: no stack `{key}`; there are: {there}")
    return [world.fleet.stack[key]]


def _lines(world: World, stack: Stack, done: list[Done], now: datetime) -> list[Line]:
    packs = {pack.name: pack.document for pack in world.rulebook.packs}
    documents = [found for name in stack.packs if (found := packs.get(name)) is not None]
    return lines(stack.key, documents, done, now, stack.timezone)


def _stack_of(world: World, item: str, key: str | None) -> Stack:
    """Return the stack whose documents have the item."""
    epoch = datetime.fromtimestamp(0, UTC)
    named = {one.key: [line.id for line in _lines(world, one, [], epoch)] for one in _stacks(world, key)}
    having = [one for one, ids in named.items() if item in ids]
    if not having:
        import difflib  # For slips only.

        known = [name for ids in named.values() for name in ids]
        near = difflib.get_close_matches(item, known, 1, 0.6)
        guess = f"; did you mean `{near[0]}`?" if near else "; `advisor checklist` shows all"
        raise InputError(f"no item `{item}`{guess}")
    if len(having) > 1:
        raise InputError(f"`{item}` is on the lists of {', '.join(having)}; name one with --stack")
    return world.fleet.stack[having[0]]


def _when(line: Line) -> str:
    if line.checklist.every:
        return f" (every {line.checklist.every})"
    return f" ({line.checklist.users:,} users)" if line.checklist.users else ""


def _open(line: Line, stack: Stack) -> str:
    return f"due, last on {day(line.last.at, stack.timezone)}" if line.last else ""


def _described(line: Line) -> dict[str, object]:
    checklist, last = line.checklist, line.last
    return {
        "id": line.id,
        "stack": line.stack,
        "document": line.document,
        "line": line.item.line,
        "checklist": checklist.title,
        "kind": checklist.kind,
        "users": checklist.users,
        "every": checklist.every,
        "text": line.item.text,
        "playbook": line.item.playbook,
        "done": line.done is not None,
        "done_at": last.at if last else None,
        "done_by": last.by if last else "",
    }
