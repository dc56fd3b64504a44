"""A chapter of the demo: a file with bad rows, what its owner is told, the mended file, the account at each step."""

import csv
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from extract.feeds import Feed
from warehouse.settings import settings

ENTITY = "provider"
console = Console()


def main() -> None:
    """Tell the story in a home of its own, made anew each time."""
    home = settings().folder("demo-quarantine")
    os.environ["SLUICE_HOME"] = str(home)
    settings.cache_clear()
    from warehouse import embedded

    embedded.stop(home)
    shutil.rmtree(home)
    try:
        tell()
    finally:
        embedded.stop(home)


def tell() -> None:
    """The chapters, one after the other."""
    from extract.feeds import catalogue
    from flows.notify import report_on
    from flows.returns import write

    feed = catalogue().of_entity(ENTITY)[0]
    folder = settings().dbt_project / "models" / "staging" / feed.vendor / "samples"
    first = sorted(folder.glob(Path(feed.arrives.drop).name))[0]

    chapter(f"A file of {feed.key} arrives: {first.name}. Some of its rows break rules, and are set aside.")
    drop(feed, first)
    run()
    show_account("Every record is accounted for.")

    chapter(f"{feed.owner.name} is told, at {', '.join(feed.owner.email)} and nowhere else. Values are masked.")
    console.print(report_on(feed).text(), markup=False, highlight=False, soft_wrap=True)

    chapter("A steward writes the file that goes back: the vendor's own columns, and the reasons beside each row.")
    back = write(ENTITY, feed, None, None, None, by="the demo")
    console.print(f"{back.path.name}: {back.rows} rows, {back.told}, mode 0600\n", highlight=False)

    chapter("At the vendor's desk cells are mended. What nobody there knows is left as it is.")
    mended = desk(first, back.path, back.delivery_id)

    chapter(
        "The file comes back through the same drop folder. It is a delivery beside the first one, for the same day."
    )
    drop(feed, mended)
    run()
    show_account("The mended rows are released, and in history from the day of the first file. Nothing was closed.")

    chapter("Rows that nobody can mend are discarded, with a reason. Nothing is open any more.")
    discard("the vendor withdrew these rows")
    show_account("Quarantined rows stay as a record of what became of them.")

    chapter("All of it stands on a page.")
    from flows.quality import write as write_report

    console.print(str(write_report()), highlight=False, soft_wrap=True)


def chapter(text: str) -> None:
    """A heading."""
    console.rule(style="dim")
    console.print(text, style="bold", highlight=False)


def drop(feed: Feed, file: Path) -> None:
    """Lay a file into the drop folder of its feed."""
    place = settings().drops / Path(feed.arrives.drop).parent / file.name
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, place)


def run() -> None:
    """Collect, merge and publish."""
    from flows.cli import tell as told
    from flows.run import run as flow

    told(flow.fn([ENTITY]))


def show_account(told: str) -> None:
    """Where the records of each delivery went, and what became of the quarantined ones."""
    from publish import quality
    from warehouse.connection import transaction

    with transaction() as connection:
        delivered = quality.deliveries(connection, ENTITY)
    for d in delivered:
        rows = {name: d.rows[name] or 0 for name in ("blank", "banner", "unreadable", "quarantined", "good")}
        merged = {name: d.rows[name] or 0 for name in ("opened", "changed", "unchanged", "duplicate")}
        console.print(f"delivery {d.delivery_id}, {d.name}", highlight=False)
        for total, name, parts in (
            (d.rows["read"] or 0, "read", rows),
            (d.good, "good", merged),
            (d.bad, "unreadable and quarantined", dict(d.settled)),
        ):
            if sum(parts.values()) != total:
                raise AssertionError(f"delivery {d.delivery_id} does not add up")
            shown = " + ".join(f"{count} {part}" for part, count in parts.items() if count)
            console.print(f"{total:>5} {name} = {shown or 0}", highlight=False, soft_wrap=True)
    console.print(f"{told}\n", style="dim", highlight=False)


def desk(original: Path, back: Path, delivery_id: int) -> Path:
    """The vendor's desk: of each bad row, the cells that a reason speaks of are written as good rows write them."""
    asked = _columns_to_mend(delivery_id)
    rows = list(_records(back))
    good = _good_record(original, {row["sluice_line"] for row in rows})
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for name in ("line", "column", "was", "is now"):
        table.add_column(name, overflow="fold")
    for row in rows:
        for column in asked.get(int(row["sluice_row"]), ()):
            if row[column] != good[column]:
                table.add_row(row["sluice_line"], column, row[column] or "(empty)", good[column])
                row[column] = good[column]
    if not table.row_count:
        raise AssertionError("nothing is mended")
    console.print(table, highlight=False)
    mended = settings().folder("files") / back.name
    with open(mended, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return mended


def _records(file: Path) -> Iterator[dict[str, str]]:
    with open(file, newline="", encoding="utf-8-sig") as lines:
        yield from csv.DictReader(lines)


def _good_record(original: Path, bad_lines: set[str]) -> dict[str, str]:
    """A row of the file that nothing is wrong with, and in which most cells are filled."""
    lines = original.read_text(encoding="utf-8").splitlines()
    good = [line for number, line in enumerate(lines, 1) if str(number) not in bad_lines]
    records = [row for row in csv.DictReader(good) if None not in row and None not in row.values()]
    return max(records, key=lambda row: sum(bool(value) for value in row.values()))


def _columns_to_mend(delivery_id: int) -> dict[int, list[str]]:
    """The vendor's columns that the reasons of each bad row name; a key is nobody's guess, and stays as it is."""
    from extract.entities import key_columns
    from publish import views

    return {
        row["row_number"]: [
            header
            for reason in row["reasons"]
            if reason.get("column") not in key_columns(ENTITY)
            for header in reason.get("headers") or ()
        ]
        for row in views.quarantine(ENTITY)
        if row["delivery_id"] == delivery_id
    }


def discard(why: str) -> None:
    """Throw what is still open away."""
    from warehouse import quarantine
    from warehouse.connection import transaction

    with transaction() as connection:
        count = quarantine.discard(connection, ENTITY, by="the demo", why=why)
    console.print(f"{count} rows discarded: {why}\n", highlight=False)


if __name__ == "__main__":
    main()
