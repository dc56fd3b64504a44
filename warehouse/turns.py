"""Whose turn it is to merge an entity: one at a time, and of those that come meanwhile only one waits."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from warehouse.connection import lock


@contextmanager
def turn(entity: str) -> Iterator[bool]:
    """Hold the entity for a block, and give whether it is ours.

    While another process merges the entity, the first that comes waits for its turn. Who comes after that one is told
    no, at once: the one that waits begins later than now, so it takes in all that was staged until now. So ten
    thousand files that come within a minute cost a few merges, and no worker stands in a queue. The locks belong to
    sessions of the database: a process that dies holds nothing.
    """
    with ExitStack() as next_one:
        if not next_one.enter_context(lock(f"entity.{entity}.next", wait=False)):
            yield False
            return
        with lock(f"entity.{entity}", wait=True):
            next_one.close()
            yield True
