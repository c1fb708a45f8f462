"""Tables and colour on a terminal, plain text in a pipe, JSON when asked."""

import json
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

#: Lines of prose are not longer than this.
READABLE = 110

STYLES = {
    "critical": "bold red",
    "warning": "yellow",
    "info": "cyan",
    "firing": "bold red",
    "pending": "yellow",
    "resolved": "green",
    "fired": "bold red",
    "escalated": "bold red",
    "still firing, on stale data": "magenta",
    "stale": "magenta",
    "ok": "green",
    "fault": "bold red",
    "gap": "yellow",
    "differ": "cyan",
    "unknown": "magenta",
    "true": "bold red",
    "false": "green",
}


def as_json(document: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print a document as JSON; times are ISO 8601."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False, default=_plain)
    sys.stdout.write("\n")


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO | None = None
) -> None:
    """Print rows under a title: a table with colour on a terminal, aligned plain text in a pipe.

    A cell that is exactly one of the known words (a severity, a state) gets its colour. Columns whose
    name starts with ">" are aligned to the right; those without any cell are left out. The last
    column may hold several lines.
    """
    out = out or sys.stdout
    used = [place for place in range(len(columns)) if not rows or any(row[place] for row in rows)]
    columns, rows = [columns[place] for place in used], [[row[place] for place in used] for row in rows]
    if out.isatty():
        _rich_table(title, columns, rows)
        return
    names = [column.removeprefix(">") for column in columns]
    widths = [
        max(len(name), *(_width(row[place]) for row in rows)) if rows else len(name)
        for place, name in enumerate(names)
    ]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            cell.rjust(width) if column.startswith(">") else cell.ljust(width)
            for cell, width, column in zip(cells, widths, columns, strict=True)
        ).rstrip()

    if title:
        print(title, file=out)
    print(line([name.upper() for name in names]), file=out)
    for row in rows:
        *cells, last = row
        first, *rest = last.split("\n")
        print(line([*cells, first]), file=out)
        for more in rest:
            print(f"    {more}".rstrip(), file=out)


def _width(cell: str) -> int:
    return max(map(len, cell.split("\n")))


def _rich_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD  # Only a terminal pays for it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        show_edge=False,
        header_style="dim",
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        shown.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    for row in rows:
        shown.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    Console().print(shown)


def on_terminal() -> bool:
    """Say whether a person reads along; else a program may."""
    return sys.stdout.isatty()


def item(number: int, word: str, head: str, lines: Sequence[str]) -> None:
    """Print one numbered thing on a terminal: a word in its colour, a head, and lines under it."""
    from rich.console import Console  # Only a terminal pays for it.
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False, width=min(Console().width, READABLE))
    console.print(Text.assemble(f" {number}. ", (word, STYLES.get(word, "")), "  ", (head, "bold")))
    for place, line in enumerate(lines):
        console.print(Padding(Text(line, style="" if place == 0 else "dim"), (0, 0, 0, 4)))


def prose(text: str, out: TextIO | None = None) -> None:
    """Print sentences: broken between words on a terminal, one line in a pipe."""
    out = out or sys.stdout
    width = min(shutil.get_terminal_size().columns, READABLE)
    print(textwrap.fill(text, width, break_on_hyphens=False) if out.isatty() else text, file=out)


def heading(text: str) -> None:
    """Print a line that stands over what follows."""
    if sys.stdout.isatty():
        print(f"\n\x1b[1m{text}\x1b[0m")
    else:
        print(f"\n{text}")
