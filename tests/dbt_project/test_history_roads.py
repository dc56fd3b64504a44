"""The fold's roads lead to the same place; what it writes beside the versions is right."""

from datetime import date

import pytest

HEADER = "Region,Code,Size,Note,Keeper\n"


def day(small, number: int, rows: str, feed: str = "things") -> int:
    file = small.file(f"{feed}-{date(2026, 1, number)}.csv", HEADER + rows)
    return small.deliver(f"acme.{feed}", file).delivery_id


def accounts(small) -> list[tuple]:
    return small.sql(
        "select effective_date::text, opened, changed, unchanged, closed from ledger.row_accounts"
        " join ledger.deliveries using (delivery_id) where in_history order by 1"
    )


def test_the_accounts_around_a_late_delivery_follow_it(small):
    day(small, 1, "n,a,1,,\nn,b,1,,\n")
    day(small, 3, "n,a,3,,\nn,b,1,,\n")
    small.run()
    assert accounts(small)[1] == ("2026-01-03", 0, 1, 1, 0)
    day(small, 2, "n,a,3,,\nn,c,1,,\n")
    small.run()
    assert accounts(small) == [
        ("2026-01-01", 2, 0, 0, 0),
        ("2026-01-02", 1, 1, 0, 1),
        ("2026-01-03", 1, 0, 1, 1),
    ]


def test_the_accounts_after_a_retraction_follow_it(small):
    day(small, 1, "n,a,1,,\n")
    wrong = day(small, 2, "n,a,2,,\n")
    day(small, 3, "n,a,2,,\n")
    small.run()
    assert accounts(small)[2] == ("2026-01-03", 0, 0, 1, 0)
    assert small.retract(wrong)
    small.run()
    assert accounts(small) == [("2026-01-01", 1, 0, 0, 0), ("2026-01-03", 0, 1, 0, 0)]


def test_the_count_of_a_publication_is_what_it_shows(small):
    day(small, 1, "n,a,1,,\nn,b,1,,\n")
    small.run()
    day(small, 3, "n,b,2,,\nn,c,1,,\nn,d,1,,\n")
    day(small, 2, "n,x,1,,\n", feed="changes")
    small.run()
    late = day(small, 2, "n,q,1,,\n")
    small.run()
    assert small.retract(late)
    small.run()
    shown = small.value("select count(*) from published.thing")
    counted = small.sql("select rows from ledger.publications order by publication_id")
    assert counted == [(2,), (4,), (4,), (shown,)]
    assert small.value("select count(*) from ledger.runs where state = 'merged' and open_rows is null") == 0


def test_many_keys_take_the_same_roads(small):
    """Thousands of keys, so that the planner has a choice; each road, a mass change, and all of them gone."""
    rows = dict.fromkeys(range(3000), 1)

    def text() -> str:
        return "".join(f"n,k{key:04},{size},,\n" for key, size in rows.items())

    day(small, 1, text())
    small.run()
    rows.update(dict.fromkeys(range(0, 3000, 2), 2))
    day(small, 2, text())
    small.run()
    rows.update(dict.fromkeys(range(3000), 3))
    for key in range(100):
        del rows[key]
    day(small, 4, text())
    rows.update(dict.fromkeys(range(100), 4))
    day(small, 5, text())
    small.run()
    day(small, 3, "".join(f"n,k{key:04},9,,\n" for key in range(3000)))
    small.run()
    assert accounts(small) == [
        ("2026-01-01", 3000, 0, 0, 0),
        ("2026-01-02", 0, 1500, 1500, 0),
        ("2026-01-03", 0, 3000, 0, 0),
        ("2026-01-04", 0, 2900, 0, 100),
        ("2026-01-05", 100, 0, 2900, 0),
    ]
    assert small.value("select count(*) from published.thing") == 3000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_key_of_any_script_stays_where_its_record_could_not_be_read(small, encoding):
    for day, lines in ((1, ["nord,MÜLLER,1,,", "süd,b,1,,", "n,c,1,,"]), (2, ["nord,müller", "n,c,1,,"])):
        content = HEADER + "".join(f"{line}\n" for line in lines)
        small.deliver("acme.things", small.file(f"things-2026-01-0{day}.csv", content.encode(encoding)))
        small.run()
    assert small.account(2)["unreadable"] == 1
    assert small.sql("select code from published.thing order by code") == [("MÜLLER",), ("c",)]
