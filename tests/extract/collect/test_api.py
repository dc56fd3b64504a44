"""APIs: pages of JSON become the lines of one file, or no file at all."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from collect_server import Answer, Asked, CollectServer, Handler, sends

ALL = [{"Region": "north", "Code": f"c{number}", "Size": number} for number in range(7)]
TODAY = datetime.now(UTC).date().isoformat()


def as_json(value: Any, **headers: str) -> Answer:
    return sends(json.dumps(value, indent=1).encode(), type="application/json", **headers)


def by_page(handler: Handler, asked: Asked) -> None:
    page = int(asked.query["page"][0])
    as_json({"data": {"items": ALL[3 * (page - 1) : 3 * page]}})(handler, asked)


def by_offset(handler: Handler, asked: Asked) -> None:
    start, size = int(asked.query["offset"][0]), int(asked.query["limit"][0])
    as_json({"data": {"items": ALL[start : start + size]}})(handler, asked)


def by_cursor(handler: Handler, asked: Asked) -> None:
    start = int(asked.query.get("after", ["0"])[0])
    following = str(start + 3) if start + 3 < len(ALL) else None
    as_json({"data": {"items": ALL[start : start + 3]}, "meta": {"next": following}})(handler, asked)


def by_url(handler: Handler, asked: Asked) -> None:
    start = int(asked.query.get("start", ["0"])[0])
    following = f"/things?start={start + 3}" if start + 3 < len(ALL) else None
    as_json({"data": {"items": ALL[start : start + 3]}, "next": following})(handler, asked)


def by_link(handler: Handler, asked: Asked) -> None:
    start = int(asked.query.get("start", ["0"])[0])
    more = {"Link": f'</things?start={start + 3}>; rel="next", </>; rel="first"'} if start + 3 < len(ALL) else {}
    as_json({"data": {"items": ALL[start : start + 3]}}, **more)(handler, asked)


PAGED: dict[str, Any] = {
    "page": (by_page, {"by": "page", "parameter": "page"}, {}, 4),
    "offset": (by_offset, {"by": "offset", "parameter": "offset"}, {"limit": 3}, 4),
    "cursor": (by_cursor, {"by": "cursor", "parameter": "after", "next": "meta.next"}, {}, 3),
    "URL": (by_url, {"by": "cursor", "next": "next"}, {}, 3),
    "link": (by_link, {"by": "link"}, {}, 3),
    "one page": (as_json({"data": {"items": ALL}}), None, {}, 1),
}


@pytest.mark.parametrize("how", PAGED)
def test_every_page_becomes_lines(how: str, things: Any, web: CollectServer) -> None:
    answer, pages, params, asked = PAGED[how]
    declared = {"url": web.at("/things", answer), "params": params, "records": "data.items"}
    things.declare({"api": declared | ({"pages": pages} if pages else {})})
    assert things.collect().problems == []
    assert [json.loads(line) for line in things.content(1).splitlines()] == ALL
    assert len(web.asked) == asked
    assert things.deliveries("name, state") == [(f"things-{TODAY}.ndjson", "staged")]
    assert things.small.value("select count(*) from staging.acme__things where _delivery_id = 1") == 7
    things.collect()
    assert things.fetches("way, outcome, delivery_id") == [("api", "new", 1), ("api", "unchanged", 1)]


def test_numbers_keep_their_spelling(things: Any, web: CollectServer) -> None:
    body = b'[ {"Region": "n\\u00f6rth\\n", "Code":\r\n "a", "Size": 1.10, "Note": 12345678901234567890.0} ]'
    things.declare({"api": {"url": web.at("/things", sends(body))}})
    assert things.collect().problems == []
    [line] = things.content(1).decode().splitlines()
    assert '"Size": 1.10' in line
    assert "12345678901234567890.0" in line
    assert things.small.sql("select region, size from staging.acme__things") == [("nörth\n", "1.10")]


def test_a_page_that_fails_leaves_no_half_delivery(things: Any, web: CollectServer) -> None:
    def breaks(handler: Handler, asked: Asked) -> None:
        broken = asked.query["page"] == ["2"]
        (sends(b'{"data": {"items": [{"Region"', length=99) if broken else by_page)(handler, asked)

    pages = {"by": "page", "parameter": "page"}
    things.declare({"api": {"url": web.at("/things", breaks), "records": "data.items", "pages": pages}})
    [problem] = things.collect().problems
    assert "page=2: the connection was cut" in problem
    assert things.deliveries() == []
    assert things.fetches("outcome, delivery_id") == [("failed", None)]


def ignores(handler: Handler, asked: Asked) -> None:
    as_json({"data": {"items": ALL}})(handler, asked)


@pytest.mark.parametrize(
    ("answer", "pages", "outcome", "told"),
    [
        (ignores, {"by": "page", "parameter": "p"}, "failed", "the same page came twice"),
        (as_json({"data": []}), None, "refused", "there is no list at 'data.items'"),
        (as_json({"error": "no"}), None, "refused", "there is no list at 'data.items'"),
        (as_json({"data": {"items": []}}), None, "refused", "no record came"),
        (sends(b"<html>busy</html>"), None, "refused", "a web page came, and no data"),
        (sends(b'{"data": {"items": ['), None, "refused", "no JSON"),
    ],
)
def test_what_is_no_list_of_records(
    answer: Answer, pages: Any, outcome: str, told: str, things: Any, web: CollectServer
) -> None:
    declared = {"url": web.at("/things", answer), "records": "data.items"}
    things.declare({"api": declared | ({"pages": pages} if pages else {})})
    [problem] = things.collect().problems
    assert told in problem
    assert things.deliveries() == []
    assert things.fetches("outcome") == [(outcome,)]


def test_no_record_of_a_delta_is_nothing_new(things: Any, web: CollectServer) -> None:
    things.declare({"api": {"url": web.at("/things", as_json([]))}}, mode="delta")
    assert things.collect().problems == []
    assert things.fetches("outcome, reason, delivery_id") == [("unchanged", "no record", None)]


def test_since_is_the_day_of_the_last_delivery(things: Any, web: CollectServer) -> None:
    url = web.at("/things", as_json(ALL))
    params = {"from": "{since}", "to": "{today:%d.%m.%Y}", "all": True}
    things.declare({"api": {"url": url, "params": params}}, mode="delta")
    assert "{since} has no value yet" in things.collect().problems[0]
    things.declare({"api": {"url": url, "params": params, "since": "2020-02-29"}}, mode="delta")
    things.collect()
    things.collect()
    assert [asked.query["from"][0] for asked in web.asked] == ["2020-02-29", TODAY]
    assert web.asked[0].query["to"] == [datetime.now(UTC).strftime("%d.%m.%Y")]
    assert web.asked[0].query["all"] == ["true"]


def test_the_rate_is_kept(things: Any, web: CollectServer) -> None:
    declared = {"url": web.at("/things", by_link), "records": "data.items", "pages": {"by": "link"}, "rate": 20}
    things.declare({"api": declared})
    assert things.collect().problems == []
    times = [asked.at for asked in web.asked]
    assert len(times) == 3
    assert times[2] - times[0] >= 0.09  # two pauses of a twentieth of a second


def test_a_next_page_elsewhere_is_asked_without_credentials(
    things: Any, web: CollectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_SECRET", "hush-hush")
    with CollectServer() as other:
        following = other.at("/things", as_json({"items": ALL[3:]}))
        url = web.at("/things", as_json({"items": ALL[:3], "next": following}))
        credentials = {"send": "bearer", "reference": "env:ACME_SECRET"}
        pages = {"by": "cursor", "next": "next"}
        things.declare({"api": {"url": url, "records": "items", "pages": pages, "credentials": credentials}})
        things.collect()
        assert len(things.content(1).splitlines()) == 7
        assert web.asked[0].headers["authorization"] == "Bearer hush-hush"
        assert "authorization" not in other.asked[0].headers


def test_a_half_declared_paging_is_told(things: Any) -> None:
    from extract.feeds import FeedError, catalogue

    url = "https://x.example/things"
    for pages, told in (({"by": "page"}, "needs `parameter`"), ({"by": "cursor"}, "`next`"), ({"by": "magic"}, "by")):
        things.declare({"api": {"url": url, "pages": pages}})
        with pytest.raises(FeedError, match=told):
            catalogue()
    things.declare({"api": {"url": url, "params": {"day": "{yesterday}"}}})
    with pytest.raises(FeedError, match=r"there is no \{yesterday\}"):
        catalogue()


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ({"url": "http://127.0.0.1/{key}"}, "{key} in the url or a parameter is what `each` puts there"),
        ({"url": "http://127.0.0.1/x", "each": {"of": "thing", "column": "code"}}, "say both, or neither"),
        ({"url": "http://127.0.0.1/{key}", "each": {"of": "thing", "column": "code"}}, "`each` needs `rate`"),
        ({"url": "/x"}, "goes on behind `base: env:NAME`"),
        (
            {"url": "http://127.0.0.1/{key}", "rate": 1, "each": {"of": "thing", "column": "code"}},
            "needs `mode: delta`",
        ),
    ],
)
def test_a_declaration_of_keys_is_whole(says: Any, told: str, things: Any) -> None:
    from extract.feeds import FeedError

    things.declare({"api": says})
    with pytest.raises(FeedError, match=re.escape(told)):
        things.collect()
