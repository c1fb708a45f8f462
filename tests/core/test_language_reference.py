"""Every sentence that the documents' rules are written with is read. Runs where the reference is at hand."""

import csv
import os
from pathlib import Path

import pytest

from advisor.core.language import parse, write

FOLDER = os.environ.get("ADVISOR_REFERENCE", "")

pytestmark = pytest.mark.skipif(
    not FOLDER, reason="ADVISOR_REFERENCE does not name the folder with sentences.csv"
)


def test_every_sentence_of_the_documents_is_read_and_written() -> None:
    with (Path(FOLDER) / "sentences.csv").open(encoding="utf-8", newline="") as file:
        sentences = [row["when"] for row in csv.DictReader(file) if row["when"]]
    assert len(sentences) > 100
    for text in sentences:
        assert parse(write(parse(text)))
