"""Lists that others are looked up in have a history, and are looked up as they are in force."""

import pytest
from conftest import PROJECT, forget_settings

STANDARD = "reference,name,geometry,point,organisation,documentation-url,notes,start-date,end-date,entry-date\n"
AREA = '"MULTIPOLYGON (((51.54 -0.15, 51.54 -0.14, 51.55 -0.14, 51.54 -0.15)))"'
SEEDS = PROJECT / "dbt_project" / "seeds"
SEED = (SEEDS / "organisation_spellings.csv").read_text()


@pytest.fixture(scope="module")
def house(install):
    yield install(PROJECT / "dbt_project", PROJECT / "checks")
    forget_settings()


def codes(house):
    return house.sql(
        "select jsonb_path_query(reasons, '$[*].code') #>> '{}' from quarantine.conservation_area where status = 'open'"
    )


def test_a_list_is_looked_up_as_it_is_in_force(house):
    rows = (
        f"A1,One,{AREA},,the town of camden,,,1971-06-01,,2024-01-01\nA2,Two,{AREA},,Camden,,,1971-06-01,,2024-01-01\n"
    )
    house.deliver("camden.conservation_areas", house.file("conservation-area-x.csv", STANDARD + rows), "2024-02-01")
    house.run("conservation_area")
    assert codes(house) == [("organisation_unparsed",)]  # nothing is published of the list: the seed counts

    done = house.run("conservation_area", "spelling", "organisation")
    assert [m.entity for m in done.merged] == ["spelling", "organisation", "conservation_area"]
    assert done.changes == []  # the same rows, now published
    assert house.value("select count(*) from published.organisation_history") > 30
    runs = house.value("select count(*) from ledger.runs")
    house.run("spelling")
    assert house.value("select count(*) from ledger.runs") == runs  # a seed that is the same is not delivered again

    more = SEED + "the town of camden,local-authority:CMD\n"
    house.deliver("registrar.organisation_spellings", house.file("organisation_spellings.csv", more))
    done = house.run("spelling", "conservation_area")
    [told] = done.changes
    assert "1 delivery was judged by something else" in told
    assert "the list known_organisation_spellings" in told

    from flows import reprocess

    reprocess.reprocess(reprocess.find("conservation_area"), by="test")
    assert house.sql("select organisation from published.conservation_area") == [("local-authority:CMD",)] * 2
    assert codes(house) == []

    from publish import pointer

    pointer.rollback("spelling")
    forget_settings()
    [told] = house.run("conservation_area").changes
    assert "the list known_organisation_spellings" in told


def test_axes_that_stand_the_other_way_round_are_told(house):
    told = house.sql("select distinct code, column_name from ledger.issues where code like 'geometry%'")
    assert told == [("geometry_axes_swapped", "geometry")]
    assert house.value("select min(geometry) from published.conservation_area").startswith("MULTIPOLYGON (((-0.1")


def test_by_what_is_counted_and_where_towns_lie_has_a_history(house):
    house.run("counting_rule", "place")
    kinds = "select kind, count(*) from published.{}_history where kind <> 'zip' group by 1 order by 1"
    assert house.sql(kinds.format("counting_rule")) == [("ignored", 1), ("period", 1), ("window", 4)]
    towns = len((SEEDS / "us_places.csv").read_text().splitlines()) - 1
    assert ("town", towns) in house.sql(kinds.format("place"))

    more = (SEEDS / "rolling_windows.csv").read_text() + "3 days,3,0\nnever,0,0\n"
    house.deliver("registrar.rolling_windows", house.file("rolling_windows.csv", more))
    fewer = "".join(line for line in (SEEDS / "us_places.csv").read_text().splitlines(True) if "Alamo" not in line)
    house.deliver("gazetteer.towns", house.file("us_places.csv", fewer + "Nevada,Someplace\n"))
    house.run("counting_rule", "place")
    assert house.sql("select reasons -> 0 ->> 'code' from quarantine.place") == [("state_invalid",)]
    windows = "select days from reference.known_rolling_windows order by days"
    assert house.sql(windows) == [(3,), (7,), (7,), (14,), (21,)]
    assert house.value("select count(*) from reference.known_towns") == towns - 1

    from publish import pointer

    pointer.rollback("counting_rule")
    pointer.rollback("place")
    assert house.sql(windows) == [(7,), (7,), (14,), (21,)]
    assert house.value("select count(*) from reference.known_towns") == towns
