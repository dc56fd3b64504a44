"""dbt's own tests, run as tests; and the documentation page."""

import pytest
from conftest import forget_settings
from samples import FEEDS, loaded


@pytest.fixture(scope="module")
def house(install):
    yield loaded(install)
    forget_settings()


def outcomes(*selection):
    from flows import dbt

    results = dbt.invoke("test", *selection).results
    return {result.node.unique_id: str(result.status) for result in results}


def test_unit_tests_pass(house):
    found = outcomes("--select", "test_type:unit")
    assert len(found) >= 15
    assert set(found.values()) == {"pass"}
    for feed in FEEDS.values():
        assert [name for name in found if f".{feed.model}." in name], f"{feed.model} has no unit test"


def test_data_tests_pass_on_the_samples(house):
    found = outcomes("--exclude", "test_type:unit")
    assert len(found) >= 10
    assert set(found.values()) == {"pass"}


def test_a_data_test_notices_what_is_wrong(house):
    """The tests would be worth nothing if they could not fail."""
    from flows import dbt
    from warehouse.errors import SluiceError

    house.sql("insert into reference.us_places select * from reference.us_places limit 1")
    with pytest.raises(SluiceError, match="us_places"):
        dbt.invoke("test", "--select", "us_places")
    dbt.invoke("seed")
    dbt.invoke("test", "--select", "us_places")


def test_docs_are_one_page_that_names_what_is_published(house):
    from flows.docs import build

    page = build()
    text = page.read_text()
    assert page == house.home / "docs" / "index.html"
    for entity in {feed.entity for feed in FEEDS.values()}:
        assert f"model.sluice.{entity}_history" in text
    for feed in FEEDS.values():
        assert all(address in text for address in feed.owner.email)
    assert 'src="http' not in text  # one file, nothing to fetch


def test_a_second_preparation_builds_nothing(house):
    from flows import dbt

    before = house.sql("select * from ledger.builds")
    dbt.prepare()
    assert house.sql("select * from ledger.builds") == before
