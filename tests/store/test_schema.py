"""Schema and migrations build the same database; a newer schema is refused."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from advisor.errors import InputError
from advisor.store import open_store
from advisor.store.engine import connect, locate
from advisor.store.opening import upgrade
from advisor.store.schema import metadata
from advisor.store_file import HEAD, REVISIONS


def shape(connection: Connection) -> dict[str, Any]:
    """Everything that a database says about its tables."""
    seen = inspect(connection)
    tables = {}
    for name in seen.get_table_names():
        tables[name] = {
            "columns": [
                (c["name"], str(c["type"]), c["nullable"], c["default"]) for c in seen.get_columns(name)
            ],
            "key": seen.get_pk_constraint(name),
            "indexes": sorted(map(str, seen.get_indexes(name))),
            "unique": sorted(map(str, seen.get_unique_constraints(name))),
            "foreign": sorted(map(str, seen.get_foreign_keys(name))),
        }
    if connection.dialect.name == "sqlite":
        made = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        tables["sql"] = {row.name: sorted(re.split(r"[,\s]+", row.sql)) for row in made}
    return tables


@pytest.fixture(params=["sqlite", "postgresql"])
def two_urls(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    if request.param == "sqlite":
        return [f"sqlite:///{tmp_path}/{name}.db" for name in ("created", "migrated")]
    server = request.getfixturevalue("postgres_server")
    return [server.create_database(name) for name in ("created", "migrated")]


def test_schema_and_migrations_build_the_same_database(two_urls: list[str], tmp_path: Path) -> None:
    open_store(two_urls[0], tmp_path).close()
    shapes = []
    for url, work in zip(two_urls, (None, upgrade), strict=True):
        engine = connect(locate(url, tmp_path))
        with engine.begin() as connection:
            if work:
                work(connection)
            rows = connection.execute(text("SELECT key, number FROM meta ORDER BY key")).all()
            shapes.append((shape(connection), rows))
        engine.dispose()
    assert shapes[0] == shapes[1]
    assert set(metadata.tables) <= set(shapes[0][0])


def test_a_migrated_store_is_opened(two_urls: list[str], tmp_path: Path) -> None:
    engine = connect(locate(two_urls[1], tmp_path))
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()
    store = open_store(two_urls[1], tmp_path)
    with store.reading() as tx:
        assert tx.revision() == 0
        assert len(tx.instance()) == 32
    store.close()


def test_every_revision_is_known_by_name() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "advisor.store:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert [script.revision for script in reversed(list(scripts.walk_revisions()))] == list(REVISIONS)


def test_a_newer_schema_is_refused(empty_url: str, tmp_path: Path) -> None:
    store = open_store(empty_url, tmp_path)
    with store.transaction() as tx:
        tx.connection.execute(text("UPDATE schema_revision SET version_num = '9999'"))
    store.close()
    with pytest.raises(InputError, match=f"newer advisor .schema 9999, this one knows {HEAD}."):
        open_store(empty_url, tmp_path)


def test_another_programs_tables_are_left_alone(empty_url: str, tmp_path: Path) -> None:
    engine = connect(locate(empty_url, tmp_path))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE findings (id int)"))
    engine.dispose()
    with pytest.raises(InputError, match="table `findings` that is not ours"):
        open_store(empty_url, tmp_path)


def test_an_up_to_date_store_is_opened_without_alembic(tmp_path: Path) -> None:
    work = (
        "import sys, pathlib; from advisor.store import open_store;"
        f"open_store('sqlite:///a.db', pathlib.Path({str(tmp_path)!r})).close();"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('alembic', 'mako')))"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"
