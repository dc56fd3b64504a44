"""One directory of many sheets: duplicates and their winner, places and proposals, feedback, sheets that fail."""

import json

import pytest
from conftest import PROJECT, forget_settings
from samples import loaded

from warehouse.errors import SluiceError


@pytest.fixture(scope="module")
def loaded_house(install):
    yield loaded(install)
    forget_settings()


@pytest.fixture
def house(install):
    yield install(PROJECT / "dbt_project", PROJECT / "checks")
    forget_settings()


OXYGEN = "Sr No,Supplier,Contact,State,District,Verification Status,Last Verified"
SCRAPED = "entry,heading,tag,call,district,region,badge,badge date"


def oxygen(house, day, *rows, header=OXYGEN):
    return house.deliver(
        "relief.oxygen", house.file(f"oxygen-2026-01-{day:02}.csv", "\n".join([header, *rows]) + "\n")
    ).delivery_id


def scraped(house, day, *rows):
    return house.deliver(
        "relief.scraped", house.file(f"scraped-2026-01-{day:02}.csv", "\n".join([SCRAPED, *rows]) + "\n")
    ).delivery_id


def winners(house):
    """Each record with the one that stands for it, as (feed, id) pairs; a winner stands for itself."""
    found = house.sql(
        "select d.feed, d.id, w.feed, w.id from published.resource_directory as d"
        " join published.resource_directory as w on w.resource_id = coalesce(d.duplicate_of, d.resource_id)"
        " order by 1, 2"
    )
    return {f"{feed}/{key}": f"{by}/{other}" for feed, key, by, other in found}


def test_duplicates_point_to_their_winner_and_it_is_decided_anew(house):
    oxygen(house, 5, "1,Gas A,55550 10001,Kerala,Kochi,Verified,3/1/2026", "2,Gas B,55550 10002,Kerala,Kochi,,")
    scraped(
        house, 5,
        "7,Gas A,o2,5555010001,Ernakulam,KL,verified,2026-01-02",
        "8,Gas B,oxygen,055550 10002,Ernakulam,KL,pending (not verified),",
        "9,Gas B as food,food,055550 10002,Ernakulam,KL,,",
    )  # fmt: skip
    house.run("resource")
    assert winners(house) == {
        "relief.oxygen/1": "relief.oxygen/1",  # both verified, this one later
        "relief.scraped/7": "relief.oxygen/1",
        "relief.oxygen/2": "relief.scraped/8",  # one that says that it is not verified before one that says nothing
        "relief.scraped/8": "relief.scraped/8",
        "relief.scraped/9": "relief.scraped/9",  # another category
    }
    oxygen(house, 6, "2,Gas B,55550 10002,Kerala,Kochi,Verified,6/1/2026")  # 1 is gone, 2 was checked
    house.run("resource")
    assert winners(house) == {
        "relief.scraped/7": "relief.scraped/7",
        "relief.oxygen/2": "relief.oxygen/2",
        "relief.scraped/8": "relief.oxygen/2",
        "relief.scraped/9": "relief.scraped/9",
    }
    with_none_verified = "2;Gas B;55550 10002;Kerala;Kochi;Not verified;"  # a desk whose office writes semicolons
    oxygen(house, 7, with_none_verified, header=OXYGEN.replace(",", ";"))
    house.run("resource")
    assert winners(house)["relief.scraped/8"] == "relief.oxygen/2"  # alike, so the feed's priority decides


def test_what_is_no_place_comes_back_with_a_proposal(loaded_house):
    found = loaded_house.sql(
        "select r.value ->> 'code', r.value ->> 'message' from quarantine.resource_masked as q,"
        " jsonb_array_elements(q.reasons) as r where r.value ->> 'code' in ('state_unparsed', 'district_unparsed')"
    )
    told = {(code, message.rpartition(": ")[2]) for code, message in found}
    assert told >= {
        ("district_unparsed", "Ernakulam."),
        ("state_unparsed", "Kerala."),
        ("district_unparsed", "Kolkata."),
    }
    assert not any("{" in message for _, message in found)


def test_feedback_is_counted_by_record(loaded_house):
    counts = loaded_house.sql(
        "select feed, id, up, down, available, unavailable from published.resource_directory"
        " where up + down + available + unavailable > 0 order by 1, 2"
    )
    assert counts == [
        ("relief.ambulances", "AM-2", 1, 0, 0, 0),
        ("relief.hospitals", "H-1", 1, 0, 0, 0),
        ("relief.oxygen", "2", 2, 0, 1, 0),
        ("relief.oxygen", "3", 0, 1, 0, 1),
    ]


def test_summaries_count_each_service_once(loaded_house):
    whole = loaded_house.sql(
        "select category, resources from published.resource_summary where state is null order by 1"
    )
    once = loaded_house.sql(
        "select category, count(*) from published.resource_directory where not is_duplicate group by 1 order by 1"
    )
    assert whole == once
    assert loaded_house.value("select count(*) from published.resource_directory where is_duplicate") > 0


def test_pending_is_not_verified(loaded_house):
    worded = dict(
        loaded_house.sql("select verification, bool_or(is_verified) from published.resource_history group by 1")
    )
    assert worded["pending (not verified)"] is False
    assert worded["Verified"] is True


PAGE = "<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>"
MANY = [f"{n},Gas {n},55550 1{n:04},Kerala,Kochi,Verified,3/1/2026" for n in range(40)]


def test_a_page_an_error_or_half_a_sheet_closes_nothing(house):
    oxygen(house, 5, *MANY)
    few = [f"{n},Meals {n},food,55550 2{n:04},Ernakulam,KL,," for n in range(3)]
    scraped(house, 5, *few)
    kitchens = [
        {"kitchen_id": f"K-{n}", "name": "Hall", "phone": f"55550 3{n:04}", "district": "Thrissur", "state": "Kerala"}
        for n in range(3)
    ]
    lines = [json.dumps(kitchen) for kitchen in kitchens]
    house.deliver("relief.kitchens", house.file("kitchens-2026-01-05.ndjson", "\n".join(lines)))
    house.run("resource")
    refused = house.deliver("relief.oxygen", house.file("oxygen-2026-01-06.csv", PAGE))
    assert refused.state == "refused"
    empty = house.deliver("relief.oxygen", house.file("oxygen-2026-01-07.csv", OXYGEN + "\n"))
    assert empty.state == "refused"
    oxygen(house, 8, *MANY[:20], MANY[20][:15])
    # Lists that are too small for shares.
    house.deliver("relief.scraped", house.file("scraped-2026-01-08.csv", f"{SCRAPED}\n{few[0]}\n{few[1][:12]}"))
    house.deliver("relief.kitchens", house.file("kitchens-2026-01-08.ndjson", lines[0] + "\n" + lines[1][:40]))
    with pytest.raises(SluiceError, match="20 of 40 keys would vanish") as told:
        house.run("resource")
    assert str(told.value).count("it ends in the middle of a line, so it may be half a file, and ") == 2
    assert house.value("select count(*) from published.resource") == 46


def test_what_is_left_out_or_speaks_of_nothing_is_told(house):
    delivery = oxygen(
        house, 5,
        '1,Gas A,"55550 10001, 55550 10002 / 55550 10003 / 55550 10004",Kerala,Kochi,Verified,3/1/2026',
        "2,Gas B,55550 10005,Kerala,Kochi,Verified,31/12/2031",
    )  # fmt: skip
    said = ["1,relief.oxygen,1,up,2026-01-05T10:00:00Z", "2,relief.oxygen,77,down,2026-01-05T10:00:00Z"]
    house.deliver(
        "relief.feedback",
        house.file("feedback-2026-01-05.csv", "\n".join(["id,source,record,verdict,at", *said]) + "\n"),
    )
    house.run("resource", "resource_feedback")
    assert house.sql(f"select row_number, code from ledger.issues where delivery_id = {delivery}") == [
        (1, "more_phones")
    ]
    assert house.sql("select row_number, reasons -> 0 ->> 'code' from quarantine.resource") == [
        (2, "last_verified_on_implausible")  # a day to come would win against every other record for good
    ]
    counts = "select about_id, up, down, is_published from published.resource_feedback_count order by 1"
    assert house.sql(counts) == [("1", 1, 0, True), ("77", 0, 1, False)]


def test_what_nobody_declared_stays_in_staging(house):
    delivery = oxygen(
        house, 5, "1,Gas A,55550 10001,Kerala,Kochi,Verified,3/1/2026,heavy-metal-cylinder",
        header=OXYGEN + ",Cylinder kind",
    )  # fmt: skip
    house.run("resource")
    assert house.sql(f"select _extra from staging.relief__oxygen where _delivery_id = {delivery}") == [
        ({"Cylinder kind": "heavy-metal-cylinder"},)
    ]
    for relation in ("judged.resource", "history.dim_resource", "published.resource", "published.resource_directory"):
        rows = house.sql(f"select to_jsonb(r)::text from {relation} as r")
        assert rows
        assert not any("heavy-metal-cylinder" in row for (row,) in rows)


def test_a_category_that_did_not_change_keeps_its_files(house):
    oxygen(house, 5, *MANY[:2])
    scraped(house, 5, "8,Meals,food,055550 10002,Ernakulam,KL,,")
    house.run("resource")
    exports = house.home / "exports" / "resource"
    first = {path.parent.name: path.stat().st_ino for path in (exports / "latest" / "category").glob("*/*.parquet")}
    assert set(first) == {"oxygen", "food"}
    oxygen(house, 6, *MANY[:3])
    house.run("resource")
    second = {path.parent.name: path.stat().st_ino for path in (exports / "latest" / "category").glob("*/*.parquet")}
    assert second["food"] == first["food"]
    assert second["oxygen"] != first["oxygen"]
    before = (exports / "latest").resolve()
    oxygen(house, 7, *reversed(MANY[:3]))  # another file, the same truth
    house.run("resource")
    assert (exports / "latest").resolve() == before
