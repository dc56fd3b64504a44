"""XML: a record element, found or declared; DTDs, entities and errors refused."""

import subprocess
import sys
from pathlib import Path

import pytest

from extract.read import Hints, Limits
from extract.read.formats import open_source

from .reading import read, refusal, write

THINGS = """<?xml version="1.0" encoding="{0}"?>
<export xmlns:t="urn:t" date="2026-01-31">
  <title>Things</title>
  <t:things>
    <t:thing id="1"><name>Café</name><tag>x</tag><tag>y</tag><where><city lang="en">Bath</city></where></t:thing>
    <t:thing id="2"><name/><note><![CDATA[a < b]]></note></t:thing>
  </t:things>
</export>
"""


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16", "cp1252"])
def test_records_are_the_elements_that_repeat(tmp_path: Path, encoding: str) -> None:
    found = read(write(tmp_path / "a.xml", THINGS.format(encoding).encode(encoding)))
    assert found.header == ["@id", "name", "tag", "where.city", "where.city.@lang", "note"]
    assert found.rows == [["1", "Café", '["x","y"]', "Bath", "en", ""], ["2", "", "", "", "", "a < b"]]
    assert (found.found["format"], found.found["record_path"]) == ("xml", "export/things/thing")
    assert found.lines == [5, 6]


@pytest.mark.parametrize("path", ["export/things/thing", "/export/things/thing", "things/thing", "thing"])
def test_a_declared_path(tmp_path: Path, path: str) -> None:
    assert len(read(write(tmp_path / "a.xml", THINGS.format("utf-8")), record_path=path).rows) == 2


def test_a_path_that_is_not_there_or_not_clear(tmp_path: Path) -> None:
    xml = write(tmp_path / "a.xml", "<r><a><i><x>1</x></i></a><b><i><x>2</x></i></b></r>")
    assert "'thing' is not there" in refusal(xml, record_path="thing")
    assert "stands in several places (r/a/i, r/b/i)" in refusal(xml, record_path="i")
    assert read(xml, record_path="b/i").rows == [["2"]]


def test_two_kinds_of_records_are_not_guessed_between(tmp_path: Path) -> None:
    xml = "<r><a x='1'/><a x='2'/><b x='1'/><b x='2'/></r>"
    assert "several elements repeat: r/a (2), r/b (2)" in refusal(write(tmp_path / "a.xml", xml))


def test_what_repeats_beside_the_records_is_told(tmp_path: Path) -> None:
    xml = "<r><log><m>1</m><m>2</m></log>" + "<i><x>1</x></i>" * 30 + "</r>"
    found = read(write(tmp_path / "a.xml", xml)).found
    assert (found["record_path"], found["other_elements"]) == ("r/i", "r/log/m (2)")


def test_a_single_record(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.xml", "<r><i><a>1</a><b>2</b></i></r>")).rows == [["1", "2"]]


def test_flatten_as_json(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.xml", THINGS.format("utf-8")), flatten="json")
    assert found.rows[0][-2:] == ['{"city":{"#text":"Bath","@lang":"en"}}', ""]


BOMB = '<!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;">]><a><b>&y;</b><b>2</b></a>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><b>&x;</b><b>2</b></a>'


@pytest.mark.parametrize("content", [BOMB, OUTSIDE, '<!DOCTYPE a SYSTEM "http://x.example/a.dtd"><a><b>1</b></a>'])
def test_entities_and_dtds_are_refused(tmp_path: Path, content: str) -> None:
    assert "declares a DTD" in refusal(write(tmp_path / "a.xml", content))


@pytest.mark.parametrize(
    "content",
    [
        "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
        '<?xml version="1.0"?><soap:Envelope xmlns:soap="u"><soap:Body><soap:Fault><faultcode>x</faultcode>'
        "</soap:Fault></soap:Body></soap:Envelope>",
        '<ows:ExceptionReport xmlns:ows="u"><ows:Exception exceptionCode="x"/></ows:ExceptionReport>',
        "<ServiceExceptionReport><ServiceException>no layer</ServiceException></ServiceExceptionReport>",
    ],
)
def test_error_bodies_are_refused(tmp_path: Path, content: str) -> None:
    assert "XML error document" in refusal(write(tmp_path / "a.xml", content))


@pytest.mark.parametrize(
    "content",
    [
        "<!DOCTYPE html><html><head><title>Log in</title></head></html>",
        "<html><body>Service unavailable</body></html>",
        '<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html></html>',
        "<!-- cached -->\n<HTML><BODY>gone</BODY></HTML>",
    ],
)
def test_pages_are_refused(tmp_path: Path, content: str) -> None:
    assert "HTML page" in refusal(write(tmp_path / "a.csv", content))


def test_office_xml_of_2003_is_refused(tmp_path: Path) -> None:
    content = (
        '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet/></Workbook>'
    )
    assert "Excel workbook in the XML form of 2003" in refusal(write(tmp_path / "a.xls", content))


def test_a_broken_record_costs_itself(tmp_path: Path) -> None:
    content = "<r>\n<i n='1'><a>1</a></i>\n<i n='2'><a>R&D</a></i>\n<i n='3'><a>3</b></i>\n<i n='4'><a>4</a></i>\n</r>"
    found = read(write(tmp_path / "a.xml", content))
    assert found.rows == [["1", "1"], ["4", "4"]]
    assert found.lines == [2, 5]
    assert [(bad.code, bad.line_number, bad.raw) for bad in found.unreadable] == [
        ("bad_xml", 3, b"<i n='2'><a>R&D</a></i>"),
        ("bad_xml", 4, b"<i n='3'><a>3</b></i>"),
    ]


@pytest.mark.parametrize(
    "content", ["<r><i><a>1</a></i><i><a>2</a>", "<r><i><a>1</a></i><i><a>2</a></i>", "<r><a>1</a>"]
)
def test_a_file_that_breaks_off_is_refused(tmp_path: Path, content: str) -> None:
    assert "damaged" in refusal(write(tmp_path / "a.xml", '<?xml version="1.0"?>' + content))


def test_a_header_in_brackets_is_no_xml(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "<TICKER>,<DATE>\nABC,2026-01-31\n")
    assert open_source(path, Hints(), Limits()) is None


def test_a_record_over_the_limit(tmp_path: Path) -> None:
    content = f"<r><i><a>1</a></i><i><a>{'x' * 5000}</a></i></r>"
    assert "longer than the limit" in refusal(write(tmp_path / "a.xml", content), Limits(element_bytes=2000))


def test_a_long_file_is_read_in_bounded_memory(tmp_path: Path) -> None:
    with open(tmp_path / "a.xml", "w") as file:
        file.write("<rows>")
        for row in range(100_000):
            file.write(f"<row id='{row}'><name>name {row}</name><text>{'x' * 150}</text></row>")
        file.write("</rows>")
    code = (
        "import sys, resource; from pathlib import Path; from extract.read import open_file\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "rows = sum(len(batch.rows) for batch in open_file(Path(sys.argv[1])).batches(1000))\n"
        "print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.xml"], capture_output=True, text=True, check=True)
    rows, grown = map(int, done.stdout.split())
    assert rows == 100_000
    assert grown < 40_000  # kB
