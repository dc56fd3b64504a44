"""One row for each number, whoever publishes it: field by field the most authoritative value, then the newest."""

import pytest
from click.testing import CliRunner
from conftest import PROJECT, forget_settings

ENTITY = "conservation_area"
AREA = '"MULTIPOLYGON (((-0.15 51.54, -0.14 51.54, -0.14 51.55, -0.15 51.54)))"'
STANDARD = "reference,name,geometry,point,organisation,documentation-url,notes,start-date,end-date,entry-date\n"
MAPPED = "wkt,id,name,area(ha),documentation-url,Layer,start-date,geometry,entry-date\n"


@pytest.fixture(scope="module")
def house(install):
    yield install(PROJECT / "dbt_project", PROJECT / "checks")
    forget_settings()


def say(*arguments):
    from flows.cli import main

    done = CliRunner().invoke(main, ["numbers", *map(str, arguments)])
    assert done.exit_code == 0, done.output


def best(house, number):
    [row] = house.sql(
        f"select name, hectares, documentation_url, start_date::text, sources, rows from published.{ENTITY}_best"
        " where number = :number",
        number=number,
    )
    return row


def number_of(house, feed, reference):
    return house.value(
        f"select own_number from published.{ENTITY}_number where feed = :feed and reference = :reference",
        feed=feed,
        reference=reference,
    )


def test_the_authority_wins_field_by_field_and_what_it_lacks_is_taken_from_the_other(house):
    authority, other = "camden.conservation_areas", "newcastle.conservation_areas"
    theirs = f",NC9,By the other,7.5,https://other.example/nc9,,01/02/1990,{AREA},04/04/2025\n"
    ours = f"CX9,By the authority,{AREA},,local-authority:CMD,,,1971-06-01,,2024-01-01\n"
    house.deliver(other, house.file("conservation-area-x.csv", MAPPED + theirs), "2026-02-01")
    house.deliver(authority, house.file("conservation-area-x.csv", STANDARD + ours), "2024-02-01")
    house.run(ENTITY)
    say("reserve", ENTITY, 44000, 44999)
    say("mint", ENTITY, "--yes")
    mine, second = number_of(house, authority, "CX9"), number_of(house, other, "NC9")
    say("merge", second, mine, "--why", "one area, two publishers")

    name, hectares, url, start, sources, rows = best(house, mine)
    assert rows == 2
    assert (name, sources["name"]) == ("By the authority", authority)  # priority 1, though it is the older file
    assert (start, sources["start_date"]) == ("1971-06-01", authority)
    assert (float(hectares), sources["hectares"]) == (7.5, other)  # the authority says nothing of it
    assert (url, sources["documentation_url"]) == ("https://other.example/nc9", other)
    assert house.sql(f"select * from published.{ENTITY}_best where number = :second", second=second) == []


def test_of_equal_authority_the_newest_wins(house):
    feed = "newcastle.conservation_areas"
    mine = number_of(house, feed, "NC9")
    lines = "".join(
        f",{reference},{name},{size},,,01/02/1990,{AREA},04/04/2025\n"
        for reference, name, size in (("NC9", "By the other", "7.5"), ("NC10", "Newer", "8.5"))
    )
    house.deliver(feed, house.file("conservation-area-y.csv", MAPPED + lines), "2026-03-01")
    house.run(ENTITY)
    say("mint", ENTITY, "--yes")
    second = number_of(house, feed, "NC10")
    led = house.value("select moved_to from reference.number_moves where number = :mine", mine=mine)
    say("merge", second, led, "--why", "the same again")
    name, hectares, *_ = best(house, led)
    assert (name, float(hectares)) == ("By the authority", 8.5)
