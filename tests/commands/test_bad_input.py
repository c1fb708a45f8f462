"""Everything that can be wrong with what a user writes or reaches, through the command line.

Each gets one clear sentence with place and way out, the documented exit code, no traceback and no secret
(the last two are looked after by the fixture `run`), and nothing is lost.
"""

import functools
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from advisor.store import open_store
from tests.commands.conftest import SECRET, Run
from tests.postgres_server import PostgresServer
from tests.running import ROOT, Mail, Slack, Usage

Write = Callable[..., Path]
AT = "2026-11-01T00:00:00Z"
BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdef", "bcdefg", strict=True)
)


def advisor(*words: str, cwd: Path, before: str = "", after: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, in a shell line."""
    line = f"{before} exec {sys.executable} -m advisor {' '.join(words)} {after}"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


# -- the configuration -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["check", "evaluate", "run"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "stacks: {shop: [\n",
            "advisor.yaml:1: not YAML: a `{` or `[` that is opened and never closed; close it",
        ),
        (
            "timezone: UTC\ntimezone: UTC\n",
            "advisor.yaml:2: `timezone`: written twice, in lines 1 and 2; keep one",
        ),
        (
            "stacks: {}\nnotfy: {stdout: true}\n",
            "advisor.yaml:2: `notfy`: no such key here; did you mean `notify`?",
        ),
        (BOMB, "advisor.yaml:5: aliases that add up to more than 100,000 nodes; write it out"),
        ("", "advisor.yaml: is empty; write `stacks:` into it"),
        ("\0\0", "advisor.yaml:1: a control character; remove it"),
    ],
    ids=["syntax", "duplicate-key", "unknown-key", "alias-bomb", "empty", "binary"],
)
def test_a_configuration_at_fault_is_named_by_file_line_and_way_out(
    run: Run, write: Write, command: str, text: str, said: str
) -> None:
    write(text)
    ended = run(*command.split(), "--config", "advisor.yaml")
    assert ended.code == 1
    where, _, what = said.partition(": ")
    assert what.strip() in ended.said
    assert where in ended.said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.yaml", "missing.yaml: no such file or directory; name a file that exists"),
        ("folder.yaml", "folder.yaml: is a directory; name a file"),
        ("latin.yaml", "latin.yaml:2: text that is not UTF-8; save the file as UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(run: Run, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"# fine\n# \xe9t\xe9\n")
    ended = run("once", "--config", name)
    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err


SENTENCES = """\
- id: a.metric
  when: storge > 400MB
- id: a.units
  when: storage > 5s
- id: a.quota
  when: emails > 80% of pool
- id: a.parenthesis
  when: (storage > 400MB and cpu > 70%
"""


@pytest.mark.parametrize("command", ["check --offline", "evaluate", "rules list", "once"])
def test_every_bad_sentence_of_a_file_is_shown_at_once_with_a_caret(
    run: Run, write: Write, command: str
) -> None:
    write("stacks: {shop: {services: {db: {provider: supabase}}}}\nrules: {files: [ours.yaml]}\n")
    write(SENTENCES, "ours.yaml")
    ended = run(*command.split(), "--config", "advisor.yaml")
    assert ended.code == 1
    for place, cause, sentence, caret in (
        ("ours.yaml:2", "no metric `storge`; did you mean `storage`?", "storge > 400MB", "^^^^^^"),
        (
            "ours.yaml:4",
            "5s does not fit: `storage` needs bytes, such as 400MB",
            "storage > 5s",
            "          ^^",
        ),
        ("ours.yaml:6", "`emails` has no pool; it has quota", "emails > 80% of pool", " " * 16 + "^^^^"),
        ("ours.yaml:8", "`(` is never closed: add `)`", "(storage > 400MB and cpu > 70%", "^"),
    ):
        assert place in ended.said
        assert cause in ended.said
        lines = ended.said.splitlines()
        at = next(number for number, line in enumerate(lines) if line.strip() == sentence)
        indent = len(lines[at]) - len(lines[at].lstrip())
        assert lines[at + 1] == " " * indent + caret


# -- credentials -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["check", "once", "tick"])
def test_a_missing_variable_is_a_fault_of_the_input(run: Run, write: Write, command: str) -> None:
    write('stacks: {shop: {services: {database: {provider: supabase, dsn: "${NOPE_NOPE}"}}}}\n')
    ended = run(command)
    assert ended.code == 1
    assert "the environment variable NOPE_NOPE is not set; set it" in ended.said.replace("\n", " ")
    assert "advisor.yaml:1" in ended.said


@pytest.mark.parametrize("command", ["evaluate", "rules list -c advisor.yaml", "digest", "check --offline"])
def test_commands_that_do_not_poll_need_no_credential(run: Run, write: Write, command: str) -> None:
    write('stacks: {shop: {services: {database: {provider: supabase, dsn: "${NOPE_NOPE}"}}}}\n')
    assert run(*command.split()).code == 0


def test_a_channel_whose_credential_is_missing_does_not_keep_the_others_silent(
    run: Run, write: Write, usage: Usage
) -> None:
    usage.values = {"n": 5}
    write(
        f"""
stacks:
  shop: {{services: {{api: {{provider: http, url: "{usage.url}", metrics: {{storage: {{path: n}}}}}}}}}}
rules: {{files: [ours.yaml]}}
notify: {{stdout: true, slack: {{webhook: "${{NOPE_NOPE}}"}}}}
"""
    )
    write(
        "- {id: a.b, service: api, when: storage > 1, severity: critical}\n".replace("> 1", "> 1B"),
        "ours.yaml",
    )
    ended = run("tick")
    assert ended.code == 1
    assert "not delivered: advisor.yaml:5: `notify.slack.webhook`" in ended.err
    assert "storage 5 B" in ended.out


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("env:NOPE_NOPE", "the environment variable NOPE_NOPE is not set"),
        ("file:/nope", "/nope: no such file or directory"),
        ("nonsense", "write postgresql://user:password@host:5432/database"),
    ],
)
def test_a_dsn_that_leads_nowhere_is_a_fault_of_the_input(run: Run, dsn: str, said: str) -> None:
    ended = run("once", "--postgres", dsn, "--json")
    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err


# -- databases ---------------------------------------------------------------------------------------------


def test_an_unreachable_database_is_out_of_reach_and_nothing_is_called_well(run: Run) -> None:
    ended = run("once", "--postgres", f"postgresql://me:{SECRET}@127.0.0.1:1/shop")
    assert ended.code == 3
    assert "127.0.0.1:1: connection refused; is PostgreSQL running there" in ended.err
    assert "Nothing has to be done" not in ended.out


def test_fail_on_is_not_met_by_what_is_unknown(run: Run) -> None:
    dsn = f"postgresql://me:{SECRET}@127.0.0.1:1/shop"
    assert run("once", "--postgres", dsn, "--fail-on", "warning").code == 3


def test_a_wrong_password_and_missing_tls_are_told_without_the_password(
    run: Run, write: Write, postgres_server: PostgresServer
) -> None:
    place = f"{postgres_server.host}:{postgres_server.port}"
    wrong = f"postgresql://{postgres_server.user}:{SECRET}@{place}/postgres"
    write(f'stacks: {{shop: {{services: {{database: {{provider: supabase, dsn: "{wrong}"}}}}}}}}\n')
    for command in ("once", "check"):
        ended = run(command)
        assert ended.code == 3
        assert f"{place}: user or password were refused" in " ".join(ended.said.split())
    ended = run("once", "--postgres", f"{postgres_server.dsn()}?sslmode=require")
    assert ended.code == 3
    assert "TLS failed" in " ".join(ended.err.split())
    assert postgres_server.password not in ended.said


@pytest.mark.parametrize(
    ("store", "code", "said"),
    [
        (
            f"postgresql://me:{SECRET}@127.0.0.1:1/shop",
            3,
            "the store 127.0.0.1:1/shop: the server does not answer",
        ),
        (f"mysql://me:{SECRET}@db/shop", 1, "a store is SQLite or PostgreSQL: write sqlite:///advisor.db"),
        ("sqlite:///nowhere/advisor.db", 1, "/nowhere does not exist: create it, or name another"),
        ("sqlite:///folder", 1, "is a folder: name a file in it"),
        (
            "sqlite:///garbage.db",
            1,
            "the file is no SQLite database: name another file, or move this one away",
        ),
        ("nonsense", 1, "this is no address of a database: write sqlite:///advisor.db"),
    ],
)
def test_a_store_that_cannot_be_right_is_told_by_every_command_that_opens_it(
    run: Run, write: Write, store: str, code: int, said: str
) -> None:
    write("nothing of SQLite's\n" * 100, "garbage.db").parent.joinpath("folder").mkdir()
    write(f"store: {store}\nstacks: {{shop: {{services: {{database: {{provider: supabase}}}}}}}}\n")
    for command in ("check", "once", "ack x"):
        ended = run(*command.split())
        assert ended.code == code, command
        assert said in ended.said, command


def test_a_locked_store_is_out_of_reach(
    run: Run, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("stacks: {shop: {services: {database: {provider: supabase}}}}\n")
    assert run("once").code == 0
    monkeypatch.setattr(
        "advisor.commands.stored.open_store", functools.partial(open_store, busy_seconds=0.05)
    )
    monkeypatch.setattr("advisor.store_file.look.__defaults__", (0.05,))
    with closing(sqlite3.connect(tmp_path / "advisor.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for command in ("ack x", "check"):
            ended = run(*command.split())
            assert ended.code == 3
            assert "another process keeps it locked: wait until that has ended, or stop it" in ended.said
    assert run("check").code == 0


def test_a_store_of_a_newer_advisor_is_refused(run: Run, write: Write, tmp_path: Path) -> None:
    write("stacks: {shop: {services: {database: {provider: supabase}}}}\n")
    assert run("once").code == 0
    with closing(sqlite3.connect(tmp_path / "advisor.db")) as connection, connection:
        connection.execute("UPDATE schema_revision SET version_num = '9999'")
    for command in ("check", "once"):
        ended = run(command)
        assert ended.code == 1
        assert "was written by a newer advisor (schema 9999" in ended.said


def test_a_full_disk_is_out_of_reach_and_the_next_round_goes_on(write: Write, tmp_path: Path) -> None:
    """The limit on a file's size stands for the disk: the kernel refuses to write on."""
    write("stacks: {shop: {services: {database: {provider: supabase}}}}\n")
    full = advisor("once", cwd=tmp_path, before="ulimit -f 24;")
    assert full.returncode == 3
    assert "Traceback" not in full.stderr
    assert "advisor.db: " in full.stderr
    assert "disk" in full.stderr
    assert advisor("once", cwd=tmp_path).returncode == 0


def test_output_that_cannot_be_written_is_told_and_a_closed_pipe_is_no_fault(tmp_path: Path) -> None:
    full = advisor("metrics list", cwd=tmp_path, after="> /dev/full")
    assert (full.returncode, full.stderr.count("\n")) == (3, 1)
    assert "the output cannot be written (No space left on device): free some space" in full.stderr
    closed = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m advisor metrics list | head -1; echo ${{PIPESTATUS[0]}}"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert closed.stdout.splitlines()[-1] == "0"
    assert closed.stderr == ""
    assert advisor("metrics list", cwd=tmp_path, after=">&-").returncode == 0


# -- what sources answer -----------------------------------------------------------------------------------


def _http(url: str, more: str = "") -> str:
    return f"""
stacks:
  shop:
    services:
      api:
        provider: http
        url: "{url}"
        metrics: {{storage: {{path: data.size{more}}}, users: {{path: data.users}}}}
"""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"date": {"size": 5}}, "data.size"),
        ({"data": {"size": "many"}}, "data.size"),
        ({"data": {"size": float("nan")}}, "not JSON"),
        ({"data": {"size": float("inf")}}, "not JSON"),
        ({"data": {"size": -5, "users": 3}}, "negative"),
        ({"data": [1]}, "data.size"),
    ],
    ids=["another-key", "text", "nan", "infinity", "negative-bytes", "a-list"],
)
def test_an_answer_that_cannot_be_true_is_named_and_never_becomes_a_zero(
    run: Run, write: Write, usage: Usage, values: dict[str, object], said: str
) -> None:
    usage.values = values
    write(_http(usage.url))
    checked = run("check")
    assert checked.code in {0, 3}  # What of it could be read, was.
    assert said in checked.out
    once = run("once", "--json")
    assert said in json.dumps(once.json["sources"])
    assert [row for row in once.json["metrics"] if row["metric"] == "storage"] == []


def test_a_time_to_come_is_refused_where_it_is_measured(run: Run, write: Write, usage: Usage) -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    usage.values = {"data": {"size": 5, "at": later.isoformat(), "users": 3}}
    write(_http(usage.url, ", at: data.at"))
    ended = run("check")
    assert "future" in ended.out
    assert "1 reading in" in ended.out


@pytest.mark.parametrize(("status", "said"), [(401, "credential"), (404, "404"), (500, "500"), (429, "429")])
def test_an_answer_that_is_an_error_is_out_of_reach(
    run: Run, write: Write, usage: Usage, status: int, said: str
) -> None:
    usage.status = status
    write(_http(f"{usage.url}?key={SECRET}"))
    for command in ("check", "once"):
        ended = run(command)
        assert ended.code == 3
        assert said in ended.said


def test_tls_that_fails_is_told(run: Run, write: Write, usage: Usage) -> None:
    write(_http(usage.url.replace("http:", "https:")))
    ended = run("check")
    assert ended.code == 3
    assert "TLS" in ended.out


# -- readings from a file ----------------------------------------------------------------------------------

FLEET = """
stacks:
  shop:
    packs: [app-virgin]
    services:
      database: {provider: supabase, plan: free}
      backend: {provider: fly}
      email: {provider: resend, plan: free}
"""
STORAGE = {"stack": "shop", "service": "database", "metric": "storage", "at": AT}
SHARE = {"stack": "shop", "service": "backend", "metric": "error_rate", "at": AT}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"value": NaN}', "NaN is no reading; leave the line out where nothing was measured"),
        ('{"value": -Infinity}', "-Infinity is no reading; leave the line out"),
        ({**STORAGE, "value": -5}, "`storage` cannot be negative; leave the line out"),
        ({**STORAGE, "value": -5, "limit": "quota"}, "`storage` cannot be negative"),
        (
            {**STORAGE, "value": 1e308, "unit": "TB"},
            "1e+308 TB is more than can be counted; look at the unit",
        ),
        (json.dumps({**STORAGE, "value": 0}).replace(": 0", ": 1e999"), "a reading is a finite number"),
        ({**STORAGE, "value": "5"}, "`value`: must be a number, such as 1.5"),
        ({**STORAGE, "value": True}, "`value`: must be a number, such as 1.5"),
        ({**STORAGE, "value": 5, "unit": "s"}, "`storage` is in bytes; `s` does not fit"),
        ({**STORAGE, "value": 5, "unit": "stone"}, "no unit `stone`; known: B KB MB"),
        ({**STORAGE, "value": 5, "qualty": "x"}, "`qualty`: no such key; did you mean `quality`?"),
        (
            {**STORAGE, "value": 5, "of": 9},
            "`of` is the whole of a share, and `storage` is none; leave it out",
        ),
        ({**STORAGE, "value": 5, "low": 9, "high": 2}, "`low` is above `high`; exchange them"),
        ({**STORAGE, "value": 5, "metric": "storge"}, "no metric `storge`; did you mean `storage`?"),
        ({**STORAGE, "value": 5, "stack": "shp"}, "no stack `shp` in the configuration; known: shop"),
        ({**STORAGE, "value": 5, "service": "db"}, "stack `shop` has no service `db`; known: database"),
        (
            {**STORAGE, "value": 5, "at": "garbage"},
            "`at`: `garbage` is no time; write such as 2026-11-01T00:00:00Z",
        ),
        ({**STORAGE, "value": 5, "at": 1793491200}, "`at`: `1793491200` is no time"),
        ({**STORAGE, "value": 5, "at": AT[:-1]}, "`at`: needs a time zone, such as 2026-11-01T00:00:00Z"),
        ({**STORAGE, "value": 5, "at": "58755-11-01T00:00:00Z"}, "is no time"),
        ({**STORAGE, "value": 5, "at": "9999-12-31T23:59:59-14:00"}, "is not between 1970 and 2200"),
        ({**STORAGE, "value": 5, "at": "0001-01-01T00:00:00+14:00"}, "is not between 1970 and 2200"),
        ({**SHARE, "value": 5}, 'a share is at most 1: give its whole as `of`, or write `"unit": "%"`'),
        ({**SHARE, "value": 5, "of": 2}, "a share's `value` lies between 0 and `of`"),
        ({**STORAGE, "metric": "emails", "service": "email", "value": 5}, "it needs `from` and `to`"),
        ({**STORAGE, "metric": "response_time", "service": "backend", "value": 5}, "say which in `stat`"),
        ("[1, 2]", 'a line is one object, such as {"stack": "shop"'),
        ("storage 5", "this is not JSON (Expecting value at column 1)"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_reading_that_cannot_be_true_is_named_by_file_and_line(
    run: Run, write: Write, line: object, said: str
) -> None:
    write(FLEET)
    fine = json.dumps({**STORAGE, "value": 5})
    write(f"{fine}\n\n{line if isinstance(line, str) else json.dumps(line)}\n", "readings.jsonl")
    ended = run("evaluate", "--readings", "readings.jsonl", "--json")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("advisor: readings.jsonl:3: ")
    assert said in ended.err


def test_times_to_come_are_judged_and_said(run: Run, write: Write) -> None:
    """Somebody asks what if; or a clock is wrong. The answer is the same, and says so."""
    write(FLEET)
    line = json.dumps({**STORAGE, "value": 401, "unit": "MB", "at": "2126-11-01T00:00:00Z"})
    ended = run("evaluate", "--json", stdin=line)
    assert ended.code == 0
    assert ended.json["at"] == "2126-11-01T00:00:00Z"
    assert "note: standard input holds times up to 2126-11-01 00:00 UTC" in ended.err
    assert run("evaluate", "--json", "--at", "2126-11-01T00:00:00Z", stdin=line).err == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "missing.jsonl",
            "missing.jsonl: cannot be read: No such file or directory; name a file of readings, or -",
        ),
        (".", ".: cannot be read: Is a directory; name a file of readings, or -"),
        ("binary.jsonl", "binary.jsonl: is not UTF-8 text; write JSON lines"),
    ],
)
def test_readings_that_cannot_be_read_are_named(
    run: Run, write: Write, tmp_path: Path, name: str, said: str
) -> None:
    write(FLEET)
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00{")
    ended = run("evaluate", "--readings", name)
    assert (ended.code, ended.err) == (1, f"advisor: {said}\n")


# -- channels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((429, {"Retry-After": "30"}, b""), "30 s"),
        ((404, {}, b"no_service"), "the webhook was removed; create a new one"),
    ],
    ids=["429", "404"],
)
def test_slack_that_does_not_take_a_message_is_out_of_reach(
    run: Run, write: Write, slack: Slack, answer: tuple[int, dict[str, str], bytes], said: str
) -> None:
    slack.always = answer
    write(f'stacks: {{}}\nnotify: {{slack: {{webhook: "{slack.url(f"services/T/B/{SECRET}")}"}}}}\n')
    ended = run("notify", "test")
    assert ended.code == 3
    assert said in ended.said


def test_a_mail_server_that_refuses_is_out_of_reach(run: Run, write: Write, mail: Mail) -> None:
    mail.refuse = "550 we do not want it"
    write(
        f'stacks: {{}}\nnotify: {{email: {{smtp: "{mail.url}", from: a@example.com, to: b@example.com}}}}\n'
    )
    ended = run("notify", "test")
    assert ended.code == 3
    assert "550" in ended.said


def test_a_message_that_slack_does_not_take_stays_in_the_outbox(
    run: Run, write: Write, slack: Slack, usage: Usage, tmp_path: Path
) -> None:
    slack.always = (429, {"Retry-After": "3600"}, b"")
    usage.values = {"data": {"size": 500, "users": 3}}
    write(
        f'{_http(usage.url)}rules: {{files: [ours.yaml]}}\nnotify: {{slack: {{webhook: "{slack.url()}"}}}}\n'
    )
    write("- {id: a.full, service: api, when: storage > 400B, severity: critical}\n", "ours.yaml")
    ended = run("tick", "--fail-on", "critical")
    assert ended.code == 2  # Met, even though something was out of reach.
    assert "not delivered: slack: " in ended.err
    store = open_store("sqlite:///advisor.db", tmp_path)
    with store.reading() as tx:
        assert tx.outbox_depth()[0] == 1
    store.close()
    assert run("tick").code == 0  # Not due yet.


def test_a_round_for_programs_prints_one_document_whatever_the_channels_print(
    run: Run, write: Write, usage: Usage
) -> None:
    usage.values = {"data": {"size": 500, "users": 3}}
    write(f"{_http(usage.url)}rules: {{files: [ours.yaml]}}\nnotify: {{stdout: true}}\n")
    write("- {id: a.full, service: api, when: storage > 400B, severity: critical}\n", "ours.yaml")
    ended = run("tick", "--json")
    assert ended.code == 0
    assert ended.json["concerns"][0]["concern"] == "shop/api#storage"
    assert "storage 500 B" in ended.err


# -- words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("frob", "No such command 'frob'"),
        ("once --frob", "No such option: --frob"),
        ("once --fail-on bad", "'bad' is not one of 'warning', 'critical'"),
        ("once --plan supabase/free", "it goes with --postgres"),
        ("once --postgres postgresql://h/d --plan foo", "no provider `foo`; known: "),
        ("once --postgres postgresql://h/d --watch 3h", "--watch 3h: write a time between 1s and 1h"),
        ("digest --format pdf", "'pdf' is not one of 'text', 'html', 'slack', 'json'"),
        ("digest --cadence hourly", "'hourly' is not one of 'weekly', 'daily'"),
        ("evaluate --at nope", "`nope` is no time; write 2026-11-01T00:00:00Z"),
        ("evaluate --at 2026-01-01", "`2026-01-01` has no time zone; write 2026-01-01T00:00:00Z"),
        ("snooze x", "Missing argument 'SPAN'"),
        ("rules explain nope", "no rule `nope`; `advisor rules list` names them"),
        ("rules test nope", "nope: no such file or folder; name a file that ends in .test.yaml"),
        ("rules test .", "no *.test.yaml in .; name a file of tests"),
        ("catalogue show nope", "the catalogue has no provider or document `nope`; it has ably, algolia"),
    ],
)
def test_wrong_words_end_with_1_and_a_way_out(run: Run, words: str, said: str) -> None:
    ended = run(*words.split())
    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err
    assert ended.err.startswith("advisor: ")
    assert ended.err.count("\n") == 1


def test_a_fault_of_our_own_is_shown_without_what_is_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from advisor import __main__ as program

    def broken(_words: object) -> object:
        raise RuntimeError(f"postgresql://me:{SECRET}@db/shop")

    monkeypatch.setattr(program, "_run", broken)
    with pytest.raises(SystemExit) as end:
        program.main()
    err = capsys.readouterr().err
    assert end.value.code == 1
    assert "RuntimeError" in err
    assert SECRET not in err
