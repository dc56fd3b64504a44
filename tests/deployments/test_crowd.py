"""Ten thousand files in a minute: they are merged in batches, and a listing of them gives what is new only."""

import json
from contextlib import contextmanager

import pytest
from conftest import forget_settings
from workbench import things

from deployments.listen.consumer import LONGEST_RUN, MOST, Consumer
from deployments.listen.queue import Message
from extract.collect import collecting
from extract.feeds import catalogue

MANY = 10_000


class Crowd:
    """A queue in memory: the stand-in for SQS takes a minute for a thousand messages. What a real one does with a
    message is tested in test_listen.py; here it is what the consumer makes of many."""

    def __init__(self, bodies):
        self.waiting = [Message(str(number), body, 1) for number, body in enumerate(bodies)]
        self.acknowledged = []

    def draught(self, most, patience, wait=0):
        drawn, self.waiting = self.waiting[:most], self.waiting[most:]
        return drawn

    @contextmanager
    def kept(self, messages):
        yield

    def acknowledge(self, messages):
        self.acknowledged += messages

    def give_back(self, messages, after):
        self.waiting += messages


def announcement(number):
    key = f"in/acme/things-2026-01-01-{number}.csv"
    said = {"bucket": {"name": "arrivals"}, "object": {"key": key, "eTag": "e"}}
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": said}]})


@pytest.fixture
def arrivals(small, monkeypatch):
    monkeypatch.setenv("SLUICE_DROP_FOLDER", "s3://arrivals/in")
    forget_settings()


def test_ten_thousand_announcements_are_some_merges(arrivals):
    queue, worked = Crowd([announcement(number) for number in range(MANY)]), []

    def work(uris, tags):
        worked.append(list(uris))
        return set(uris[1:]) if len(worked) == 1 else set(uris)  # one of the first comes again

    Consumer(queue, work).run(until_empty=True)
    taken = [uri for uris in worked for uri in uris]
    assert len(set(taken)) == MANY
    assert len(taken) == MANY + 1
    assert max(map(len, worked)) == LONGEST_RUN
    a_draught = -(-MOST // LONGEST_RUN)
    assert len(worked) <= MANY // MOST * a_draught + 1
    assert len(queue.acknowledged) == MANY


def test_a_listing_of_ten_thousand_fetches_what_is_new_only(small, aws, arrivals):
    from moto.s3.models import s3_backends

    aws("s3").create_bucket(Bucket="arrivals")
    [there] = [found for regions in s3_backends.values() for found in regions.values() if "arrivals" in found.buckets]
    for number in range(MANY):  # past the wire, which takes 5 ms each
        there.put_object("arrivals", f"in/acme/things-2026-01-01-{number:05}.csv", b"a\n")
    things(small, 1, "n,a,1,,")
    small.sql(
        "insert into ledger.fetches (feed, way, source, seconds, etag, outcome, delivery_id)"
        " select 'acme.things', 'drop', format(:name, to_char(n, 'FM00000')), 0, :etag, 'new', 1"
        " from generate_series(0, :most - 4) as n",
        name="s3://arrivals/in/acme/things-2026-01-01-%s.csv",
        etag=aws("s3").head_object(Bucket="arrivals", Key="in/acme/things-2026-01-01-00000.csv")["ETag"],
        most=MANY,
    )
    with collecting.opened(catalogue().feed("acme.things")) as way:
        names = [offer.name for offer in way.offers()]
    assert names == [f"things-2026-01-01-{number:05}.csv" for number in range(MANY - 3, MANY)]
