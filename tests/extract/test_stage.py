"""A delivery in staging: the same table whichever road it came by, every record and every cell of it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Sluice, forget_settings

HEADER = "Region,Code,Size,Note,Keeper\n"
COLUMNS = ("region", "code", "size", "note", "keeper")


def staged(small: Sluice, content: bytes | str, name: str = "things-2026-01-01.csv") -> Any:
    """Take a file in; what became of it."""
    return small.deliver("acme.things", small.file(name, content))


def table(small: Sluice, delivery_id: int = 1, columns: tuple[str, ...] = COLUMNS) -> list[Any]:
    """The rows of a delivery: row number, line number, the columns, what is undeclared."""
    names = ", ".join(columns)
    return small.sql(
        f"select _row_number, _line_number, {names}, _extra from staging.acme__things"
        " where _delivery_id = :id order by 1",
        id=delivery_id,
    )


# The second of each pair has quotes around a line end, which only the careful road can read.
HEADS = {
    "plain": ("Region,Code,Size,Note,Keeper\n", "{0},{1},{2},{3},{4}\n"),
    "any order": ("Keeper,Size,Note,Code,Region\n", "{4},{2},{3},{1},{0}\n"),
    "an alias, and other spellings": (" region ,THING  code,Size,Note,Keeper\n", "{0},{1},{2},{3},{4}\n"),
    "undeclared columns": ("Colour,Region,Code,Size,Note,Keeper,Weight\n", "red,{0},{1},{2},{3},{4},\n"),
    "other delimiter": ("Region;Code;Size;Note;Keeper\n", "{0};{1};{2};{3};{4}\n"),
}


@pytest.mark.parametrize("case", HEADS)
def test_both_roads_give_the_same_table(case: str, small: Sluice) -> None:
    header, row = HEADS[case]
    plain = row.format("north", "a", "1", "", "a@x.example") + row.format("north", "b", "-2", "ä", "")
    odd = row.format("north", "c", "3", '"two\nlines"', "")
    staged(small, header + plain)
    staged(small, header + plain + odd, "things-2026-01-02.csv")

    clean, careful = table(small, 1), table(small, 2)
    extra = {"Colour": "red", "Weight": ""} if "Colour" in header else None
    assert clean == [
        (1, 2, "north", "a", "1", "", "a@x.example", extra),
        (2, 3, "north", "b", "-2", "ä", "", extra),
    ]
    assert careful == [*clean, (3, 4, "north", "c", "3", "two\nlines", "", extra)]


@pytest.mark.parametrize("last", ["x", '"x\ny"'], ids=["clean", "careful"])
@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("Colour,Colour", ["Colour", "Colour (2)"]),
        ("Colour,colour", ["Colour", "colour"]),
        ("Colour,Colour (2),Colour", ["Colour", "Colour (2)", "Colour (3)"]),
        (",", ["column 3", "column 4"]),
        ('"""; drop table ledger.deliveries; --"', ['"; drop table ledger.deliveries; --']),
        ("%s,{table},:name", ["%s", "{table}", ":name"]),
        ("a\\b,$1,c'd", ["a\\b", "$1", "c'd"]),
        ("x" * 300, ["x" * 300]),
        ("_extra,_row_number,c0,region_", ["_extra", "_row_number", "c0", "region_"]),
    ],
)
def test_undeclared_columns_are_kept(header: str, names: list[str], last: str, small: Sluice) -> None:
    values = [f"v{i}" for i in range(len(names) - 1)] + [last]
    done = staged(small, f"Region,Code,{header},Size\nnorth,a,{','.join(values)},1\n")
    assert (done.outcome, done.state) == ("new", "staged")
    ((*_, extra),) = table(small)
    assert extra == dict(zip(names, [value.strip('"') for value in values], strict=True))


@pytest.mark.parametrize("count", [900, 1900])
def test_many_undeclared_columns(count: int, small: Sluice) -> None:
    names = [f"extra {number}" for number in range(count)]
    cells = [f"a value of some length {number}" for number in range(count)]
    done = staged(small, f"Region,Code,Size,{','.join(names)}\nnorth,a,1,{','.join(cells)}\n")
    assert done.state == "staged", done.reason
    ((*_, extra),) = table(small)
    assert extra == dict(zip(names, cells, strict=True))


def test_a_required_column_that_is_missing_refuses_the_file(small: Sluice) -> None:
    done = staged(small, "Region,Cod,Note\nnorth,a,\n")
    assert (done.outcome, done.state) == ("refused", "refused")
    for words in ("things-2026-01-01.csv", 'Missing: "Code", "Size"', '"Cod" looks like "Code"', "ask for the right"):
        assert words in done.reason
    assert small.value("select reason from ledger.deliveries") == done.reason
    assert table(small) == []


def test_a_renamed_column_is_proposed_as_freely_as_where_it_may_be_missing(small: Sluice) -> None:
    done = staged(small, "Region,Code No.,Size,Note\nnorth,a,1,\n")
    assert '"Code No." looks like "Code"' in done.reason


def test_an_optional_column_that_is_missing_is_null(small: Sluice) -> None:
    staged(small, 'Region,Code,Size,Keeper\nnorth,a,1,\nnorth,b,1,""\n')
    assert [row[-3:] for row in table(small)] == [(None, "", None), (None, "", None)]


@pytest.mark.parametrize(
    "content",
    [
        b"Region,Code,Size,Note,Keeper\r\nnorth,a,1,caf\xc3\xa9,\r\n",
        b"\xef\xbb\xbfRegion,Code,Size,Note,Keeper\nnorth,a,1,caf\xc3\xa9,\n",
        b"Region,Code,Size,Note,Keeper\r\nnorth,a,1,caf\xe9,\r\n",
        "Region,Code,Size,Note,Keeper\r\nnorth,a,1,café,\r\n".encode("utf-16"),
        b'"Region","Code","Size","Note","Keeper"\r\n"north","a","1","caf\xe9",""',
        b"Region,Code,Size,Note,Keeper\rnorth,a,1,caf\xe9,\r",
    ],
    ids=["CRLF", "BOM", "cp1252", "utf-16", "quoted", "CR"],
)
def test_encodings_and_line_ends(content: bytes, small: Sluice) -> None:
    staged(small, content)
    assert table(small) == [(1, 2, "north", "a", "1", "café", "", None)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
def test_each_line_has_its_number(end: str, last: str, small: Sluice) -> None:
    count = 30_000  # several chunks of the clean road
    rows = [f"north,{n:05},1,{'x' * 60}," for n in range(count)]
    staged(small, end.join(["A list", HEADER.strip(), *rows]) + (end if last else ""))
    seen = small.sql(
        "select count(*), count(distinct _row_number), min(_row_number), max(_row_number),"
        " bool_and(_line_number = _row_number + 2), bool_and(code::int = _row_number - 1), max(length(keeper))"
        " from staging.acme__things"
    )
    assert seen == [(count, count, 1, count, True, True, 0)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_within_a_cell(end: str, small: Sluice) -> None:
    lines = ["Region,Code,Size,Note,Keeper", 'north,a,1,"one', "two", 'three",', "north,b,2,,", ""]
    staged(small, end.join(lines).encode())
    assert table(small) == [
        (1, 2, "north", "a", "1", f"one{end}two{end}three", "", None),
        (2, 5, "north", "b", "2", "", "", None),
    ]


def test_every_record_is_placed(small: Sluice) -> None:
    lines = [
        "A list of things",
        "Region,Code,Size,Note,Keeper",
        "north,a,1,,",
        "",
        "torn,b",
        'north,c,1,"x"y,',
        "north,\0,1,,",
        "north,d,1,,",
        "Total: 5 records",
    ]
    done = staged(small, "\n".join(lines) + "\n")
    account = small.account(done.delivery_id)
    assert {name: account[name] for name in ("read", "blank", "banner", "unreadable")} == {
        "read": 7, "blank": 1, "banner": 1, "unreadable": 3,
    }  # fmt: skip
    assert [row[:2] for row in table(small)] == [(1, 3), (6, 8)]


def test_unreadable_records_reach_quarantine_as_they_were(small: Sluice) -> None:
    head, torn, damaged = b"Region,Code,Size,Note,Keeper\nnorth,a,1,,\n", b"north\n", b"north,b,1,caf\xe9,\n"
    end = "north,c,1,café éé,\n".encode()
    small.deliver("acme.things", small.file("things-2026-01-01.csv", head + torn + damaged + end))
    small.run()
    found = small.sql(
        "select kind, row_number, line_number, byte_offset, raw_bytes, raw_length, reasons->0->>'code'"
        " from quarantine.thing order by row_number"
    )
    assert [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in found] == [
        ("unreadable", 2, 3, len(head), torn, len(torn), "too_few_cells"),
        ("unreadable", 3, 4, len(head + torn), damaged, len(damaged), "undecodable"),
    ]
    account = small.account(1)
    assert (account["read"], account["unreadable"], account["quarantined"], account["good"]) == (4, 2, 0, 2)


@pytest.mark.parametrize("last", ["north,b,1,,\n", "north\n"], ids=["clean", "careful"])
def test_staging_again_doubles_nothing(last: str, small: Sluice) -> None:
    done = staged(small, "Region,Code,Size,Note,Keeper\nnorth,a,1,,\n" + last)
    before, account = table(small), small.account(done.delivery_id)
    unreadable = small.value("select count(*) from staging.unreadable")
    assert stage_again(done.delivery_id) == "staged"
    assert (table(small), small.account(done.delivery_id)) == (before, account)
    assert small.value("select count(*) from staging.unreadable") == unreadable


def stage_again(delivery_id: int) -> str:
    from extract.feeds import catalogue
    from extract.stage import stage

    return stage(catalogue().feed("acme.things"), delivery_id)


def test_what_is_merged_is_not_staged_again(small: Sluice) -> None:
    """A run that found it waiting, and comes too late: another worker has done it all."""
    done = staged(small, "Region,Code,Size\nnorth,a,1\n")
    small.run()
    account = small.account(done.delivery_id)
    assert stage_again(done.delivery_id) == "merged"
    assert small.value("select state from ledger.deliveries") == "merged"
    assert small.account(done.delivery_id) == account


def test_a_column_that_is_declared_later(
    small: Sluice, small_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged(small, "Region,Code,Size,Colour\nnorth,a,1,red\n")
    declare_colour(small_project, tmp_path / "project")
    monkeypatch.setenv("SLUICE_DBT_PROJECT", str(tmp_path / "project"))
    forget_settings()
    staged(small, "Region,Code,Size,Colour\nnorth,a,1,blue\n", "things-2026-01-02.csv")

    columns = ("code", "colour")
    assert table(small, 1, columns) == [(1, 2, "a", None, {"Colour": "red"})]
    assert table(small, 2, columns) == [(1, 2, "a", "blue", None)]
    stage_again(1)
    assert table(small, 1, columns) == [(1, 2, "a", "red", None)]


def declare_colour(project: Path, copy: Path) -> None:
    shutil.copytree(project, copy)
    file = copy / "models/staging/acme/_acme.yml"
    declared = (
        "columns: &columns\n          - {name: colour, description: x, config: {meta: {headers: [Colour], pii: none}}}"
    )
    text = file.read_text().replace("columns: &columns", declared)
    file.write_text(text)


def test_a_very_long_name(small: Sluice) -> None:
    name = "x" * 240 + "-2026-01-01.csv"
    done = small.deliver("acme.things", small.file(name, "Region,Code,Size\nn,a,1\n"))
    assert done.state == "staged"
