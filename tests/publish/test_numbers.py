"""Numbers: reserved, minted with a preview, merged and retired with their redirects kept, never given twice."""

import pytest
from click.testing import CliRunner
from conftest import forget_settings
from samples import loaded

ENTITY = "brownfield_site"


@pytest.fixture(scope="module")
def house(install):
    yield loaded(install)
    forget_settings()


def say(*arguments, fails=False):
    from flows.cli import main

    done = CliRunner().invoke(main, ["numbers", *map(str, arguments)])
    assert (done.exit_code != 0) is fails, done.output
    return done.output


def states(house):
    found = house.sql(f"select number_state, count(*) from published.{ENTITY}_number group by 1")
    return dict(found)


def test_the_life_of_numbers(house):
    published = house.value(f"select count(*) from published.{ENTITY}")
    assert states(house) == {"unnumbered": published}

    assert "0 are left" in say("mint", ENTITY, "--yes", fails=True)
    say("reserve", ENTITY, 1000, 1001)
    assert f"{published} numbers are needed and 2 are left" in say("mint", ENTITY, "--yes", fails=True)
    say("reserve", ENTITY, 5000, 5999)
    assert "meets 5000 to 5999" in say("reserve", ENTITY, 5500, 7000, fails=True)

    assert f"{published} references have no number" in say("mint", ENTITY)
    assert states(house) == {"unnumbered": published}
    say("mint", ENTITY, "--yes")
    assert states(house) == {"numbered": published}
    assert "0 numbers" in say("mint", ENTITY, "--yes")
    given = [n for (n,) in house.sql("select number from reference.numbers order by 1")]
    assert given == [1000, 1001, *range(5000, 5000 + published - 2)]

    one, two, three = given[:3]
    say("merge", one, two, "--why", "the same site")
    assert f"merged into {two}" in say("merge", one, three, "--why", "again", fails=True)
    assert f"merged into {two}" in say("merge", two, one, "--why", "a circle", fails=True)
    say("merge", two, three, "--why", "the same site too")
    led = house.sql(
        f"select own_number, number from published.{ENTITY}_number where number_state = 'merged' order by 1"
    )
    assert led == [(one, three), (two, three)]

    say("retire", three, "--why", "it was never a site")
    assert states(house) == {"retired": 3, "numbered": published - 3}  # reported, not dropped
    assert f"retired numbers: {one}, {two}, {three}" in " ".join(say("list", ENTITY).split())
    told = say("merge", given[3], one, "--why", "into what is no more", fails=True)
    assert f"{one} is merged into {two}, which leads to a retired number" in " ".join(told.split())
    say("undo", three)
    assert states(house) == {"merged": 2, "numbered": published - 2}


def test_a_number_that_was_never_given(house):
    for command in (("merge", 1, 2, "--why", "x"), ("retire", 1, "--why", "x"), ("undo", 1)):
        assert "1 was" in say(*command, fails=True)


def test_an_entity_without_numbers(house):
    assert "config.meta.numbers: missing" in say("mint", "provider", fails=True)


def test_facts_say_when_a_value_was_seen_first_and_last(house):
    days = [
        d
        for (d,) in house.sql(
            "select effective_at from ledger.deliveries where entity = :e and in_history order by 1", e=ENTITY
        )
    ]
    facts = house.sql(
        f"select field, value, first_seen, last_seen, jsonb_array_length(deliveries) from published.{ENTITY}_facts"
    )
    assert {f[0] for f in facts} > {"organisation", "site_reference", "hectares"}
    assert min(f[2] for f in facts) == days[0]
    assert max(f[3] for f in facts) == days[-1]
    assert all(first <= last and 1 <= count <= len(days) for _, _, first, last, count in facts)
