"""Effective times: of rows, as PostgreSQL reads them; of files, as it stands beside them."""

import os
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from collect_server import CollectServer, sends

from extract.effective import FromColumn, moment_of, row_time_sql

CHICAGO = "America/Chicago"
TEXTS = [
    (None, "2026-01-05", "2026-01-05T06:00Z"),
    (None, " 2026-01-05 08:30 ", "2026-01-05T14:30Z"),
    (None, "2026-07-05T08:30:15.25", "2026-07-05T13:30:15.25Z"),
    (None, "2026-01-05T08:30:15,5+05:30", "2026-01-05T03:00:15.5Z"),
    (None, "2026-01-05T08:30Z", "2026-01-05T08:30Z"),
    (None, "2026-01-05 08:30:00-05", "2026-01-05T13:30Z"),
    (None, "2026-02-30", None),
    (None, "2026-01-05T08", None),
    (None, "05.01.2026", None),
    (None, "infinity", None),
    (None, "now", None),
    (None, "", None),
    (None, None, None),
    ("%d/%m/%Y %H:%M", "5/1/2026 08:30", "2026-01-05T14:30Z"),
    ("%d/%m/%Y %H:%M", "31/02/2026 08:30", None),
    ("%d/%m/%Y %H:%M", "2026-01-05 08:30", None),
    ("%m/%d/%Y %I:%M:%S %p", "01/05/2026 12:30:00 AM", "2026-01-05T06:30Z"),
    ("%m/%d/%Y %I:%M:%S %p", "01/05/2026 13:30:00 PM", None),
    ("%d %b %Y", "05 Jan 2026", "2026-01-05T06:00Z"),
    ("%d %b %Y", "05 Foo 2026", None),
    ("%Y%m%d%H%M%S%z", "20260105083000+0100", "2026-01-05T07:30Z"),
    ("at '%Y-%m-%d'", "at '2026-01-05'", "2026-01-05T06:00Z"),
    ("%Y-%m-%dT%H:%M:%S.%f%z", "2026-01-05T08:30:00.125Z", "2026-01-05T08:30:00.125Z"),
]


def test_texts_of_rows_as_times(server: str) -> None:
    with psycopg.connect(server.rsplit("/", 1)[0] + "/postgres") as connection:
        for format, text, expected in TEXTS:
            asked = row_time_sql(FromColumn(column="at", format=format), CHICAGO, "told.text")
            given = "select nullif(current_setting('sluice.text'), 'NULL') as text"
            query = f"select extract(epoch from {asked}) from ({given}) as told"
            connection.execute("select set_config('sluice.text', %s, false)", ["NULL" if text is None else text])
            connection.execute("set datestyle = 'German, DMY'")
            connection.execute("set timezone = 'Asia/Kolkata'")
            [found] = connection.execute(query).fetchone() or (None,)  # type: ignore[arg-type]
            seconds = datetime.fromisoformat(expected).timestamp() if expected else None
            assert found == seconds, (format, text)


@pytest.mark.parametrize("format", ["%Y-%m", "%y-%m-%d", "%Y-%m-%d %I:%M", "%Y-%m-%d %d", "%d", "%Y-%m-%d %U"])
def test_a_format_that_says_no_time(format: str) -> None:
    with pytest.raises(ValueError, match=r"needs %Y|is not read of rows|hours are"):
        FromColumn(column="at", format=format)


@pytest.mark.parametrize(
    ("text", "format", "expected"),
    [
        ("Mon, 05 Jan 2026 10:00:00 GMT", None, datetime(2026, 1, 5, 10, tzinfo=UTC)),
        ("2026-01-05T10:00:00Z", None, datetime(2026, 1, 5, 10, tzinfo=UTC)),
        ("2026-01-05", None, datetime(2026, 1, 5, 6, tzinfo=UTC)),
        ("05.01.2026 08:00", "%d.%m.%Y %H:%M", datetime(2026, 1, 5, 14, tzinfo=UTC)),
    ],
)
def test_texts_of_metadata_as_times(text: str, format: str | None, expected: datetime) -> None:
    assert moment_of(text, format, ZoneInfo(CHICAGO)) == expected


def test_a_header_says_when_an_answer_holds(things: Any, web: CollectServer) -> None:
    headers = {"Last_Modified": "Mon, 05 Jan 2026 10:00:00 GMT", "X_Speaks_Of": "2026-01-03"}
    url = web.at("/things.csv", sends(**headers))
    things.declare({"http": {"url": url}}, effective_at={"metadata": "X-Speaks-Of"}, timezone=CHICAGO)
    assert things.collect().problems == []
    assert things.deliveries("effective_at") == [(datetime(2026, 1, 3, 6, tzinfo=UTC),)]
    things.declare({"http": {"url": url}}, effective_at={"metadata": "x-nothing"})
    things.small.sql("delete from ledger.fetches")
    [problem] = things.collect().problems
    assert problem.startswith(
        f"{url}: the time that it speaks of is to stand in its metadata 'x-nothing' (acme.things)"
    )
    assert "--effective-at" in problem
    things.declare({"http": {"url": url}}, effective_at={"metadata": "etag", "format": "%Y"})
    web.at("/things.csv", sends(ETag="soon"))
    [problem] = things.collect().problems
    assert "'soon' is not %Y" in problem


def test_a_file_that_lies_here_was_changed_at_a_time(things: Any) -> None:
    things.declare({"drop": "acme/things-*.csv"}, effective_at={"metadata": "last-modified"})
    file = things.small.drop("acme/things-a.csv", "Region,Code,Size,Note,Keeper\nn,a,1,,\n")
    os.utime(file, (1769000000.75, 1769000000.75))
    for _ in range(2):
        assert things.collect().problems == []
    assert things.deliveries("effective_at") == [(datetime.fromtimestamp(1769000000, UTC),)]
    things.declare({"drop": "acme/things-*.csv"}, effective_at={"metadata": "speaks-of"})
    [problem] = things.collect().problems
    assert "a file that lies here has last-modified only" in problem
