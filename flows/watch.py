"""Watch: what nobody would notice by itself, because nothing happens: an overdue feed, a quarantine that fills up."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from extract.feeds import catalogue
from flows import quality
from flows.overdue import overdue
from flows.prefect_door import flow, step, tell_event
from warehouse import alarms
from warehouse.connection import transaction
from warehouse.migrate import migrate
from warehouse.settings import settings


@dataclass(frozen=True)
class Seen:
    """What a look gave: alarms that are new, and such as are over."""

    raised: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()


@flow(name="watch")
def watch() -> Seen:
    """Look once; each alarm is raised once, and settled when its reason is gone. Where pages are served, those about
    quality are written anew."""
    migrate()
    late = look("feed overdue", "sluice.feed", overdue())
    full = look("quarantine full", "sluice.entity", full_quarantines())
    if settings().pages_url:
        quality.write()
    return Seen(late.raised + full.raised, late.settled + full.settled)


@step("look for: {kind}")
def look(kind: str, resource: str, found: Mapping[str, str]) -> Seen:
    """Raise what is found and settle what is not any more; events tell of both."""
    event = f"sluice.{kind.replace(' ', '.')}"
    new = tuple(about for about, told in found.items() if alarms.raised(kind, about, told))
    over = tuple(about for about in alarms.open_ones(kind) if about not in found and alarms.settled(kind, about))
    for about in new:
        tell_event(event, f"{resource}.{about}", told=found[about])
    for about in over:
        tell_event(f"{event}.settled", f"{resource}.{about}", told=f"{about}: settled")
    return Seen(new, over)


def full_quarantines() -> dict[str, str]:
    """The entities with more open quarantined rows than the bound allows."""
    bound, full = settings().quarantine_bound, {}
    with transaction() as connection:
        for entity in catalogue().entities:
            if not connection.scalar(text("select to_regclass(:name)"), {"name": f"quarantine.{entity}"}):
                continue
            rows = int(connection.scalar(text(f"select count(*) from quarantine.{entity} where status = 'open'")) or 0)
            if rows > bound:
                full[entity] = (
                    f"{rows} quarantined rows of {entity} are open, more than {bound}: sluice quarantine list {entity}"
                )
    return full
