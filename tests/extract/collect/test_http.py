"""HTTP: what becomes of good answers and of bad ones."""

import gzip
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from collect_server import CSV, CollectServer, chunked, hangs, packed, redirects, sends, tagged, zipped

OTHER = CSV.replace(b",1,", b",2,")
HTML = b"<!DOCTYPE html><html><body>Please sign in</body></html>"


def test_a_file_becomes_a_delivery_and_is_written_down(things: Any, web: CollectServer) -> None:
    things.declare({"http": {"url": web.at("/open/things.csv", tagged(CSV, '"v1"'))}})
    report = things.collect()
    assert report.problems == []
    assert things.deliveries("name, state") == [("things.csv", "staged")]
    columns = "way, source, status, etag, content_type, content_length, bytes, outcome, delivery_id, reason"
    assert things.fetches(columns) == [
        ("http", web.url("/open/things.csv"), 200, '"v1"', "text/csv", len(CSV), len(CSV), "new", 1, None)
    ]


def test_an_unchanged_etag_costs_a_304(things: Any, web: CollectServer) -> None:
    url = web.at("/things.csv", tagged(CSV, '"v1"'))
    things.declare({"http": {"url": url}})
    things.collect()
    assert things.collect().ingested == []
    assert things.fetches() == [("new", 200, 1), ("unchanged", 304, 1)]
    web.at("/things.csv", tagged(OTHER, '"v2"'))
    things.collect()
    assert web.asked[-1].headers["if-none-match"] == '"v1"'
    assert things.fetches()[-1] == ("new", 200, 2)


def test_last_modified_is_asked_for(things: Any, web: CollectServer) -> None:
    things.declare({"http": {"url": web.at("/things.csv", sends(Last_Modified="Mon, 05 Jan 2026 10:00:00 GMT"))}})
    things.collect()
    things.collect()
    assert web.asked[1].headers["if-modified-since"] == "Mon, 05 Jan 2026 10:00:00 GMT"
    assert things.fetches() == [("new", 200, 1), ("unchanged", 200, 1)]  # it sent the same content all the same


def test_a_volatile_part_makes_no_delivery(things: Any, web: CollectServer) -> None:
    stamped = [CSV + b"north,b,1,made at 10:%02d,\n" % minute for minute in range(3)]
    url = web.at("/things.csv", *(sends(body) for body in [*stamped, stamped[2].replace(b"b,1", b"b,2")]))
    things.declare({"http": {"url": url, "volatile": [r"made at \d\d:\d\d"]}})
    for _ in range(4):
        things.collect()
    assert [outcome for outcome, *_ in things.fetches()] == ["new", "unchanged", "unchanged", "new"]


def test_a_changed_declaration_looks_again_at_what_was_refused(things: Any, web: CollectServer) -> None:
    url = web.at("/things.csv", tagged(CSV.replace(b"Code", b"Kode"), '"v1"'))
    things.declare({"http": {"url": url}})
    assert 'Missing: "Code"' in things.collect().problems[0]
    assert things.collect().problems == []  # told once
    things.declare_header("Kode")
    assert [done.outcome for done in things.collect().ingested] == ["new"]
    assert things.deliveries("state") == [("staged",)]


def test_the_days_of_a_source(things: Any, web: CollectServer) -> None:
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)
    url = web.url("/{date:%Y/%m}/things-{date}.csv")
    web.at(f"/{yesterday:%Y/%m}/things-{yesterday}.csv", sends())
    things.declare({"http": {"url": url, "lag": 1}})
    things.collect()
    assert things.deliveries() == [(f"things-{yesterday}.csv", str(yesterday))]
    things.declare({"http": {"url": url}})
    assert things.collect().problems == []  # it is not there yet
    assert things.fetches("outcome, status, asked_for, delivery_id")[-1] == ("unchanged", 404, today, None)


def test_the_name_that_the_server_gives(things: Any, web: CollectServer) -> None:
    given = {"Content_Disposition": "attachment; filename*=UTF-8''..%2Fup%2Fthings-2026-01-05.csv"}
    url = web.at("/download", sends(**given))
    things.declare({"http": {"url": url}}, effective_at={"filename": r"(?P<date>\d{4}-\d{2}-\d{2})"})
    things.collect()
    assert things.deliveries() == [("things-2026-01-05.csv", "2026-01-05")]


def test_a_day_that_the_name_lacks_is_told_and_written_down(things: Any, web: CollectServer) -> None:
    url = web.at("/things.csv", sends())
    things.declare({"http": {"url": url}}, effective_at={"filename": r"(?P<date>\d{4}-\d{2}-\d{2})"})
    assert "does not stand in its name" in things.collect().problems[0]
    [(outcome, reason)] = things.fetches("outcome, reason")
    assert outcome == "failed"
    assert "does not stand in its name" in reason


PASSES = {
    "500, then 200": [sends(status=500), sends()],
    "503 with Retry-After": [sends(status=503, Retry_After="0"), sends()],
    "429 with a date": [sends(status=429, Retry_After=format_datetime(datetime.now(UTC))), sends()],
    "cut": [sends(length=len(CSV) + 10), sends()],
    "cut between chunks": [chunked(CSV, ends=False), sends()],
    "gzip that ends early": [packed(gzip.compress(CSV)[:-9]), sends()],
    "damaged gzip": [packed(b"\x1f\x8b\x08\x00" + b"junk" * 9), sends()],
    "more than announced": [sends(length=20), sends()],
    "no answer": [hangs(0), sends()],
    "in chunks": [chunked(CSV[:9], CSV[9:])],
    "as gzip": [zipped(CSV)],
    "as two gzips": [packed(gzip.compress(CSV[:9]) + gzip.compress(CSV[9:]))],
    "as deflate": [sends(zlib.compress(CSV), Content_Encoding="deflate")],
}


@pytest.mark.parametrize("how", PASSES)
def test_what_passes_or_is_sent_otherwise_becomes_the_same_delivery(how: str, things: Any, web: CollectServer) -> None:
    things.declare({"http": {"url": web.at("/things.csv", *PASSES[how])}})
    assert things.collect().problems == []
    assert things.content(1) == CSV
    assert things.fetches() == [("new", 200, 1)]


FAILS = {
    "404": (sends(HTML, status=404), "failed", "404", 1),
    "403 with data": (sends(status=403), "failed", "403", 1),
    "206": (sends(status=206), "failed", "206", 1),
    "500 for ever": (sends(status=500), "failed", "500 Internal Server Error (3 attempts)", 3),
    "429 for hours": (sends(status=429, Retry_After="7200"), "failed", "come back in 7,200 seconds", 1),
    "cut for ever": (sends(length=len(CSV) + 1), "failed", "cut", 3),
    "more than announced": (sends(length=20), "failed", "announced 20 bytes and sent more", 3),
    "gzip that ends early": (packed(gzip.compress(CSV)[:-4]), "failed", "ends early", 3),
    "HTML as CSV": (sends(HTML), "refused", "a web page came", 1),
    "HTML as HTML": (sends(CSV, type="text/html; charset=utf-8"), "refused", "a web page came", 1),
    "nothing": (sends(b""), "refused", "empty", 1),
    "unasked encoding": (sends(Content_Encoding="br"), "refused", "packed as 'br'", 1),
    "redirect to a file": (redirects("file:///etc/hostname"), "refused", "not HTTP", 1),
}


@pytest.mark.parametrize("how", FAILS)
def test_what_is_no_whole_file_is_no_delivery(how: str, things: Any, web: CollectServer) -> None:
    answer, outcome, told, asked = FAILS[how]
    things.declare({"http": {"url": web.at("/things.csv", answer)}})
    report = things.collect()
    [problem] = report.problems
    assert told in problem
    assert web.url("/things.csv") in problem
    assert "\n" not in problem
    assert things.deliveries() == []
    assert things.fetches("outcome, reason, delivery_id") == [(outcome, problem, None)]
    assert len(web.asked) == asked
    assert list((things.small.home / "tmp").iterdir()) == []


def test_a_redirect_loop_ends(things: Any, web: CollectServer) -> None:
    web.at("/b", redirects("/a"))
    things.declare({"http": {"url": web.at("/a", redirects("/b"))}})
    assert "more than 5 redirects" in things.collect().problems[0]
    assert len(web.asked) == 6


def test_a_gzip_bomb_is_not_unpacked(things: Any, web: CollectServer) -> None:
    zeros = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(zeros.compress(bytes(2**20)) for _ in range(300)) + zeros.flush()
    assert len(bomb) < 400_000
    things.declare({"http": {"url": web.at("/things.csv", packed(bomb))}})
    assert "that is not unpacked" in things.collect().problems[0]
    assert things.fetches("outcome") == [("refused",)]


@pytest.mark.parametrize("answer", [sends(CSV * 9), chunked(*[CSV] * 9)])
def test_a_body_over_the_bound(answer: Any, things: Any, web: CollectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_FETCHING", '{"bytes": 100, "attempts": 1}')
    things.declare({"http": {"url": web.at("/things.csv", answer)}})
    assert "larger than 100 bytes" in things.collect().problems[0]


@pytest.mark.parametrize(
    ("bound", "answer", "told"),
    [
        ('{"total": 0.2, "attempts": 1}', chunked(*[b"x"] * 100, pause=0.05), "still coming"),
        ('{"read": 0.2, "attempts": 1}', hangs(2), "timed out"),
    ],
)
def test_a_server_that_drips_or_hangs_is_left(
    bound: str, answer: Any, told: str, things: Any, web: CollectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_FETCHING", bound)
    things.declare({"http": {"url": web.at("/things.csv", answer)}})
    assert told in things.collect().problems[0]
    assert things.deliveries() == []


def test_retry_after_is_waited_for(things: Any, web: CollectServer) -> None:
    things.declare({"http": {"url": web.at("/things.csv", sends(status=429, Retry_After="1"), sends())}})
    assert things.collect().problems == []
    first, second = web.asked
    assert second.at - first.at >= 1


def test_a_wrong_bound_is_told(things: Any, web: CollectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_FETCHING", '{"attemps": 1}')
    things.declare({"http": {"url": web.at("/things.csv", sends())}})
    assert "SLUICE_FETCHING: attemps" in things.collect().problems[0]


def test_a_sheet_is_a_csv_and_a_login_page_is_none(
    things: Any, web: CollectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_SHEETS_URL", web.url())
    web.at("/spreadsheets/d/1aBc-D_e/export", redirects("/elsewhere", 307))
    web.at("/elsewhere", sends(Content_Disposition='attachment; filename="Things - Sheet1.csv"'))
    things.declare({"sheet": {"id": "1aBc-D_e", "gid": 7}})
    things.collect()
    assert web.asked[0].query == {"format": ["csv"], "gid": ["7"]}
    assert things.deliveries("name, state") == [("Things - Sheet1.csv", "staged")]
    things.collect()
    assert things.fetches("way, outcome") == [("sheet", "new"), ("sheet", "unchanged")]

    web.at("/spreadsheets/d/e/2PACX-1v/pub", sends(HTML, type="text/html"))
    things.declare({"sheet": {"id": "2PACX-1v"}})
    assert "a web page came, and no data" in things.collect().problems[0]
    assert web.asked[-1].query["output"] == ["csv"]
