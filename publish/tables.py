"""Tables for a person at a terminal (rich), and the same accounts as markdown for Prefect."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from publish import findings
from publish.reasons import in_words
from publish.views import ROWS, status

# Broken where they are long, so that an account fits into 80 characters.
ROW_TITLES = {
    "banner": "ban-\nner",
    "unreadable": "unrea-\ndable",
    "quarantined": "quaran-\ntined",
    "opened": "open-\ned",
    "changed": "chan-\nged",
    "unchanged": "unchan-\nged",
    "duplicate": "dupli-\ncate",
    "closed": "clo-\nsed",
}
TERMINAL = 80  # characters
QUIET_STATES = {"merged", "sighted", "staged", "received", "judged"}


def _table(title: str, **options: Any) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, **options)


def plain(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rows as they are, a column for each of their names."""
    table = _table(title)
    for name in rows[0] if rows else ():
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row.values()))
    return table


def _day(moment: str) -> str:
    """The day of a moment, and its time, where it is not the day's first."""
    length = 10 if moment[11:19] == "00:00:00" else 16 if moment[17:19] == "00" else 19
    return moment[:length].replace("T", " ")


def deliveries(found: Sequence[Mapping[str, Any]]) -> Group:
    """What arrived, how far it has come, and, across the whole width, why no further."""
    table = _table("Deliveries", pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("no.", "feed", "file", "speaks of", "mode", "state"):
        table.add_column(name, overflow="fold", no_wrap=name in ("no.", "speaks of", "mode"))
    for d in found:
        state = f"sighting of {d['sighting_of']}" if d["sighting_of"] else d["state"]
        table.add_row(
            str(d["delivery_id"]),
            f"{d['vendor']}.{d['feed']}",
            Text(d["name"]),
            _day(d["effective_at"]),
            d["mode"],
            Text(state, style="" if d["state"] in QUIET_STATES else "red"),
        )
    return Group(table, *_reasons_of(found))


def _reasons_of(found: Sequence[Mapping[str, Any]]) -> list[Table]:
    table = _table("Why", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("no.", no_wrap=True)
    table.add_column("", overflow="fold")
    for d in found:
        if d["reason"]:
            table.add_row(str(d["delivery_id"]), Text(f"{d['state']}: {d['reason'].removeprefix(d['name'] + ': ')}"))
    return [table] if table.row_count else []


def accounts(found: Sequence[Mapping[str, Any]]) -> Group:
    """Where each record of each delivery went: read = blank + banner + unreadable + quarantined + good.

    One table, or, where its numbers are too large for 80 characters, one for the records and one for the good rows.
    """
    whole = _accounts("Row accounts", found, ROWS)
    if Console(width=2 * TERMINAL).measure(whole).maximum <= TERMINAL:
        return Group(whole)
    return Group(
        _accounts("Row accounts: records", found, ROWS[: ROWS.index("good") + 1]),
        _accounts("Row accounts: good rows", found, ROWS[ROWS.index("good") :]),
    )


def _accounts(title: str, found: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Table:
    table = _table(title, pad_edge=False, padding=0)
    table.add_column("no.", justify="right", no_wrap=True)
    for name in names:
        table.add_column(ROW_TITLES.get(name, name), justify="right", no_wrap=True)
    for d in found:
        counts = ["" if d["rows"][name] is None else str(d["rows"][name]) for name in names]
        table.add_row(str(d["delivery_id"]), *counts)
    return table


def found(deliveries: Sequence[Mapping[str, Any]]) -> Table:
    """What the reader found in each delivery: format, encoding, dialect, header, and what is worth a look."""
    table = _table("What was found in them", pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("no.", "format", "header", "columns", "beside that"):
        table.add_column(name, overflow="fold", justify="right" if name == "columns" else "left")
    for d in deliveries:
        if told := d["found"]:
            parts = [told["format"], told["encoding"], told["dialect"], *told["wrappers"]]
            line = told["header_line"]
            table.add_row(
                str(d["delivery_id"]),
                Text(", ".join(str(part) for part in parts if part)),
                f"line {line}" if line else "",
                str(told["columns"]),
                Text(findings.beside(told)),
            )
    return table


def publications(found: Sequence[Mapping[str, Any]]) -> Table:
    """What consumers were shown, and since when."""
    table = _table("Publications")
    for name in ("entity", "run", "published at", "rows"):
        table.add_column(name, justify="right" if name in ("run", "rows") else "left")
    for p in found:
        table.add_row(p["entity"], str(p["run"]), p["published_at"][:19], str(p["rows"]))
    return table


def reasons(entity: str, found: Sequence[Mapping[str, Any]]) -> Table:
    """How many bad rows each rule has, the most frequent first; a row may have several."""
    told = {reason["code"]: reason["message"] for row in found for reason in row["reasons"]}
    counts = Counter(reason["code"] for row in found for reason in row["reasons"])
    table = _table(f"Quarantine of {entity}: {len(found)} rows, by reason", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("rows", justify="right")
    table.add_column("code")
    table.add_column("what would be right", overflow="fold")
    for code, count in counts.most_common():
        table.add_row(str(count), code, Text(told[code]))
    return table


def quarantine(entity: str, found: Sequence[Mapping[str, Any]], title: str | None = None) -> Table:
    """Bad rows with all their reasons."""
    told = Counter(row["status"] for row in found)
    counts = "".join(f", {count} {status}" for status, count in sorted(told.items())) if set(told) - {"open"} else ""
    title = title or f"Quarantine of {entity}: {len(found)} rows{counts}"
    table = _table(title, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("no.", "feed", "row", "line", "reasons"):
        table.add_column(name, overflow="fold", justify="right" if name in ("row", "line") else "left")
    for row in found:
        reasons = "\n".join(in_words(reason, with_value=True) for reason in row["reasons"])
        if row["status"] != "open":
            by = f" by {row['settled_by']}" if row["settled_by"] else ""
            reasons = f"({row['status']}{by}) {reasons}"
        table.add_row(
            str(row["delivery_id"]),
            row["feed"],
            str(row["row_number"]),
            str(row["line_number"]),
            Text(reasons),
        )
    return table


def history(entity: str, versions: Sequence[Mapping[str, Any]]) -> Table:
    """The versions of a row, each with what differs from the one before."""
    identity = f"{entity}_id"
    table = _table(f"History of {entity} {versions[0][identity]}", pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("from", "to", "feed", "what it says"):
        table.add_column(name, overflow="fold")
    before: Mapping[str, Any] = {}
    for version in versions:
        if before and before[identity] != version[identity]:
            before = {}
        table.add_row(
            _day(version["valid_from"]),
            _day(version["valid_to"]) if version["valid_to"] else "open",
            version["feed"],
            Text(_differences(identity, before, version)),
        )
        before = version
    return table


def _differences(identity: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    skipped = {identity, "feed", "valid_from", "valid_to"}
    told = [name for name in now if name not in skipped and not name.endswith("_token")]
    if not before:
        return "\n".join(f"{name}: {now[name]}" for name in told if now[name] is not None)
    changed = [
        f"{name}: {before[name]} -> {now[name]}" if before[name] != now[name] else f"{name}: changed behind its mask"
        for name in told
        if before[name] != now[name] or before.get(f"{name}_token") != now.get(f"{name}_token")
    ]
    return "\n".join(changed) or "back again, as it was"


def explanation(entity: str, versions: Sequence[Mapping[str, Any]]) -> Table:
    """Each version with where it comes from; superseded ones are told as such."""
    table = _table(f"Why {entity} is so", pad_edge=False, padding=(0, 1, 1, 0))
    for name in ("from", "to", "why"):
        table.add_column(name, overflow="fold", no_wrap=name != "why")
    for v in versions:
        told = [
            f"{v['file']}, line {v['line_number']} (delivery {v['delivery_id']} of {v['feed']}, {v['delivery_state']})",
            "the first version" if v["first"] else _changes(v["changed"]),
            f"masked: {', '.join(v['masked'])}" if v["masked"] else "nothing masked",
            f"recorded in run {v['recorded_in']}, "
            + (f"published {v['published_at'][:19]}" if v["published_at"] else "never published")
            + (f", replaced in run {v['superseded_in']}" if v["superseded_in"] else ""),
        ]
        until = _day(v["valid_to"]) if v["valid_to"] else "open"
        table.add_row(_day(v["valid_from"]), until, Text("\n".join(told)))
    return table


def _changes(columns: Sequence[str]) -> str:
    return f"differs in: {', '.join(columns)}" if columns else "back again, as it was"


def rights(found: Sequence[Any], members: Sequence[Mapping[str, Any]]) -> Group:
    """What each role can read and call, and who its members are."""
    table = _table("What each role can do", pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("role", "reads", "calls", "more than declared"):
        table.add_column(name, overflow="fold")
    for of_role in found:
        cells = ("\n".join(names) or "nothing" for names in (of_role.reads, of_role.calls, of_role.too_much))
        table.add_row(of_role.role, *(Text(cell) for cell in cells))
    belong = _table("Members")
    for name in ("role", "member", "superuser"):
        belong.add_column(name)
    for row in members:
        belong.add_row(row["role"], row["member"], "yes: no grant binds it" if row["super"] else "")
    return Group(table, belong)


def rows(title: str, found: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    """Any rows in the given columns, a line each."""
    table = _table(title, pad_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        width = 14 if name.endswith("_token") else None  # enough of a token to see which are equal
        table.add_column(name.replace("_", "\n", 1), overflow="ellipsis", no_wrap=True, max_width=width)
    for row in found:
        table.add_row(*(Text("" if row[name] is None else str(row[name])) for name in columns))
    return table


def accounts_markdown(entity: str) -> str:
    """The row accounts of an entity's deliveries as a markdown page, the newest 50."""
    found = [d for d in status()["deliveries"] if d["entity"] == entity][-50:]
    head = ["delivery", "feed", "speaks of", "state", *ROWS]
    lines = [f"# Row accounts of {entity}", "", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for d in reversed(found):
        cells = [d["delivery_id"], f"{d['vendor']}.{d['feed']}", _day(d["effective_at"]), d["state"]]
        counts = ["" if d["rows"][name] is None else d["rows"][name] for name in ROWS]
        lines.append("| " + " | ".join(str(cell) for cell in [*cells, *counts]) + " |")
    lines += ["", "read = blank + banner + unreadable + quarantined + good;",
              "good = opened + changed + unchanged + duplicate."]  # fmt: skip
    return "\n".join(lines)
