"""The demo: the bundled samples of the childcare vendors, three days of them, through the whole way."""

import os
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

from rich.console import Console

from extract.feeds import catalogue
from flows.server import prefect_server
from warehouse.settings import settings

ENTITY = "provider"
console = Console()


def samples_by_day() -> dict[str, list[tuple[str, Path]]]:
    """The sample files of the entity's feeds by the day in their names: (drop folder, file)."""
    days: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    for feed in catalogue().of_entity(ENTITY):
        folder = settings().dbt_project / "models" / "staging" / feed.vendor / "samples"
        for file in sorted(folder.glob(feed.samples)):
            days[file.stem[-10:]].append((str(Path(feed.arrives.drop).parent), file))
    return dict(sorted(days.items()))


def drop(where: str, file: Path) -> None:
    """Copy a sample into the drop folder, unless it is there."""
    target = settings().drops / where / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy2(file, target)


def tell_day(day: str) -> None:
    """Run once with what has come until this day, and say what happened."""
    from flows.cli import tell
    from flows.prefect_door import go
    from flows.run import run

    console.rule(f"[bold]{day}", align="left")
    tell(go(run, [ENTITY]))


def tell_all() -> None:
    """The state of the house, as tables."""
    from publish import tables, views

    found = views.status()
    ours = [d for d in found["deliveries"] if d["entity"] == ENTITY]
    console.print(tables.deliveries(ours), tables.accounts(ours), sep="\n\n")
    bad = views.quarantine(ENTITY)
    console.print(tables.reasons(ENTITY, bad))
    console.print(tables.quarantine(ENTITY, bad[:3], title="Three of them, as they are listed"))
    changing, versions = most_changed()
    console.print(tables.history(ENTITY, versions))
    shown = ["license_number", "company", "first_name", "phone", "phone_token", "email"]
    console.print(tables.rows(f"published.{ENTITY}: some rows, masked", views.sample(ENTITY, 8), shown))
    console.print(tables.publications([p for p in found["publications"] if p["entity"] == ENTITY]))
    tell_next(changing)


def most_changed() -> tuple[str, list[dict[str, Any]]]:
    """The licence number with the most versions, and those versions."""
    from extract.entities import key_columns
    from publish import views

    key = views.most_changed(ENTITY, key_columns(ENTITY))
    return key, views.history(ENTITY, key_columns(ENTITY), [key])


def tell_next(key: str) -> None:
    """Where the files lie, and what to type now."""
    lines = [
        f"Exports: {settings().folder('exports') / ENTITY / 'latest'} (CSV, NDJSON, Parquet, manifest.json)",
        "",
        "What to type next (the commands are in .venv/bin):",
        f"  sluice history {ENTITY} {key}",
        f"  sluice quarantine list {ENTITY}",
        "  sluice status",
        "  sluice docs",
        "  sluice deliver YOUR_FILE --feed VENDOR.FEED && sluice run",
    ]
    console.print("\n".join(lines), highlight=False, soft_wrap=True)


def main() -> None:
    """Tell the story; a second time it says that nothing is new."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    console.print("Starting a Prefect server on loopback ...", highlight=False)
    with prefect_server():
        for day, files in samples_by_day().items():
            for where, file in files:
                drop(where, file)
            tell_day(day)
    tell_all()


if __name__ == "__main__":
    main()
