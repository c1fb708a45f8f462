"""A credential is a reference until it is needed, shows itself as ***, and is taken out of every text."""

import base64
import copy
import json
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from advisor import secrets
from advisor.errors import InputError
from advisor.secrets import Secret, redact, remember, seal


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    secrets.forget()


def sealed(text: str, key: str = "a.key", folder: Path = Path()) -> Any:
    return seal(text, file="advisor.yaml", line=3, key=key, folder=folder)


@pytest.mark.parametrize(
    ("written", "environ", "meant"),
    [
        ("${A}", {"A": "x y"}, "x y"),
        ("env:A", {"A": "x"}, "x"),
        ("Bearer ${A}", {"A": "x/y"}, "Bearer x/y"),
        ("${A}-${B}", {"A": "1", "B": "2"}, "1-2"),
        ("$${A}${A}", {"A": "x"}, "${A}x"),
        ("smtps://user:${A}@host", {"A": "p@s/s:w?d#"}, "smtps://user:p%40s%2Fs%3Aw%3Fd%23@host"),
        ("smtps://${U}:${A}@host", {"U": "me@x", "A": "b c"}, "smtps://me%40x:b%20c@host"),
        ("https://${H}/x?key=${A}&b=1", {"H": "h:80", "A": "a&b=c"}, "https://h:80/x?key=a%26b%3Dc&b=1"),
        ("https://host/${A}", {"A": "T0/B0/key"}, "https://host/T0/B0/key"),
        ("https://host/@${A}", {"A": "a/b"}, "https://host/@a/b"),
        ("${A}", {"A": "https://u:p@h/?q=1"}, "https://u:p@h/?q=1"),
    ],
)
def test_references_are_replaced_and_encoded_where_a_url_needs_it(
    written: str, environ: dict[str, str], meant: str
) -> None:
    assert Secret(written).reveal(environ) == meant


def test_a_variable_in_a_connection_string_is_quoted_where_it_must_be() -> None:
    dsn = Secret("host=db password=${A} user=x", key="services.db.dsn")
    assert dsn.reveal({"A": "plain"}) == "host=db password=plain user=x"
    assert dsn.reveal({"A": "it's a \\"}) == "host=db password='it\\'s a \\\\' user=x"


def test_a_file_is_read_without_its_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b" a b \r\n")
    assert sealed("file:token", folder=tmp_path).reveal({}) == " a b "
    assert sealed(f"file:{tmp_path}/token").reveal({}) == " a b "


def test_what_cannot_be_looked_up_is_named_with_place_and_way_out(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "big").write_bytes(b"x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for written, answer in {
        "${GONE}": "the environment variable GONE is not set; set it, or name a file with `file:/path`",
        "env:EMPTY": "the environment variable EMPTY is empty; give it a value",
        "file:gone": "gone: no such file or directory; name a file that exists and that this user may read",
        "file:empty": "empty is empty; write the secret into it",
        "file:big": "big is larger than 64 KiB; name a file with only the secret",
        "file:binary": "binary is not text; name a file with only the secret, as UTF-8",
        "file:.": ".: is a directory; name a file that exists and that this user may read",
    }.items():
        with pytest.raises(InputError) as caught:
            sealed(written, folder=tmp_path).reveal({"EMPTY": " "})
        assert str(caught.value) == f"advisor.yaml:3: `a.key`: {answer}"


@pytest.mark.parametrize("written", ["${", "${A", "${}", "${A:-b}", "${A B}", "x ${1}"])
def test_a_reference_that_names_no_variable_is_refused(written: str) -> None:
    with pytest.raises(InputError, match=r"advisor.yaml:3: `a.key`: `\$\{` begins a variable's name"):
        sealed(written)


def test_only_references_and_credentials_are_sealed() -> None:
    for plain in ("abcd", "$HOME", "environment:x", "env:not a name", "https://example.com/x", "", 3, None):
        assert sealed(plain) == plain  # type: ignore[arg-type]  # Values that are no text pass through.
    for written, key in {
        "x": "services.web.token",
        "y": "services.web.headers.X-Key",
        "https://a:b@h": "url",
        "z": "sentry.dsn",
    }.items():
        assert isinstance(sealed(written, key), Secret)


def test_a_secret_shows_itself_nowhere() -> None:
    class Holder(BaseModel):
        token: Secret

    secret = Secret("canary-literal")
    holder = Holder(token=secret)
    shown = [
        repr(secret),
        str(secret),
        f"{secret:>5}",
        f"{secret:>5} {secret!r}",
        repr(holder),
        holder.model_dump_json(),
    ]
    assert "canary" not in "".join(shown)
    assert json.loads(holder.model_dump_json()) == {"token": "***"}
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(secret)
    assert copy.deepcopy(secret) is secret
    assert Secret("${A} and ${B}").origin == "environment A, B"
    assert Secret("file:/run/x").origin == "file /run/x"
    assert Secret("canary", "advisor.yaml").origin == "written in advisor.yaml"


def test_a_revealed_secret_is_taken_out_of_every_text_in_every_form() -> None:
    value = "pa ss/w+örd\"'\\x"
    Secret("${A}").reveal({"A": value})
    basic = base64.b64encode(f"someone:{value}".encode()).decode()
    for text in (
        value,
        quote(value),
        quote(value, safe=""),
        quote(value, safe="").lower(),
        json.dumps({"a": value}),
        json.dumps([json.dumps({"a": value})]),
        repr({"a": value}),
        f"Authorization: Basic {basic}",
        f"header {basic[4:]}",
    ):
        assert "***" in redact(text)
        assert "ss/w" not in redact(text)
        assert "ss%2Fw" not in redact(text)


@given(st.text(min_size=4, max_size=30))
def test_no_form_of_any_secret_survives(value: str) -> None:
    remember(value)
    for text in (
        f"a{value}b",
        repr([value]),
        json.dumps([value]),
        quote(f"a{value}", safe="", errors="replace"),
    ):
        assert value not in redact(text)
    secrets.forget()


def test_the_parts_of_a_url_are_secret_on_their_own() -> None:
    remember("postgresql://app:s3cr%2Ft@db.example.com:5432/shop")
    remember("https://hooks.example.com/services/T00/B00/keykeykeykey")
    remember("host=db password='it\\'s me'")
    assert redact("password s3cr/t and s3cr%2Ft") == "password *** and ***"
    assert redact("POST /services/T00/B00/keykeykeykey failed") == "POST /*** failed"
    assert redact("key keykeykeykey") == "key ***"
    assert redact("it's me") == "***"
    assert redact("db.example.com:5432/shop") == "db.example.com:5432/shop"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("connect to postgresql://u:hunter22@h/x", "connect to postgresql://u:***@h/x"),
        ("Authorization: Bearer abcdefghijk.x", "Authorization: Bearer ***"),
        ("token xoxb-1234-abc refused", "token *** refused"),
        ("POST https://hooks.slack.com/services/T/B/k", "POST https://hooks.slack.com/***"),
        ("host=h password=hunter2 user=u", "host=h password=*** user=u"),
        ('{"api_key": "hunter2", "n": 1}', '{"api_key": "***", "n": 1}'),
        ("nothing secret: storage 80 % of quota", "nothing secret: storage 80 % of quota"),
    ],
)
def test_what_looks_like_a_credential_is_taken_out_even_if_nobody_revealed_it(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_redacting_a_line_costs_little_with_many_secrets() -> None:
    for number in range(200):
        remember(f"secret-number-{number:04}")
    line = "a line of a log with nothing secret in it " * 10
    started = time.process_time()
    for _ in range(100):
        redact(line)
    assert time.process_time() - started < 0.5
