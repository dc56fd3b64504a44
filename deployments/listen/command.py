"""`sluice listen`: a consumer in a process of its own."""

import logging
import signal
import time

from deployments.listen.consumer import AGAIN_AFTER, MOST, Consumer
from deployments.listen.queue import Queue
from deployments.listen.work import way
from flows.run import prepare
from flows.telling import in_a_paragraph, say
from warehouse.errors import SluiceError, without_values
from warehouse.settings import settings

log = logging.getLogger("sluice.listen")


def listen(*, until_empty: bool = False, most: int = MOST) -> None:
    """Listen until SIGTERM or SIGINT, after which the work in hand is finished. Trouble with the queue or the server
    is waited out."""
    url = settings().events_queue
    if url is None:
        raise SluiceError("SLUICE_EVENTS_QUEUE is not set: name the SQS queue that is told of new objects.")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    consumer = Consumer(Queue(url), way(settings().events_run_in), most=most)
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_, lambda *_: consumer.stop())
    warm_up()
    say(f"Listening to {url.rpartition('/')[2]}; what comes runs in the {settings().events_run_in}.")
    while not consumer.stopped:
        try:
            consumer.run(until_empty=until_empty)
            if until_empty:
                return
        except Exception as error:
            if until_empty:
                raise
            log.error("%s; listening again in %d s", without_values(in_a_paragraph(error)), AGAIN_AFTER)
            time.sleep(AGAIN_AFTER)


def warm_up() -> None:
    """What the first object would otherwise wait for: dbt's import and its manifest, and the project's views."""
    if settings().events_run_in == "consumer":
        from flows import dbt

        prepare()
        dbt.warm_up()
