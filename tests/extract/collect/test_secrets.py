"""Credentials: by reference, for their own origin only, and shown nowhere."""

import base64
import logging
from pathlib import Path
from typing import Any

import pytest
from collect_server import CollectServer, redirects, sends, tagged

from extract.collect.client import Client
from extract.collect.declared import Credentials
from extract.collect.references import redacted, scrubbed
from extract.feeds import FeedError, catalogue

SECRET = "s3cr3t/with+odd=letters"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_SECRET", SECRET)
    monkeypatch.setenv("ACME_LOGIN", f"reader:{SECRET}")


def ways_to_send(name: str) -> Credentials:
    return {
        "bearer": Credentials(send="bearer", reference="env:ACME_SECRET"),
        "basic": Credentials(send="basic", reference="env:ACME_LOGIN"),
        "header": Credentials(send="header", name="X-Api-Key", reference="env:ACME_SECRET"),
        "query": Credentials(send="query", name="key", reference="env:ACME_SECRET"),
    }[name]


def seen(asked: Any) -> str | None:
    """The secret that a request carried."""
    told = asked.headers.get("authorization", "")
    if told.startswith("Basic "):
        return base64.b64decode(told[6:]).decode().partition(":")[2]
    return told.removeprefix("Bearer ") or asked.headers.get("x-api-key") or asked.query.get("key", [None])[0]


@pytest.mark.parametrize("send", ["bearer", "basic", "header", "query"])
def test_they_go_to_their_own_origin_only(send: str, allowed: None, web: CollectServer, tmp_path: Path) -> None:
    with CollectServer() as other:
        other.at("/things.csv", sends())
        web.at("/away", redirects(other.url("/things.csv")))
        url = web.at("/things.csv", redirects("/away"))
        Client(ways_to_send(send)).download(url, tmp_path / "body")
        assert [seen(asked) for asked in web.asked] == [SECRET, SECRET]
        assert [seen(asked) for asked in other.asked] == [None]


@pytest.mark.parametrize("send", ["bearer", "basic", "header", "query"])
def test_they_show_nowhere(send: str, things: Any, web: CollectServer, caplog: pytest.LogCaptureFixture) -> None:
    """The server repeats the secret in what it answers; logs are as talkative as they can be."""
    caplog.set_level(logging.DEBUG)
    declared = {"url": web.url("/things.csv"), "credentials": ways_to_send(send).model_dump(exclude_none=True)}
    things.declare({"http": declared})
    echo = redirects(web.url(f"/gone?token={SECRET}&x={SECRET}"))
    web.at("/things.csv", tagged(b"Region,Code,Size\nnorth,a,1\n", '"1"'), echo, sends(status=500), sends(length=9))
    problems = [problem for _ in range(4) for problem in things.collect().problems]
    assert len(problems) == 3
    shown = str([problems, things.small.sql("select f::text from ledger.fetches as f"), caplog.text])
    assert [asked for asked in web.asked if seen(asked) == SECRET]
    for spelling in (SECRET, "s3cr3t", "odd=letters", base64.b64encode(f"reader:{SECRET}".encode()).decode()):
        assert spelling not in shown


def test_a_reference_that_leads_nowhere_is_told_by_its_name(
    things: Any, web: CollectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_SECRET")
    for reference, told in (("env:ACME_SECRET", "ACME_SECRET is not set"), ("block:acme-key", "PREFECT_API_URL")):
        declared = {"url": web.at("/x.csv", sends()), "credentials": {"send": "bearer", "reference": reference}}
        things.declare({"http": declared})
        assert told in things.collect().problems[0]
    assert web.asked == []


@pytest.mark.parametrize(
    ("http", "told"),
    [
        ({"url": "https://x.example/a?api_key=abcdef"}, "no secret in a URL"),
        ({"url": "https://user:abcdef@x.example/a"}, "secret"),
        ({"url": "https://abcdef@x.example/a"}, "no user or password"),
        ({"url": "https://x.example/a", "headers": {"Authorization": "abcdef"}}, "no secret in YAML"),
        ({"url": "https://x.example/a", "headers": {"X-Api-Key": "abcdef"}}, "no secret in YAML"),
        ({"url": "https://x.example/a", "credentials": {"send": "bearer", "reference": "abcdef"}}, "never the secret"),
        ({"url": "https://x.example/a", "credentials": {"send": "header", "reference": "env:abcdef"}}, "`name`"),
    ],
)
def test_a_secret_in_yaml_is_refused_and_not_repeated(http: Any, told: str, things: Any) -> None:
    things.declare({"http": http})
    with pytest.raises(FeedError) as raised:
        catalogue()
    assert told in str(raised.value)
    assert "_acme.yml" in str(raised.value)
    assert "abcdef" not in str(raised.value)


def test_urls_are_shown_without_what_opens_doors() -> None:
    url = "https://me:pw@x.example/a b/c.csv?X-Amz-Signature=abc&sig=1&access_token=2&page=3&key=4#frag"
    assert redacted(url) == "https://x.example/a b/c.csv?X-Amz-Signature=***&sig=***&access_token=***&page=3&key=***"
    assert redacted("https://x.example/a?q=%20b") == "https://x.example/a?q=%20b"
    assert scrubbed("nothing to hide") == "nothing to hide"
