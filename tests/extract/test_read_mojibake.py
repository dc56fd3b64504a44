"""UTF-8 that was read as cp1252: undone where it is declared, counted, and never otherwise."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from extract.read import Hints, open_file
from extract.read.mojibake import Repair

WRONG = "CafÃ©"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (WRONG, "Café"),
        ("itâ€™s", "it\u2019s"),
        ("ÃŒle", "Ìle"),
        ("Ã\x81gua", "Água"),
        ("Ã\xa0 la", "à la"),
        ("Straße", "Straße"),  # is none
        ("Café", "Café"),
        ("CafÃ© Café", "CafÃ© Café"),  # not all of it: left as it is
        ("plain", "plain"),
        ("日本", "日本"),
    ],
)
def test_a_cell_is_repaired_as_a_whole_or_left(wrong: str, right: str) -> None:
    assert Repair("cp1252").cell(wrong) == right


@given(st.text())
def test_what_was_changed_can_be_changed_back(cell: str) -> None:
    repair = Repair("cp1252")
    found = repair.cell(cell)
    assert found == cell or repair.undo(found) == cell


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_read_wrongly_is_repaired(cell: str) -> None:
    repair = Repair("latin-1")
    wrong = cell.encode().decode("latin-1")
    assert repair.cell(wrong) == cell


def rows(path: Path, hints: Hints) -> tuple[list[list[str]], dict]:
    reading = open_file(path, hints=hints)
    found = [cells for batch in reading.batches() for _, _, cells in batch.rows]
    return found, reading.found.as_json()


CSV = f"id,name\n1,{WRONG}\n2,plain\n3,{WRONG}\n"
JSON = f'[{{"id": 1, "name": "{WRONG}"}}, {{"id": 2, "name": "plain"}}, {{"id": 3, "name": "{WRONG}"}}]'


@pytest.mark.parametrize("content", [CSV, JSON])
def test_it_is_declared_and_counted(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a"
    path.write_text(content, encoding="utf-8")
    left, found = rows(path, Hints())
    assert [row[1] for row in left] == [WRONG, "plain", WRONG]
    assert "mojibake" not in found
    repaired, found = rows(path, Hints(mojibake="cp1252"))
    assert [row[1] for row in repaired] == ["Café", "plain", "Café"]
    assert found["mojibake"] == {"encoding": "cp1252", "cells": 2, "records": 2}


def test_only_an_encoding_of_single_bytes_can_have_been_the_wrong_one() -> None:
    with pytest.raises(ValidationError, match="single bytes"):
        Hints(mojibake="utf-16")
