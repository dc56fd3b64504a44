"""Owners are told of their bad rows: to their own addresses, as often as they want it, and nothing stops for it."""

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from mailbox import free_port, mailbox
from zoneinfo import ZoneInfo

import pytest
from command import sluice
from conftest import TEST_PROJECT, forget_settings
from workbench import things

from extract.feeds import Notify
from flows.notify import due, tell_owners
from publish import mail
from warehouse.aws import client
from warehouse.errors import SluiceError
from warehouse.notices import Told


@pytest.fixture
def telling(small, small_project, tmp_path, monkeypatch):
    """Sets what the feed of things says of notices, and where mail goes to."""
    file = small_project / "models" / "staging" / "acme" / "_acme.yml"
    original = (TEST_PROJECT / "models" / "staging" / "acme" / "_acme.yml").read_text()

    def tell(smtp=None, notify="{when: at_once}", email="[data@acme.example, Desk@acme.example]"):
        text = original.replace("email: data@acme.example", f"email: {email}")
        file.write_text(
            text.replace("            mode: full\n", f"            mode: full\n            notify: {notify}\n")
        )
        if smtp:
            monkeypatch.setenv("SLUICE_SMTP_URL", smtp)
        forget_settings()

    yield tell
    file.write_text(original)
    forget_settings()


BAD = ("north,a,1,,", "north,b,x,,secret.person@example.com", "north,c,-7,,")


def test_each_address_of_the_owner_gets_a_mail_of_its_own(small, telling, tmp_path):
    with mailbox(tmp_path) as box:
        telling(box.url)
        things(small, 1, *BAD)
        report = small.run()
        assert [(n.address, n.outcome) for n in report.notices if n.feed == "acme.things"] == [
            ("d***@acme.example", "sent"), ("D***@acme.example", "sent"),
        ]  # fmt: skip
        assert box.recipients == ["data@acme.example", "Desk@acme.example"]
        assert [m["To"] for m in box.mails] == ["data@acme.example", "Desk@acme.example"]
        mailed = box.mails[0]
        assert mailed["Subject"] == "2 rows to mend in acme.things"
        text, html = (mailed.get_body((kind,)).get_content() for kind in ("plain", "html"))
        for body in (text, html):
            assert "The size is a whole number." in body
            assert "size_negative" in body
            assert "Size" in body
            assert "things-2026-01-01.csv" in body
            assert "secret.person" not in body
        assert "line 3" in text
        assert not list(mailed.iter_attachments())
        assert small.sql("select channel, address, outcome, attempts, open_rows from ledger.notices") == [
            ("mail", "d***@acme.example", "sent", 1, 2), ("mail", "D***@acme.example", "sent", 1, 2),
        ]  # fmt: skip
        assert not small.sql("select 1 from ledger.notices where notices::text ~* 'data@|desk@'")

        small.run()
        assert len(box.mails) == 2, "nothing has changed"
        things(small, 1, "north,a,1,,", "north,b,2,,", "north,c,7,,")
        small.run()
        assert box.mails[2]["Subject"] == "Nothing left to mend in acme.things"


def test_the_rows_go_with_it_only_where_the_feed_says_so(small, telling, tmp_path):
    with mailbox(tmp_path) as box:
        telling(box.url, notify="{when: at_once, attach: true}", email="data@acme.example")
        things(small, 1, *BAD)
        small.run()
        [attached] = box.mails[0].iter_attachments()
        assert attached.get_filename() == "things-2026-01-01.mends-1.csv"
        assert b"secret.person@example.com" in attached.get_content()
        assert "attached file" in box.mails[0].get_body(("plain",)).get_content()


def test_a_server_that_refuses_stops_no_merge(small, telling, tmp_path):
    with mailbox(tmp_path, refusals="451 550") as box:
        telling(box.url, email="data@acme.example")
        things(small, 1, *BAD)
        report = small.run()
        assert [merged.rows for merged in report.merged] == [1]
        [notice] = [n for n in report.notices if n.feed == "acme.things"]
        assert (notice.outcome, box.mails) == ("failed", [])
        assert "refuses the mail (550)" in notice.problem
        assert small.sql("select outcome, attempts from ledger.notices") == [("failed", 2)]
        small.run()
        assert len(box.mails) == 1, "what failed is told at the next time"


def test_nobody_listens(small, telling):
    telling(f"smtp://user:very-secret@127.0.0.1:{free_port()}", email="data@acme.example")
    things(small, 1, *BAD)
    result = sluice("run", "thing")
    assert result.exit_code == 0, result.output
    assert "failed: the mail server 127.0.0.1" in result.output
    assert "does not answer" in result.output
    result = sluice("report", "send")
    assert result.exit_code == 1
    assert "very-secret" not in result.output + result.stderr
    assert "data@" not in result.output + result.stderr
    assert small.sql("select outcome, attempts from ledger.notices") == [("failed", 3), ("failed", 3)]


def test_a_login(small, telling, tmp_path):
    with mailbox(tmp_path, login="me:pass word") as box:
        telling(box.url.replace("pass word", "pass%20word"), email="data@acme.example")
        things(small, 1, *BAD)
        small.run()
        assert len(box.mails) == 1
        telling(
            box.url.replace("pass word", "wrong"),
            notify="{when: at_once, only_on_change: false}",
            email="data@acme.example",
        )
        [notice] = [n for n in small.run().notices if n.feed == "acme.things"]
        assert "login" in notice.problem
        assert "me:wrong" not in notice.problem
        assert len(box.mails) == 1


def test_a_dry_run_sends_and_records_nothing(small, telling):
    telling(email="data@acme.example", notify="{when: daily}")
    things(small, 1, *BAD)
    small.run()
    result = sluice("report", "send", "--dry-run", "--feed", "acme.things")
    assert result.exit_code == 0, result.output
    assert "acme.things to d***@acme.example (mail): would be sent, 2 open rows" in result.output
    assert "What is wrong" in result.output
    assert small.value("select count(*) from ledger.notices") == 0
    assert "SLUICE_SMTP_URL" in sluice("report", "send").stderr


def test_a_topic_hears_it(small, telling, aws, aws_url, monkeypatch):
    topic = "arn:aws:sns:eu-central-1:123456789012:quality"  # of another region than ours
    monkeypatch.setenv("SLUICE_SNS_TOPIC", topic)
    telling()
    things(small, 1, *BAD)
    [notice] = [n for n in small.run().notices if n.feed == "acme.things"]
    assert (notice.outcome, notice.problem) == (
        "failed",
        "SNS refuses the notice (NotFound); look at SLUICE_SNS_TOPIC",
    )
    client("sns", "eu-central-1").create_topic(Name="quality")
    [notice] = [n for n in small.run().notices if n.feed == "acme.things"]
    assert (notice.channel, notice.outcome) == ("sns", "sent")
    with urllib.request.urlopen(f"{aws_url}/moto-api/data.json") as answer:
        assert topic in json.dumps(json.load(answer)["sns"])
    assert small.sql("select channel, outcome from ledger.notices order by notice_id") == [
        ("sns", "failed"),
        ("sns", "sent"),
    ]


NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
UTC_ZONE = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("when", "hours_ago", "changed", "told"),
    [
        ("at_once", 0, True, True),
        ("at_once", 0, False, False),
        ("daily", 2, True, False),
        ("daily", 13, True, True),
        ("daily", 13, False, False),
        ("weekly", 48, True, False),
        ("weekly", 96, True, True),
        ("never", 1000, True, False),
    ],
)
def test_how_often(when, hours_ago, changed, told):
    last = Told(NOW - timedelta(hours=hours_ago), b"before", 3)
    answer = due(Notify(when=when), last, b"now" if changed else b"before", 2, NOW, UTC_ZONE)
    assert (answer == "") is told


def test_without_only_on_change_it_is_told_again_and_again():
    last = Told(NOW - timedelta(days=1), b"same", 3)
    assert due(Notify(only_on_change=False), last, b"same", 3, NOW, UTC_ZONE) == ""


@pytest.mark.parametrize(
    "url", ["mail.example", "http://x", "smtp://", "smtp://u:geheim@h:port", "smtp://u:geheim@h?starttls=perhaps"]
)
def test_an_url_that_is_none_is_told_without_it(url):
    with pytest.raises(SluiceError) as error:
        mail.server(url)
    assert "geheim" not in str(error.value)


def test_a_password_is_not_sent_in_the_clear():
    assert "geheim" not in repr(mail.server("smtp://u:geheim@mail.example"))


def test_nothing_is_told_before_the_first_run(small, telling):
    telling()
    assert tell_owners(dry_run=True) == [] or all(n.outcome == "nothing is open" for n in tell_owners(dry_run=True))
