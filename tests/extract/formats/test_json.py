"""JSON, NDJSON and GeoJSON: lists of records, at a path or found, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.read import Hints, Limits, Refused, open_file
from extract.read.formats import open_source

from .reading import read, refusal, write


def test_a_list_of_objects(tmp_path: Path) -> None:
    content = '[{"a": 1.10, "b": "x"}, {"b": null, "a": 12345678901234567890}, {"c": true, "a": 1e3}]'
    found = read(write(tmp_path / "a.json", content))
    assert found.header == ["a", "b", "c"]
    assert found.rows == [["1.10", "x", ""], ["12345678901234567890", "", ""], ["1e3", "", "true"]]
    assert (found.found["format"], found.found["record_path"]) == ("json", ".")


def test_lines_and_offsets(tmp_path: Path) -> None:
    content = '[\n{"a": "é"},\n{"a": 1, "a": 2}\n]'
    found = read(write(tmp_path / "a.json", content))
    assert found.lines == [2]
    bad = found.unreadable[0]
    assert (bad.code, bad.line_number, bad.raw) == ("duplicate_key", 3, b'{"a": 1, "a": 2}')
    assert content.encode()[bad.byte_offset :].startswith(bad.raw)


@pytest.mark.parametrize(("path", "ids"), [("results", ["1", "2"]), ("meta.links", ["7"]), ("pages.1.rows", ["9"])])
def test_a_declared_path(tmp_path: Path, path: str, ids: list[str]) -> None:
    content = {
        "meta": {"links": [{"id": 7}]},
        "pages": [{"rows": [{"id": 8}]}, {"rows": [{"id": 9}]}],
        "results": [{"id": 1}, {"id": 2}],
    }
    found = read(write(tmp_path / "a.json", json.dumps(content)), record_path=path)
    assert found.rows == [[one] for one in ids]


def test_the_only_list_is_found_and_several_are_not_guessed_between(tmp_path: Path) -> None:
    one = write(tmp_path / "a.json", '{"count": 2, "tags": ["x"], "d": {"items": [{"id": 1}, {"id": 2}]}}')
    assert read(one).found["record_path"] == "d.items"
    two = write(tmp_path / "b.json", '{"a": [{"id": 1}], "b": [{"id": 2}]}')
    assert "several lists of records: a (1), b (1)" in refusal(two)
    many = {"links": [{"id": 1}], "data": [{"id": i} for i in range(20)]}
    found = read(write(tmp_path / "c.json", json.dumps(many))).found
    assert (found["record_path"], found["other_lists"]) == ("data", "links")
    assert "nothing at 'x'" in refusal(one, record_path="x.y")


def test_nested_objects_are_flattened_by_the_declared_rule(tmp_path: Path) -> None:
    content = '[{"a": {"b": 1, "c": {"d": [1.50, {"e": null}]}}}, {"a": null, "a.b": 2}, {"a": {}}]'
    path = write(tmp_path / "a.json", content)
    found = read(path)
    assert found.header == ["a.b", "a.c.d", "a", "a.b (2)"]
    assert found.rows == [["1", '[1.50,{"e":null}]', "", ""], ["", "", "", "2"], ["", "", "{}", ""]]
    found = read(path, flatten="json")
    assert found.rows[0] == ['{"b":1,"c":{"d":[1.50,{"e":null}]}}', ""]


def test_a_list_of_lists_is_a_table_with_a_header(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.json", '[["code", "n"], ["a", 1], ["b", 2.50]]'))
    assert (found.header, found.rows) == (["code", "n"], [["a", "1"], ["b", "2.50"]])


def test_what_is_no_object_and_what_cannot_be_stored_is_unreadable(tmp_path: Path) -> None:
    content = '[{"a": "x\\u0000y"}, 5, {"a": "\\ud800"}, null, {"a": "good"}]'
    found = read(write(tmp_path / "a.json", content))
    assert found.rows == [["good"]]
    codes = [bad.code for bad in found.unreadable]
    assert codes == ["nul_byte", "not_an_object", "undecodable", "not_an_object"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = json.dumps([{"name": "Café"}, {"name": "b"}], ensure_ascii=False)
    assert read(write(tmp_path / "a.json", text.encode(encoding))).rows == [["Café"], ["b"]]


def test_undecodable_bytes_are_one_record(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.json", b'[{"a": "x\xff"}, {"a": "\xc3\xa9"}, {"a": "\xc3\xa9"}]'))
    assert found.rows == [["é"], ["é"]]
    assert [(bad.code, bad.raw) for bad in found.unreadable] == [("undecodable", b'{"a": "x\xff"}')]


def test_one_value_after_another(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.json", '{\n"a": 1\n}\n{\n"a": 2\n}\n')).rows == [["1"], ["2"]]


def test_a_single_object_where_it_is_declared(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{"a": 1, "b": {"c": 2}}')
    assert read(path, record_path=".").rows == [["1", "2"]]
    assert "no list of records" in refusal(path)


@pytest.mark.parametrize(
    "content",
    [
        '{"error": "invalid_token", "error_description": "The token expired"}',
        '{"message": "rate limit", "status": 429}',
        '{"errors": [{"status": "404", "title": "Not Found"}]}',
        '[{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}]',
        '{"success": false, "message": "no access", "data": null}',
        '{"data": [{"id": 1}], "errors": [{"message": "timed out"}]}',
        '{"fault": {"faultstring": "Invalid ApiKey"}}',
    ],
)
def test_error_bodies_are_refused(tmp_path: Path, content: str) -> None:
    assert "error answer" in refusal(write(tmp_path / "a.json", content))


@pytest.mark.parametrize(
    "content",
    ['{"status": "ok", "data": [{"id": 1}, {"id": 2}]}', '{"errors": [], "data": [{"id": 1}]}',
     '[{"code": "A1", "title": "x"}, {"code": "B", "title": "y"}]'],
)  # fmt: skip
def test_what_only_sounds_like_an_error_is_read(tmp_path: Path, content: str) -> None:
    assert read(write(tmp_path / "a.json", content)).rows


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[{"a": 1}, {"a": 2}', "damaged on line 1"),
        ('[{"a": 1},\n{"a": }]', "damaged on line 2"),
        ('[{"a": 1}] [2]', "more text follows"),
        ('{"rows": [{"a": 1}, {"a": 2}], "next": ', "damaged on line 1"),
        ('{"results": []}', "holds no record"),
        ("[]", "holds no record"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_damage_is_refused(tmp_path: Path, content: str, words: str) -> None:
    assert words in refusal(write(tmp_path / "a.json", content))


def test_an_element_over_the_limit(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps([{"a": "x" * 600_000}, {"a": 1}]))
    assert "limit of 100,000 bytes" in refusal(path, Limits(element_bytes=100_000))


def test_too_many_keys(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps([{f"k{i}": 1} for i in range(30)]))
    assert "30 different keys" in refusal(path, Limits(columns=20))


@given(
    st.lists(
        st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=5),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1) | st.integers(),
            min_size=1,
            max_size=4,
        ),
        min_size=2,
    ),
    st.sampled_from([None, 1, 4]),
)
@settings(max_examples=60, deadline=None)
def test_what_was_written_is_read(tmp_path_factory, records, indent) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    write(path, json.dumps(records, indent=indent, ensure_ascii=False))
    source = open_source(path, Hints(record_path="."), Limits())
    assert source is not None
    found = [dict(zip(source.names, record.cells or (), strict=True)) for record in source.records()]
    assert found == [{name: str(record.get(name, "")) for name in source.names} for record in records]


def test_ndjson_a_broken_line_is_one_record(tmp_path: Path) -> None:
    content = '{"a": 1}\n{"a": 2\n\n{"a": {"b": 3}} x\n{"a": 4, "c": "é"}\r\n{"a": 5}'
    found = read(write(tmp_path / "a.ndjson", content))
    assert found.found["format"] == "ndjson"
    assert (found.header, found.rows) == (["a", "c"], [["1", ""], ["4", "é"], ["5", ""]])
    assert found.lines == [1, 5, 6]
    assert found.blank == 1
    assert [(bad.code, bad.line_number, bad.raw) for bad in found.unreadable] == [
        ("bad_json", 2, b'{"a": 2\n'),
        ("bad_json", 4, b'{"a": {"b": 3}} x\n'),
    ]
    bad = found.unreadable[1]
    assert content.encode()[bad.byte_offset :].startswith(bad.raw)


def test_ndjson_of_one_line_where_it_is_declared(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"a": 1}\n')
    assert read(path, kind="ndjson").rows == [["1"]]
    error = write(tmp_path / "b.jsonl", '{"error": "denied"}\n')
    assert "error answer" in refusal(error, kind="ndjson")


def test_a_line_over_the_limit_costs_itself(tmp_path: Path) -> None:
    lines = ['{"a": 1}', '{"a": "' + "x" * 3000 + '"}', '{"a": 3}', ""]
    found = read(write(tmp_path / "a.ndjson", "\n".join(lines)), Limits(line_bytes=2000))
    assert found.rows == [["1"], ["3"]]
    assert [(bad.code, bad.raw_length) for bad in found.unreadable] == [("too_long", 3010)]


SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 0]]]
INSIDE = [{"type": "Point", "coordinates": [1, 2, 3]}]
FEATURES = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "id": "f1", "properties": {"name": "a", "id": 1},
         "geometry": {"type": "Point", "coordinates": [-0.10, 51.5]}},
        {"type": "Feature", "properties": {"name": "b"}, "geometry": {"type": "Polygon", "coordinates": SQUARE}},
        {"type": "Feature", "properties": {"name": "c"}, "geometry": None},
        {"type": "Feature", "properties": {"name": "d"}, "geometry": {"type": "Polygon", "coordinates": [[0, 0]]}},
        {"type": "Feature", "properties": {"name": "e"},
         "geometry": {"type": "GeometryCollection", "geometries": INSIDE}},
    ],
}  # fmt: skip


def test_geojson(tmp_path: Path) -> None:
    path = write(tmp_path / "a.geojson", json.dumps(FEATURES))
    found = read(path)
    assert found.found["format"] == "geojson"
    assert found.header == ["id", "name", "id (2)", "geometry"]
    assert found.rows == [
        ["f1", "a", "1", "POINT (-0.1 51.5)"],
        ["", "b", "", "POLYGON ((0 0, 1 0, 1 1, 0 0))"],
        ["", "c", "", ""],
        ["", "e", "", "GEOMETRYCOLLECTION (POINT Z (1 2 3))"],
    ]
    assert [bad.code for bad in found.unreadable] == ["bad_geometry"]
    assert read(path, geometry="geojson").rows[0][3] == '{"type":"Point","coordinates":[-0.1,51.5]}'
    assert read(path, geometry="both").header[-2:] == ["geometry", "geometry_geojson"]


def test_geojson_line_by_line(tmp_path: Path) -> None:
    content = "".join(f"\x1e{json.dumps(feature)}\n" for feature in FEATURES["features"][:2])
    found = read(write(tmp_path / "a.geojsonl", content))
    assert [row[1] for row in found.rows] == ["a", "b"]
    assert found.found["format"] == "geojson"


def test_text_that_only_begins_like_json_stays_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "[id],[name]\n1,x\n2,y\n")
    assert open_source(path, Hints(), Limits()) is None
    assert open_source(write(tmp_path / "b.csv", "[1] Report of May\na,b\n1,2\n"), Hints(), Limits()) is None


def test_a_long_list_is_read_in_bounded_memory(tmp_path: Path) -> None:
    with open(tmp_path / "a.json", "w") as file:
        file.write('{"meta": {"n": 1}, "rows": [')
        for row in range(150_000):
            file.write(("," if row else "") + json.dumps({"id": row, "name": f"name {row}", "text": "x" * 150}))
        file.write("]}")
    code = (
        "import sys, resource; from pathlib import Path; from extract.read import open_file\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "rows = sum(len(batch.rows) for batch in open_file(Path(sys.argv[1])).batches(1000))\n"
        "print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.json"], capture_output=True, text=True, check=True)
    rows, grown = map(int, done.stdout.split())
    assert rows == 150_000
    assert grown < 40_000  # kB, and the file has 31 MB


def test_the_file_is_refused_if_it_changes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", "".join(f'{{"a": {i}}}\n' for i in range(5000)))
    source = open_source(path, Hints(), Limits())
    assert source is not None
    records = source.records()
    next(records)
    write(path, '{"a": 1}\n{"a": 2}\n')
    with pytest.raises(Refused, match="changed"):
        list(records)


def test_keys_of_a_feeds_columns_are_one_column_however_they_are_spelt(tmp_path: Path) -> None:
    """As headers of CSV files are: capitals do not matter. Only the record that says two things cannot be read."""
    path = tmp_path / "things.ndjson"
    keys = [{"Region": "n", "Code": "a"}, {"Region": "n", "code": "b"}, {"Region": "n", "Code": "c", "CODE": ""}]
    path.write_text("\n".join(map(json.dumps, [*keys, {"Region": "n", "Code": "d", "CODE": "e"}])))
    reading = open_file(path, expected=[("Region",), ("Code",)], required=[0, 1])
    [batch] = reading.batches()
    assert reading.found.header == ("Region", "Code")
    assert [cells for _, _, cells in batch.rows] == [["n", "a"], ["n", "b"], ["n", "c"]]
    [bad] = batch.unreadable
    assert (bad.row_number, bad.code, bad.raw) == (4, "key_twice", b'{"Region": "n", "Code": "d", "CODE": "e"}')
    assert read(path).header == ["Region", "Code", "code", "CODE"]
