"""Suggestions for indexes, from what a database's source has seen. Suggestions: nobody has tried them.

PostgreSQL says which large tables are read from end to end, and pg_stat_statements which statements take the
time; no statistics say which column an index should be on. Where a slow statement reads one such table, and
that alone, the columns that it compares for equality are a fair guess. Where it does not, only the table is
named, as evidence.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

SCANNED = "tables that may lack an index"
STATEMENTS = "slowest statements"

_NAME = r"(?:[a-z_][\w$]*|\"[^\"]+\")"
_ONE_TABLE = re.compile(
    rf"^(?:select\b(?:(?!\bfrom\b|\bselect\b).)*\bfrom\s+|update\s+(?:only\s+)?|delete\s+from\s+(?:only\s+)?)"
    rf"(?P<table>{_NAME}(?:\.{_NAME})?)(?P<rest>.*)$",
    re.IGNORECASE,
)
#: Beyond these a column may belong to another table, or an index may not serve the condition.
_TANGLED = re.compile(r"\bjoin\b|\bselect\b|\bunion\b|\bor\b|\bnot\b|\busing\b|…", re.IGNORECASE)
_WHERE = re.compile(
    r"\bwhere\b(?P<where>.*?)(?:\bgroup by\b|\border by\b|\blimit\b|\breturning\b|\bfor\b|$)", re.IGNORECASE
)
_EQUALS = re.compile(rf"(?:{_NAME}\.)?(?P<column>{_NAME})\s*=\s*(?:\$\d+|\?)", re.IGNORECASE)
_FEW = 3  #: Columns of one index.


def suggested(evidence: Mapping[str, Sequence[Mapping[str, str]]]) -> tuple[str, ...]:
    """Return statements such as `CREATE INDEX CONCURRENTLY ON public.events (user_id);`, each once."""
    scanned = {
        row["table"] for title, rows in evidence.items() if title.casefold() == SCANNED for row in rows
    }
    if not scanned:
        return ()
    texts = (
        row.get("statement", "")
        for title, rows in evidence.items()
        if title.casefold().startswith(STATEMENTS)
        for row in rows
    )
    return tuple(dict.fromkeys(line for text in texts for line in _of_statement(text, scanned)))


def _of_statement(text: str, scanned: set[str]) -> Iterator[str]:
    found = _ONE_TABLE.match(" ".join(text.split()))
    if found is None or _TANGLED.search(found["rest"]):
        return
    where = _WHERE.search(found["rest"])
    if where is None or "," in found["rest"][: where.start()]:  # A comma before WHERE is a second table.
        return
    table = _place(found["table"], scanned)
    columns = list(dict.fromkeys(match["column"] for match in _EQUALS.finditer(where["where"])))
    if table and columns and "id" not in {column.casefold() for column in columns}:
        yield f"CREATE INDEX CONCURRENTLY ON {table} ({', '.join(columns[:_FEW])});"


def _place(name: str, scanned: set[str]) -> str:
    """Return the scanned table that a statement means; empty where it is none of them, or may be several."""
    if name in scanned:
        return name
    found = [table for table in scanned if "." not in name and table.partition(".")[2] == name]
    return found[0] if len(found) == 1 else ""
