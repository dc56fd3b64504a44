"""Ask a register on-line whether it knows identifiers: rarely, politely, and never twice for one."""

import time
from dataclasses import dataclass
from urllib.parse import quote

import httpx
from sqlalchemy import text

from warehouse.connection import lock, transaction
from warehouse.errors import SluiceError

UNKNOWN = (404, 410)
GIVE_UP = 3  # answers that are none, one after the other
SECONDS = 10.0  # for one answer


@dataclass
class Resolved:
    """What came of it. `left`: what was not asked for, and `why` if that was not the limit's doing."""

    asked: int = 0
    found: int = 0
    unknown: int = 0
    cached: int = 0
    left: int = 0
    why: str = ""


def resolve(entity: str, column: str, register: str, *, per_second: float, most: int) -> Resolved:
    """Ask `register` (a base URL; the identifier follows) for the published values of a column that are not known yet.

    A redirect is an answer: the register knows it. Each answer is kept when it comes, so that a stop loses none.
    """
    if not register.startswith(("http://", "https://")) or per_second <= 0:
        raise SluiceError(f"{register!r} at {per_second} a second: write an http address, and a rate above 0.")
    with lock(f"resolve.{register}", wait=False) as held:
        if not held:
            raise SluiceError("Another process asks this register right now; its rate is kept by one at a time.")
        done, values = _to_ask(entity, column, register)
        with httpx.Client(timeout=SECONDS, follow_redirects=False, headers={"User-Agent": "sluice"}) as client:
            _ask(client, register, values[:most], per_second, done)
        done.left = len(values) - done.found - done.unknown
    return done


def _to_ask(entity: str, column: str, register: str) -> tuple[Resolved, list[str]]:
    with transaction() as connection:
        values = connection.execute(
            text(
                f'select distinct p."{column}"::text, r.value is not null from published."{entity}" as p'
                f' left join reference.resolutions as r on r.register = :register and r.value = p."{column}"::text'
                f' where p."{column}" is not null order by 1'
            ),
            {"register": register},
        ).all()
    return Resolved(cached=sum(known for _, known in values)), [value for value, known in values if not known]


def _ask(client: httpx.Client, register: str, values: list[str], per_second: float, done: Resolved) -> None:
    failed, due = 0, time.monotonic()
    for value in values:
        time.sleep(max(0.0, due - time.monotonic()))
        due = time.monotonic() + 1 / per_second
        done.asked += 1
        status = _status(client, f"{register.rstrip('/')}/{quote(value, safe='/')}")
        if status in UNKNOWN or 200 <= status < 400:
            failed = 0
            _keep(register, value, status)
            done.unknown += status in UNKNOWN
            done.found += status not in UNKNOWN
            continue
        failed += 1
        if failed == GIVE_UP or status == 429:
            done.why = "it asks for patience (429)" if status == 429 else "it does not answer as a register does"
            return


def _status(client: httpx.Client, url: str) -> int:
    """The status of an answer; 0 where there is none. Its body is not read."""
    try:
        with client.stream("GET", url) as answer:
            return int(answer.status_code)
    except httpx.HTTPError:
        return 0


def _keep(register: str, value: str, status: int) -> None:
    with transaction() as connection:
        connection.execute(
            text(
                "insert into reference.resolutions (register, value, found, status)"
                " values (:register, :value, :found, :status) on conflict do nothing"
            ),
            {"register": register, "value": value, "found": status not in UNKNOWN, "status": status},
        )
