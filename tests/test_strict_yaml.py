"""YAML is read as people mean it, and each fault is named by file and line."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import InputError
from advisor.strict_yaml import MAX_BYTES, load, load_file


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("1:30", "1:30"),
        ("2026-01-31", "2026-01-31"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-3", -3),
        ("0x1F", 31),
        ("", None),
        ("~", None),
        ("'true'", "true"),
        ('"12"', "12"),
        ("9" * 5000, "9" * 5000),
        ("+.inf", float("inf")),
        (".", "."),
        ("-", [None]),
    ],
)
def test_only_core_types_exist_and_the_rest_stays_text(written: str, meant: object) -> None:
    data = load(f"{written}\n" if written == "-" else f"key: {written}\n", "f").data
    assert data == (meant if written == "-" else {"key": meant})


def test_keys_are_always_text() -> None:
    assert load("1: a\ntrue: b\nno: c\n", "f").data == {"1": "a", "true": "b", "no": "c"}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\ufeff"])
def test_an_empty_document_is_none(text: str) -> None:
    assert load(text, "f").data is None


def test_a_place_is_the_line_of_its_key_or_of_its_nearest_parent() -> None:
    document = load("a: 1\n\nb:\n  - x: 1\n    y: {z: 2}\n  - 3\nc: &c\n  d: 1\ne: *c\n", "f")
    assert document.place() == 1
    assert document.place(("b",)) == 3
    assert document.place(("b", 0, "y", "z")) == 5
    assert document.place(("b", 1)) == 6
    assert document.place(("b", 0, "nothing", "below")) == 4
    assert document.place(("e",)) == 9
    assert document.place(("e", "d")) == 8


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("a: 1\na: 2", "f:2: `a`: written twice, in lines 1 and 2; keep one"),
        ("a: {b: 1,\n b: 2}", "f:2: `b`: written twice, in lines 1 and 2; keep one"),
        ('1: x\n"1": y', "f:2: `1`: written twice"),
        ("a:\n\tb: 1", "f:2: not YAML: a tab as indent; indent with spaces"),
        ("a: b: c", "f:1: not YAML: a `:` where no key can be; put the text in quotes"),
        ("a: 'x\nb: 2\n", "f:1: not YAML: a quote that is opened and never closed; close it"),
        ("a:\n  [1, 2\nb: 3", "f:2: not YAML: a `[` without its `]`"),
        ("a: @x", "f:1: not YAML: a character that cannot stand here"),
        ("a: *x", "f:1: `*x` is an alias, and nothing is marked `&x`"),
        ("a: &x [*x]", "f:1: `*x` stands inside itself"),
        (
            "a: 1\nb: !!python/object/apply:os.system [ls]",
            "f:2: `tag:yaml.org,2002:python/object/apply:os.system`",
        ),
        ("a: !!str 1", "f:1: `tag:yaml.org,2002:str` is a tag"),
        ("<<: {a: 1}", "f:1: `<<`: a merge key is not taken"),
        ("? [a]\n: 1", "f:1: a list or mapping as a key"),
        ("---\na: 1\n---\nb: 1", "f:3: a second document begins"),
        ("a: 1\nb: \x01", "f:2: a control character"),
        ("a: \ud800", "f: half of a character"),
        ("[" * 100, "f:1: more than 64 levels deep"),
        ("[" * 100_000, "f:1: more than 64 levels deep"),
        ("a: " + "x" * MAX_BYTES, "f: larger than 4 MB"),
    ],
)
def test_a_fault_is_one_sentence_with_place_and_way_out(text: str, answer: str) -> None:
    with pytest.raises(InputError) as caught:
        load(text, "f")
    assert str(caught.value).startswith(answer)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_alias_bomb_is_refused_before_it_is_built() -> None:
    text = "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
    for name, below in zip("bcdefghi", "abcdefgh", strict=True):
        text += f"{name}: &{name} [{','.join(f'*{below}' for _ in range(10))}]\n"
    started = time.perf_counter()
    with pytest.raises(InputError, match="f:5: aliases that add up to more than 100,000 nodes"):
        load(text, "f")
    assert time.perf_counter() - started < 0.5


def test_an_honest_alias_is_taken() -> None:
    assert load("a: &x {b: 1}\nc: *x\n", "f").data == {"a": {"b": 1}, "c": {"b": 1}}


@given(st.text(max_size=80) | st.text(alphabet="ab:-[]{}&*!|>'\"#% \t\n,?~0.", max_size=60))
def test_any_text_is_read_or_refused_in_one_sentence(text: str) -> None:
    try:
        load(text, "f")
    except InputError as error:
        assert "\n" not in error.message  # noqa: PT017 - either outcome is right


def test_a_thousand_rules_take_a_fifth_of_a_second_at_most() -> None:
    rule = "- {id: a.b.c%d, service: database, when: storage > 400MB, then: upgrade, source: {line: 2}}\n"
    text = "".join(rule % number for number in range(1000))
    started = time.process_time()
    load(text, "f")
    assert time.process_time() - started < 0.2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.yaml: no such file or directory; name a file"):
        load_file(tmp_path / "gone.yaml")
    with pytest.raises(InputError, match=r"is a directory"):
        load_file(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: 1\nb: café\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin.yaml:2: text that is not UTF-8"):
        load_file(latin)
