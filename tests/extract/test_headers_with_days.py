"""Header names with their days, and deliveries that speak of a time."""

from datetime import date

import pytest
from conftest import PROJECT

from extract.feeds import Column, Feed, FeedError

BASE = {
    "vendor": "acme",
    "name": "things",
    "entity": "thing",
    "owner": {"name": "Acme", "email": "data@acme.example"},
    "mode": "full",
    "arrives": {"drop": "acme/things-*.csv"},
}


def column(*headers, name="size", required=True):
    return Column.model_validate({"name": name, "headers": headers, "required": required, "pii": "none"})


def feed(*columns):
    return Feed.model_validate(BASE | {"columns": [c.model_dump(by_alias=True) for c in columns]})


def test_a_name_holds_from_its_first_day_until_just_before_its_last():
    renamed = feed(column({"name": "Size", "until": date(2026, 1, 1)}, {"name": "Width", "from": "2026-01-01"}))
    assert renamed.columns[0].headers == ("Size", "Width")
    assert renamed.on(date(2025, 12, 31)).columns[0].headers == ("Size",)
    assert renamed.on(date(2026, 1, 1)).columns[0].headers == ("Width",)


def test_a_plain_name_holds_always():
    assert feed(column("Size", "Width")).on(date(1999, 1, 1)).columns[0].headers == ("Size", "Width")


def test_a_column_without_a_name_on_a_day_is_left_out_or_says_so():
    late = {"name": "Size", "from": "2026-01-01"}
    optional = feed(column("Code", name="code"), column(late, required=False))
    assert [c.name for c in optional.on(date(2025, 1, 1)).columns] == ["code"]
    with pytest.raises(FeedError, match="size is required, and no header of it is declared for 2025-01-01"):
        feed(column(late)).on(date(2025, 1, 1))


def test_a_name_that_is_valid_on_no_day_is_refused():
    with pytest.raises(ValueError, match="valid on no day"):
        column({"name": "Size", "from": "2026-01-01", "until": "2026-01-01"})


def load_with(tmp_path, headers_of_size, headers_of_code):
    import shutil

    from conftest import TEST_PROJECT

    from extract.feeds import load

    shutil.copytree(TEST_PROJECT / "models", tmp_path / "models")
    file = tmp_path / "models/staging/acme/_acme.yml"
    text = file.read_text().replace('headers: ["Size"]', f"headers: {headers_of_size}")
    file.write_text(text.replace('headers: ["Code", "Thing Code"]', f"headers: {headers_of_code}"))
    return load(tmp_path)


def test_one_name_may_mean_two_columns_on_different_days_only(tmp_path):
    loaded = load_with(tmp_path / "a", "[{name: Size, from: 2026-01-01}]", "[{name: Size, until: 2026-01-01}, Code]")
    then = {c.name: c.headers for c in loaded.feed("acme.things").on(date(2026, 1, 1)).columns}
    assert (then["size"], then["code"]) == (("Size",), ("Code",))
    with pytest.raises(FeedError, match="the header 'Size' already belongs to code"):
        load_with(tmp_path / "b", "[{name: Size, from: 2026-01-01}]", "[{name: Size, until: 2026-01-02}, Code]")


def test_a_file_may_speak_of_a_time(install):
    from conftest import forget_settings

    from publish.views import status

    house = install(PROJECT / "dbt_project", PROJECT / "checks")
    for clock in ("2300", "2330"):
        answer = house.file(f"totals-2026-01-05T{clock}.json", '[{"SchoolID": 1, "TotalCaseCount": ' + clock + "}]")
        house.deliver("cps.totals", answer)
    told = [(d["effective_at"], d["state"]) for d in status()["deliveries"]]
    assert told == [("2026-01-05T23:00:00-06:00", "staged"), ("2026-01-05T23:30:00-06:00", "staged")]
    assert house.sql("select distinct effective_date::text, effective_zone from ledger.deliveries") == [
        ("2026-01-05", "America/Chicago")
    ]
    forget_settings()
