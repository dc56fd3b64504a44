"""Listings: each new file of an index becomes a delivery, and a known one costs nothing."""

import json
from typing import Any

import pytest
from collect_server import CSV, CollectServer, sends, tagged

INDEX = """<html><head><title>Index of /out</title></head><body><h1>Index of /out</h1><pre>
<a href="../">Parent</a>
<a href="old/">old/</a>                        2026-01-01 00:00    -
<a href="things-2026-01-02.csv">things-2026..&gt;</a>   {second}
<a href="/out/things-2026-01-01.csv#top">things-2026..&gt;</a>   2026-01-01 06:00   41
<a href="things-2026-02-31.csv">no day of any month</a>
<a href="other-2026-01-01.csv">other</a> <a href="mailto:things-2026-01-01.csv">mail</a>
<a name="nothing">nothing</a><a href="javascript:things-2026-01-03.csv">script</a>
</pre></body></html>"""
PATTERN = r"^things-(?P<date>\d{4}-\d{2}-\d{2})\.csv$"


def day(number: int) -> bytes:
    return CSV.replace(b",1,", b",%d," % number)


def index(second: str) -> Any:
    return sends(INDEX.format(second=second).encode(), type="text/html")


@pytest.fixture
def listed(things: Any, web: CollectServer) -> Any:
    web.at("/out/", index("2026-01-02 06:00   41"))
    for number in (1, 2):
        web.at(f"/out/things-2026-01-0{number}.csv", tagged(day(number), f'"{number}"'))
    things.declare({"listing": {"url": web.url("/out/"), "pattern": PATTERN}})
    return things


def test_each_file_that_is_meant_is_a_delivery_of_its_day(listed: Any, web: CollectServer) -> None:
    assert listed.collect().problems == []
    assert listed.deliveries() == [("things-2026-01-01.csv", "2026-01-01"), ("things-2026-01-02.csv", "2026-01-02")]
    assert listed.fetches("source, mark, asked_for::text, outcome")[1] == (
        web.url("/out/things-2026-01-02.csv"), "2026-01-02 06:00 41", "2026-01-02", "new",
    )  # fmt: skip


def test_a_known_file_is_not_asked_again(listed: Any, web: CollectServer) -> None:
    listed.collect()
    web.asked.clear()
    assert listed.collect().ingested == []
    assert web.paths() == ["/out/"]
    assert listed.fetches("source, outcome, reason")[2:] == [
        (web.url("/out/"), "unchanged", "2 files are meant, and all of them known")
    ]


def test_another_size_or_date_in_the_index_is_a_reason_to_look(listed: Any, web: CollectServer) -> None:
    listed.collect()
    web.at("/out/", index("2026-01-09 10:00   41"))
    web.asked.clear()
    listed.collect()
    assert web.paths() == ["/out/", "/out/things-2026-01-02.csv"]
    assert listed.fetches("outcome, status, mark")[-1] == ("unchanged", 304, "2026-01-09 10:00 41")
    web.at("/out/things-2026-01-02.csv", tagged(day(3), '"3"'))
    web.at("/out/", index("2026-01-10 10:00   41"))
    listed.collect()
    assert listed.deliveries("effective_date::text, revision, state")[-1] == ("2026-01-02", 2, "staged")


def test_a_bare_link_is_asked_whether_it_changed(listed: Any, web: CollectServer) -> None:
    web.at("/out/", index(""))
    listed.collect()
    web.asked.clear()
    listed.collect()
    assert web.asked[-1].headers["if-none-match"] == '"2"'
    assert listed.fetches("outcome, status")[-1] == ("unchanged", 304)


def test_a_file_that_fails_stops_no_other(listed: Any, web: CollectServer) -> None:
    good = web.answers["/out/things-2026-01-01.csv"]
    web.at("/out/things-2026-01-01.csv", sends(status=404))
    [problem] = listed.collect().problems
    assert "things-2026-01-01.csv: 404" in problem
    assert listed.deliveries() == [("things-2026-01-02.csv", "2026-01-02")]
    web.at("/out/things-2026-01-01.csv", *good)
    assert listed.collect().problems == []
    assert listed.deliveries()[-1] == ("things-2026-01-01.csv", "2026-01-01")


def test_an_index_that_cannot_be_had_is_told(listed: Any, web: CollectServer) -> None:
    web.at("/out/", sends(status=403))
    [problem] = listed.collect().problems
    assert f"{web.url('/out/')}: 403" in problem
    assert listed.fetches("source, outcome, status") == [(web.url("/out/"), "failed", 403)]


def test_a_list_in_json(things: Any, web: CollectServer) -> None:
    files = [
        {"name": "things-a.csv", "links": {"self": "/out/things-a.csv?sig=first"}, "size": 41, "modified": "monday"},
        {"name": "readme", "links": {"self": "/out/readme.txt"}},
        {"name": "nothing"},
    ]
    url = web.at("/index.json", sends(json.dumps({"files": files}).encode(), type="application/json"))
    web.at("/out/things-a.csv", sends())
    how = {"url": url, "files": "things-*.csv", "index": {"records": "files", "link": "links.self"}}
    things.declare({"listing": how})
    assert things.collect().problems == []
    assert things.deliveries("name") == [("things-a.csv",)]
    assert things.fetches("source, mark") == [(web.url("/out/things-a.csv?sig=***"), "41 monday")]
    web.at("/index.json", sends(json.dumps({"files": files}).replace("first", "second").encode()))
    web.asked.clear()
    things.collect()
    assert web.paths() == ["/index.json"]  # another signature is not another file


def test_a_file_on_a_private_host_is_not_fetched(listed: Any, web: CollectServer) -> None:
    link = f'<a href="http://127.0.0.3:{web.port}/things-2026-01-05.csv">x</a>'
    web.at("/out/", sends(link.encode(), type="text/html"))
    [problem] = listed.collect().problems
    assert "127.0.0.3, a private address" in problem
    assert listed.fetches("outcome") == [("refused",)]


def test_a_listing_says_which_files(things: Any) -> None:
    from extract.feeds import FeedError, catalogue

    for how in ({}, {"files": "*.csv", "pattern": "x"}):
        things.declare({"listing": {"url": "https://x.example/", **how}})
        with pytest.raises(FeedError, match="either `files`"):
            catalogue()
