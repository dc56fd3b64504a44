"""The publication pointer: consumers see a whole publication, or the one before."""

import threading

import psycopg
import pytest
from workbench import things

from warehouse.errors import SluiceError

COUNT = 300


def view(sluice):
    return sluice.sql("select region, code, size from published.thing order by 1, 2")


def test_nothing_but_publish_moves_the_pointer(small):
    from flows import merge
    from warehouse import runs

    things(small, 1, "n,a,1,,", "n,b,1,,")
    small.run()
    before, past = view(small), small.sql("select * from published.thing_history order by thing_id, valid_from")
    things(small, 2, "n,a,2,,", "n,c,2,,")
    with runs.entity_lock("thing"):
        run = merge.start("thing")
        merge.finish("thing", run)
        merge.gate("thing", run)
        # The candidate stands in history, and nobody sees it.
        assert small.value("select count(*) from history.dim_thing where _recorded_in = :run", run=run) > 0
        assert view(small) == before
        assert small.sql("select * from published.thing_history order by thing_id, valid_from") == past
        assert small.sql("select run from ledger.pointers") == [(1,)]
        published = merge.publish("thing", run)
    assert (published.run, published.rows) == (run, 2)
    assert view(small) == [("n", "a", 2), ("n", "c", 2)]
    assert small.sql("select run from ledger.pointers") == [(run,)]


def test_going_back_is_moving_the_pointer(small):
    """Nothing of history is rewritten: what was published is still there."""
    seen = []
    for day in (1, 2, 3):
        things(small, day, f"n,a,{day},,", *(["n,b,1,,"] if day != 2 else []))
        small.run()
        seen.append((view(small), small.sql("select * from published.thing_history order by thing_id, valid_from")))
    for run in (1, 2, 3, 1):
        small.sql("update ledger.pointers set run = :run", run=run)
        assert view(small) == seen[run - 1][0]
        assert small.sql("select * from published.thing_history order by thing_id, valid_from") == seen[run - 1][1]


def test_what_was_never_published_shows_nothing(small):
    from publish.views import history

    assert view(small) == []
    with pytest.raises(SluiceError, match="No published thing has the key"):
        history("thing", ["region", "code"], ["n", "a"])


def test_readers_see_a_whole_publication_or_the_one_before(small):
    """Every publication holds COUNT things of one size: any mixture would show two sizes or another count."""
    things(small, 1, *(f"n,{i},1,," for i in range(COUNT)))
    small.run()
    seen: list[tuple[int, int, int, int]] = []
    done = threading.Event()

    def read():
        query = (
            "select count(*), min(size), max(size), (select count(*) from published.thing_history) from published.thing"
        )
        with psycopg.connect(small.url, autocommit=True) as connection:
            while not done.is_set():
                seen.append(connection.execute(query).fetchone())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for day in (2, 3):
            things(small, day, *(f"n,{i},{day},," for i in range(COUNT)))
            small.run()
    finally:
        done.set()
        reader.join()
    assert len(seen) > 50
    assert set(seen) == {(COUNT, size, size, size * COUNT) for size in (1, 2, 3)}
    assert seen == sorted(seen)  # and never the old one again


def test_publications_are_told_in_order(small):
    from publish.views import status

    for day in (1, 2):
        things(small, day, f"n,a,{day},,")
        small.run()
    found = status()["publications"]
    assert [(p["entity"], p["run"], p["rows"]) for p in found] == [("thing", 1, 1), ("thing", 2, 1)]
    assert found[0]["published_at"] < found[1]["published_at"]
