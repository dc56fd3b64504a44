"""What the reader found in a file, for a person at a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

ENDS = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "space", '"': '"', "'": "'"}
TEXT = {"csv", "fixed"}
TOLD_ELSEWHERE = {
    "format", "encoding", "bom", "delimiter", "quote", "line_end", "header", "header_line", "preamble",
    "header_end_line", "escape", "loose", "spaced", "widths", "named", "header_rows", "findings", "wrappers",
    "mapping",
}  # fmt: skip
LEFT = {"unreadable", "blank", "banner", "other", "mended"}


def short(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A finding in a few plain words, without names or values of columns; None where there is none."""
    if not found or "format" not in found:
        return None
    told = {
        "format": found.get("format"),
        "encoding": found.get("encoding"),
        "wrappers": found.get("wrappers") or [],
        "dialect": dialect(found),
        "header_line": found.get("header_line") if found.get("named", True) else None,
        "columns": len(found.get("header") or ()),
        "preamble_lines": found.get("preamble") or 0,
        "findings": list(found.get("findings") or ()),
        "mapping": mapping(found.get("mapping") or {}),
    }
    return told | {key: value for key, value in found.items() if key not in TOLD_ELSEWHERE}


def mapping(used: Mapping[str, Any]) -> str:
    """By which declaration a file's columns were named, where that is not just its feed's."""
    scopes = [said["scope"] for said in used.get("columns", {}).values()]
    parts = [f"of files {used['files']}"] if "files" in used else []
    return ", ".join([*parts, *([f"{scopes.count('vendor')} names of the vendor"] if "vendor" in scopes else [])])


def beside(told: Mapping[str, Any]) -> str:
    """What else there is in a short finding: sheet, path, lines above the header, findings in words."""
    usual = {"format", "encoding", "wrappers", "dialect", "header_line", "columns", "findings", "preamble_lines"}
    parts = [f"{key.replace('_', ' ')} {value}" for key, value in told.items() if key not in usual and value]
    if told["preamble_lines"]:
        parts.append(f"{told['preamble_lines']} lines above the header")
    return "; ".join([*parts, *told["findings"]])


def dialect(found: Mapping[str, Any]) -> str:
    """Delimiter, quote and line end of a text table, in words; nothing for other formats."""
    if found.get("format") == "fixed" or found.get("widths"):
        return f"fixed width, {len(found.get('widths') or ())} columns"
    if found.get("format") not in TEXT:
        return ""
    delimiter, quote = str(found.get("delimiter", "")), str(found.get("quote", ""))
    parts = [f"delimiter {NAMES.get(delimiter, repr(delimiter))}", f"quote {quote}" if quote else "no quotes"]
    escape = found.get("escape", quote)
    if quote and escape not in (quote, "", None):
        parts.append(f"escape {escape}")
    return ", ".join([*parts, ENDS.get(str(found.get("line_end")), f"{found.get('line_end')} line ends")])


def words(found: Mapping[str, Any]) -> str:
    """Format, encoding and dialect in one line: `csv, cp1252, delimiter comma, quote ", CRLF, in zip`."""
    encoding = str(found.get("encoding") or "") if found.get("format") not in ("parquet", "arrow", "excel") else ""
    if encoding and found.get("bom"):
        encoding += " with a BOM"
    packed = "packed in " + " in ".join(reversed(found["wrappers"])) if found.get("wrappers") else ""
    return ", ".join(filter(None, [str(found.get("format")), encoding, dialect(found), packed]))


def more(found: Mapping[str, Any]) -> str:
    """What a format has to say beside that: sheet, path, how it was flattened."""
    told = {key: value for key, value in found.items() if key not in TOLD_ELSEWHERE and value not in (None, "", [], {})}
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in told.items())


def header(found: Mapping[str, Any], most: int = 8) -> str:
    """Where the header stands and what it says."""
    names = list(found.get("header") or ())
    line, last = found.get("header_line"), found.get("header_end_line")
    if not found.get("named", True):
        return f"none; {len(names)} columns"
    where = f"line {line}" if line == last else f"lines {line} to {last}"
    shown = ", ".join(name[:40] or '""' for name in names[:most]) + (", ..." if len(names) > most else "")
    return f"{where + ': ' if line else ''}{len(names)} columns: {shown}"


def records(counts: Mapping[str, int]) -> str:
    """`1,079 read: 1,070 rows, 9 unreadable`"""
    others = [f"{counts[name]:,} {name}" for name in counts if name in LEFT and counts[name]]
    return f"{counts.get('read', 0):,} read: " + ", ".join([f"{counts.get('rows', 0):,} rows", *others])


class Printer:
    """Prints outcomes as they come; called with None at the end."""

    def __init__(self, to: TextIO, many: bool) -> None:
        self.console, self.many = Console(file=to, highlight=False, soft_wrap=True), many
        self.files = self.failed = self.rows = self.unreadable = 0

    def __call__(self, outcome: Any) -> None:
        if outcome is None:
            self._sum()
            return
        self.files += 1
        self.failed += not outcome.ok
        self.rows += outcome.records.get("rows", 0)
        self.unreadable += outcome.records.get("unreadable", 0)
        if self.many:
            self._line(outcome)
        else:
            self._block(outcome)

    def _sum(self) -> None:
        if self.many:
            told = f"{self.files:,} files, {self.failed:,} not read; {self.rows:,} rows, {self.unreadable:,} unreadable"
            self.console.print(told, style="bold")

    def _line(self, outcome: Any) -> None:
        if not outcome.ok:
            self.console.print(Text(outcome.refused, style="red"))
        elif outcome.empty:
            self.console.print(Text(f"{outcome.file}: empty"))
        else:
            told = f"{outcome.file}: {words(outcome.found)}; {outcome.columns} columns; {records(outcome.records)}"
            self.console.print(Text(told))

    def _block(self, outcome: Any) -> None:
        self.console.print(Text(outcome.file, style="bold"))
        if not outcome.ok or outcome.empty:
            told = outcome.refused or outcome.problems[0].message
            self.console.print(Text(f"  not read: {told}" if not outcome.ok else f"  {told}", style="red"))
            return
        for name, told in self._facts(outcome):
            self.console.print(Text(f"  {name:<9} {told}"))
        if outcome.sample:
            self.console.print(_sample(outcome.found, outcome.sample), soft_wrap=False)

    def _facts(self, outcome: Any) -> list[tuple[str, str]]:
        found = outcome.found
        facts = [("format", words(found)), ("more", more(found)), ("header", header(found))]
        if found.get("preamble"):
            facts.append(("above it", f"{found['preamble']} lines"))
        facts.append(("records", records(outcome.records)))
        facts += [("found", str(finding)) for finding in found.get("findings") or ()]
        facts += [
            ("problem", f"{problem.code}: {problem.count:,}, the first on line {problem.line}: {problem.message}")
            for problem in outcome.problems
        ]
        return [(name, told) for name, told in facts if told]


def _sample(found: Mapping[str, Any], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=bool(found.get("named", True)))
    names = list(found.get("header") or ())[:6]
    for name in names:
        table.add_column(Text(str(name)[:24]), overflow="ellipsis", no_wrap=True, max_width=24)
    for row in rows:
        table.add_row(*(Text(" ".join(cell[:200].split())[:24]) for cell in row[: len(names)]))
    return table
