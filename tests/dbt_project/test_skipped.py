"""Records that a feed declares to be no data: counted, listed, and neither judged nor lost."""

import shutil

import pytest
from click.testing import CliRunner
from conftest import TEST_PROJECT, forget_settings
from workbench import reasons, things

SKIP = """            skip:
              - {column: code, pattern: ^TOTAL$, why: "The sum's row, 'TOTAL'."}
              - {pattern: "^,,,printed ", why: The printer's line.}
              - {pattern: "^End of r[eé]port", why: A footer with cells of its own.}
"""


@pytest.fixture(scope="module")
def house(install, small_project, tmp_path_factory):
    folder = shutil.copytree(small_project, tmp_path_factory.mktemp("skipped") / "project")
    declared = folder / "models" / "staging" / "acme" / "_acme.yml"
    declared.write_text(declared.read_text().replace("            mode: full\n", f"            mode: full\n{SKIP}", 1))
    made = install(folder, TEST_PROJECT / "checks")
    things(
        made, 1, "n,a,1,,", "n,b,much,,", "n,TOTAL,1,,", ",,,printed today,", "n,c,1,printed,", ",TOTAL,,,", "n,a,1,,"
    )
    things(
        made, 2, "n,a,1,,", "n,b,much,,", "n,TOTAL,1,,", ",,,printed today,", "n,c,1,printed,", ",TOTAL,,,", "n,a,1,,"
    )
    made.run()
    yield made
    forget_settings()


def test_the_account_counts_them_and_adds_up(house):
    for delivery, opened in ((1, 2), (2, 0)):
        rows = house.account(delivery)
        assert rows["skipped"] == rows["banner"] == 3
        assert (rows["read"], rows["good"], rows["quarantined"], rows["opened"]) == (7, 3, 1, opened)
        assert rows["read"] == sum(rows[n] for n in ("blank", "banner", "unreadable", "quarantined", "good"))


def test_they_are_in_no_table_but_their_own(house):
    assert house.sql("select code from published.thing order by 1") == [("a",), ("c",)]
    assert reasons(house) == {(1, 2): ["size_unparsed"]}
    assert house.sql("select row_number, line_number, why from ledger.skipped where delivery_id = 1 order by 1") == [
        (3, 4, "The sum's row, 'TOTAL'."), (4, 5, "The printer's line."), (6, 7, "The sum's row, 'TOTAL'."),
    ]  # fmt: skip


def test_the_command_lists_them(house):
    from flows.cli import main

    told = CliRunner().invoke(main, ["skipped", "1"]).output
    assert "The sum's row, 'TOTAL'." in told
    assert "printed today" not in told  # what stands in them may be personal
    assert "Nothing of delivery 9 was skipped" in CliRunner().invoke(main, ["skipped", "9"]).output


def test_a_footer_with_other_cells_is_no_bad_row(house):
    """Unless it goes over lines: nobody knows what else is in it."""
    content = 'Region,Code,Size,Note,Keeper\nn,a,1,,\nEnd of réport,1\nEnd of the rope,2\n"End of report,\nn,b,2,,\n'
    house.deliver("acme.things", house.file("things-2026-01-03.csv", content.encode("cp1252")))
    house.run()
    rows = house.account(3)
    assert (rows["banner"], rows["skipped"], rows["good"]) == (1, 1, 2)
    assert rows["read"] == sum(rows[n] for n in ("blank", "banner", "unreadable", "quarantined", "good"))
    assert house.sql("select line_number, why from ledger.skipped where delivery_id = 3") == [
        (3, "A footer with cells of its own.")
    ]
    held = house.sql("select line_number from quarantine.thing where delivery_id = 3 and kind = 'unreadable'")
    assert len(held) == rows["unreadable"] > 0
    assert (3,) not in held

    from flows import replay

    replay.replay("thing", None, 3, by="test", why="again")
    assert house.account(3) == rows


def test_what_is_judged_again_is_skipped_again(house):
    from flows import replay

    done = replay.replay("thing", None, 1, by="test", why="again")
    assert (done.good, done.newly_bad) == (0, 0)
    assert house.account(1)["skipped"] == 3


def test_looking_into_rows_that_were_purged_keeps_the_account(house):
    from extract import stage
    from extract.feeds import catalogue

    before = house.account(1)
    house.sql("drop table staging.delivery_1")
    stage.stage_to_look(catalogue().feed("acme.things"), 1)
    assert house.account(1) == before
