"""From files to published tables, as a user sees it."""

HEADER = "Region,Code,Size,Note,Keeper\n"


def test_files_become_history(small):
    small.drop("acme/things-2026-01-01.csv", HEADER + "north,a,1,,ann@example.com\nnorth,b,2,,\n")
    report = small.run()
    assert [merged.rows for merged in report.merged] == [2]
    small.drop("acme/things-2026-01-02.csv", HEADER + "north,a,7,,ann@example.com\nsouth,b,2,,\n")
    small.run()

    found = small.sql(
        "select region, code, size, valid_from::date::text, valid_to::date::text from published.thing_history"
        " order by 1, 2, 4"
    )
    assert found == [
        ("north", "a", 1, "2026-01-01", "2026-01-02"),
        ("north", "a", 7, "2026-01-02", None),
        ("north", "b", 2, "2026-01-01", "2026-01-02"),
        ("south", "b", 2, "2026-01-02", None),
    ]
    assert small.sql("select region, code, size from published.thing order by 1") == [
        ("north", "a", 7),
        ("south", "b", 2),
    ]
    account = small.account(2)
    assert {k: account[k] for k in ("read", "good", "opened", "changed", "unchanged", "closed")} == {
        "read": 2, "good": 2, "opened": 1, "changed": 1, "unchanged": 0, "closed": 1,
    }  # fmt: skip


def test_a_second_run_has_nothing_to_do(small):
    small.drop("acme/things-2026-01-01.csv", HEADER + "north,a,1,,\n")
    small.run()
    report = small.run()
    assert [merged.run for merged in report.merged] == [None]
    assert [file.outcome for file in report.ingested] == ["again"]
    assert small.value("select count(*) from ledger.publications") == 1
