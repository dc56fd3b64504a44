"""Providers and leads: matches by tokens of one class, whoever has no lead, places, headers with days."""

import pytest
from conftest import PROJECT, forget_settings
from samples import loaded

from warehouse.errors import SluiceError


@pytest.fixture(scope="module")
def house(install):
    yield loaded(install)
    forget_settings()


def test_providers_and_leads_meet_by_phone_then_by_address(house):
    found = house.sql(
        "select p.company, l.id, m.rule, m.provider_column, m.lead_column, m.leads"
        " from published.provider_lead_match as m join published.provider as p using (provider_id)"
        " join published.lead as l using (lead_id) order by l.id"
    )
    assert found == [
        ("Little Lantern Learning Center LLC", "00Q001", "phone", "phone", "phone", 1),
        ("Sagebrush Sprouts II", "00Q002", "address", "street_address", "street", 1),
        ('Bluebonnet "B" Academy', "00Q003", "phone", "phone", "mobile_phone", 1),
    ]


def test_who_has_no_lead_is_everybody_else(house):
    without = house.value("select count(*) from published.provider_without_lead")
    matched = house.value("select count(distinct provider_id) from published.provider_lead_match")
    assert without + matched == house.value("select count(*) from published.provider")
    # Its lead lies in the bin.
    assert house.value("select count(*) from published.provider_without_lead where license_number = 'K820055201'") == 1


def test_tokens_of_one_class_only_are_held_against_each_other(house):
    wrong = house.sql(
        "with tokens as (select m.rule, to_jsonb(p) ->> (m.provider_column || '_token') as one,"
        " to_jsonb(l) ->> (m.lead_column || '_token') as other from published.provider_lead_match as m"
        " join published.provider as p using (provider_id) join published.lead as l using (lead_id))"
        " select * from tokens where one <> other or split_part(one, ':', 1) <>"
        " case rule when 'phone' then 'phone' when 'address' then 'street_address' end"
    )
    assert wrong == []
    # The same text under two classes gives two tokens, so that no join could find it.
    assert house.value(
        "select count(*) from published.provider as p join published.lead as l"
        " on p.phone_token in (l.street_token, l.email_token, l.first_name_token, l.last_name_token)"
    ) == 0  # fmt: skip


@pytest.mark.parametrize("pii", ["none", "free_text", "telephone"])
def test_a_rule_cannot_name_a_class_without_tokens(house, pii, capfd):
    from flows import dbt

    with pytest.raises(SluiceError):
        dbt.invoke("compile", "--inline", "{{ tokens_of('provider', '" + pii + "') }}")
    said = capfd.readouterr()
    assert f"cannot be matched by the class {pii}" in said.out + said.err


def test_counties_come_from_the_table_of_places(house):
    found = house.sql(
        "select zip, place_city, place_county, city_agrees from published.lead_place"
        " join published.lead using (lead_id) where id in ('00Q001', '00Q003') order by id"
    )
    assert found == [("89032", "North Las Vegas", "Clark", True), ("78702", "Austin", "Travis", True)]


def test_each_years_file_is_read_with_the_names_of_its_year(house):
    """NAME is the city until 2025, and the county from 2026 on."""
    found = house.sql(
        "select code, name, county, valid_from::date::text, valid_to::date::text from published.place_history"
        " where kind = 'zip' and code in ('89005', '74104') order by 1, 4"
    )
    assert found == [
        ("74104", "Tulsa", "Tulsa", "2025-01-01", "2026-01-01"),
        ("74104", "Tulsa", "Tulsa County", "2026-01-01", None),
        ("89005", "Boulder City", "Clark", "2025-01-01", None),
    ]


def test_a_file_with_another_years_names_is_refused_with_its_years(install):
    house = install(PROJECT / "dbt_project", PROJECT / "checks")
    new_names = house.file("zips-2025-06-30.csv", "GEOID,CITY,NAME,USPS\n89005,Boulder City,Clark,NV\n")
    assert house.deliver("gazetteer.zips", new_names).state == "refused"
    reason = house.value("select reason from ledger.deliveries order by delivery_id desc limit 1")
    assert "The headers of 2025-06-30 were asked for" in reason
    assert "zip is 'GEOID' from 2026-01-01 on" in reason
    forget_settings()
