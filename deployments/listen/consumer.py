"""Listen: draw messages, find whose objects they announce, run, acknowledge.

A message is acknowledged when its run exists (in the pool) or its object is in the ledger (here); before that it comes
again. So a consumer that is killed loses nothing, and the ledger decides that nothing runs twice.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass, field

from deployments.listen.messages import Poison, objects_of
from deployments.listen.queue import Message, Queue
from deployments.listen.work import Work
from extract.collect.drop import feeds_at
from extract.collect.s3 import S3Object
from extract.feeds import Catalogue, Feed, catalogue
from flows.prefect_door import tell_event
from flows.taking import unexpected
from flows.telling import in_a_paragraph
from warehouse.errors import printable, without_values

MOST = 500  # messages that one draught may hold
PATIENCE = 0.3  # seconds that the first message of a draught waits for others
AGAIN_AFTER = 5  # seconds until a message comes again whose work failed for a reason that may go by itself
LONGEST_RUN = 200  # objects in one flow run

log = logging.getLogger("sluice.listen")

Expected = dict[S3Object, Feed]


@dataclass
class Batch:
    """The objects of one draught that concern one entity."""

    entity: str
    uris: list[str] = field(default_factory=list)
    vendors: set[str] = field(default_factory=set)


class Consumer:
    """Takes what the queue tells to work."""

    def __init__(self, queue: Queue, work: Work, feeds: Catalogue | None = None, most: int = MOST) -> None:
        self.queue, self.work, self.feeds, self.most = queue, work, feeds or catalogue(), most
        self.stopped = False
        self.idle = False  # whether it waits for a message, and can be stopped at once

    def run(self, *, until_empty: bool = False) -> None:
        """Listen until `stopped` is set, or until the queue is empty."""
        while not self.stopped:
            worked = self.once(wait=0 if until_empty else 20)
            if until_empty and not worked:
                return

    def stop(self) -> None:
        """End when the work in hand is done; at once, while there is none. Messages just received come again."""
        self.stopped = True
        if self.idle:
            raise SystemExit(0)

    def once(self, wait: int = 20) -> int:
        """One draught; how many messages it held."""
        self.idle = True
        drawn = self.queue.draught(self.most, PATIENCE, wait)
        self.idle = False
        if drawn:
            announced = {message.handle: self._announced(message) for message in drawn}
            with self.queue.kept(drawn):
                done = {uri for batch in self._batches(announced) for uri in self._work(batch)}
            self._answer(drawn, announced, done)
        return len(drawn)

    def _announced(self, message: Message) -> Expected:
        """The objects of a message that a feed expects, with that feed; the others are told."""
        try:
            found = objects_of(message.body)
        except Poison as poison:
            buried = self.queue.bury(message, str(poison))
            log.error("A message is %s; %s.", poison, "it is in the dead-letter queue" if buried else "it is dropped")
            tell_event("sluice.message.poisoned", "sluice.queue", told=str(poison), buried=buried)
            return {}
        expected = {each: feeds_at(each.url, self.feeds.feeds.values()) for each in found}
        for each in (each for each, feeds in expected.items() if not feeds):
            log.warning("No feed expects %s", printable(each.url))
            unexpected(each)
        return {each: feeds[0] for each, feeds in expected.items() if feeds}

    def _batches(self, announced: dict[str, Expected]) -> list[Batch]:
        """One batch for each entity (and LONGEST_RUN objects), each object once."""
        batches: dict[tuple[str, int], Batch] = {}
        counts: dict[str, int] = defaultdict(int)
        once = {found: feed for some in announced.values() for found, feed in some.items()}
        for found, feed in once.items():
            part = counts[feed.entity] // LONGEST_RUN
            counts[feed.entity] += 1
            batch = batches.setdefault((feed.entity, part), Batch(feed.entity))
            batch.uris.append(found.uri)
            batch.vendors.add(feed.vendor)
        return list(batches.values())

    def _work(self, batch: Batch) -> set[str]:
        try:
            return self.work(batch.uris, [batch.entity, *sorted(batch.vendors)])
        except Exception as error:
            log.error("%s: %d objects will come again: %s", batch.entity, len(batch.uris), _told(error))
            return set()

    def _answer(self, drawn: list[Message], announced: dict[str, Expected], done: set[str]) -> None:
        """Acknowledge a message all of whose objects are done; the others come again, and the queue counts that."""
        well = {m.handle: all(found.uri in done for found in announced[m.handle]) for m in drawn}
        self.queue.acknowledge([message for message in drawn if well[message.handle]])
        self.queue.give_back([message for message in drawn if not well[message.handle]], AGAIN_AFTER)


def _told(error: Exception) -> str:
    return without_values(in_a_paragraph(error))
