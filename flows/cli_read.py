"""`sluice read`: what is in these files? No database; the preview for people and the harness for benchmarks."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from warehouse.errors import SluiceError

if TYPE_CHECKING:
    from extract.read.convert import Job, Outcome
    from extract.read.progress import Told

FAILED = "Application Error\n"  # what stands in DIR for a file that could not be read
MANY = 5  # files from which each gets one line


@click.command("read")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--feed", metavar="VENDOR.FEED", help="Read as files of this feed: its columns and its hints.")
@click.option(
    "--hints",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="HINTS.yml",
    help="Hints as in a feed's `format`, as a YAML mapping; they win over those of the feed.",
)
@click.option("--no-hints", is_flag=True, help="Sniff everything: leave the feed's hints out.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="OUT.csv",
    help="Write the table as plain CSV; - for the terminal.",
)
@click.option(
    "--out-dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write each table as DIR/<name>_converted.csv; one that failed holds `Application Error`.",
)
@click.option(
    "--rejects",
    type=click.Path(path_type=Path),
    metavar="OUT.jsonl",
    help="Write the unreadable records, and mended ones as they came, a JSON object a line.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line for each file.")
@click.pass_context
def read(context: click.Context, files: tuple[Path, ...], feed: str | None, hints: Path | None, no_hints: bool,
         out: Path | None, out_dir: Path | None, rejects: Path | None, as_json: bool) -> None:  # fmt: skip
    """Read FILEs of any format and say what was found: format, encoding, header, shape, and every problem.

    Exit code 1 if a file could not be read.
    """
    if no_hints and hints:
        raise click.UsageError("--no-hints and --hints say the opposite of each other.")
    try:
        job = _job(feed, None if no_hints else hints, no_hints)
    except SluiceError as error:
        raise click.UsageError(str(error)) from error
    targets = _targets(files, out, out_dir, job)
    failed = 0
    with ExitStack() as stack:
        reject_file = stack.enter_context(open(rejects, "w", encoding="utf-8")) if rejects else None
        to_stdout = str(out) == "-"
        printer = _printer(as_json, len(targets), sys.stderr if to_stdout else sys.stdout)
        for path, name, target in targets:
            outcome = _read(path, name, target, job, reject_file, to_stdout)
            failed += not outcome.ok
            printer(outcome)
        printer(None)
    context.exit(1 if failed else 0)


def _job(feed: str | None, hints: Path | None, no_hints: bool) -> "Job":
    """How to read, from the options."""
    from extract.limits import limits
    from extract.read import Hints
    from extract.read.convert import Job

    given: dict[str, Any] = _hints_of(hints) if hints else {}
    expected: tuple[tuple[str, ...], ...] = ()
    required: tuple[int, ...] = ()
    if feed:
        from extract import mapping
        from extract.feeds import catalogue

        declared = catalogue().feed(feed)
        expected = mapping.every_header(declared)
        required = tuple(i for i, column in enumerate(declared.columns) if column.required)
        given = ({} if no_hints else declared.format.model_dump(exclude_unset=True)) | given
    return Job(_checked(Hints, given, hints), limits(), expected, required)


def _hints_of(file: Path) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise SluiceError(f"{file}: not readable as YAML: {error}") from error
    if not isinstance(found, dict | None):
        raise SluiceError(f'{file}: a mapping of hints is expected, as in a feed\'s `format`: `delimiter: ";"`.')
    return found or {}


def _checked(model: Any, given: dict[str, Any], file: Path | None) -> Any:
    from pydantic import ValidationError

    try:
        return model.model_validate(given)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = ", ".join(model.model_fields)
            raise SluiceError(f"{file}: {place}: there is no such hint. There are: {known}.") from error
        raise SluiceError(
            f"{file or 'the hints'}: {place}: {problem['msg']} (it says {problem['input']!r})."
        ) from error


def _targets(
    files: Iterable[Path], out: Path | None, out_dir: Path | None, job: "Job"
) -> list[tuple[Path, str | None, Path | None]]:
    """(file, the member of it if it is a zip of several, where its table goes) for each table."""
    found = [(path, member) for path in files for member in _members(path, job)]
    if out is not None and len(found) > 1:
        raise click.UsageError(f"--out takes one table and these are {len(found)}; --out-dir takes many.")
    if out_dir is None:
        return [(path, member, None if str(out) == "-" else out) for path, member in found]
    out_dir.mkdir(parents=True, exist_ok=True)
    names = [member or path.name for path, member in found]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise click.UsageError(f"Two of the files are called {twice}; read them apart.")
    return [(path, member, out_dir / f"{member or path.name}_converted.csv") for path, member in found]


def _members(path: Path, job: "Job") -> list[str | None]:
    """The members of a zip that holds several files, each a table; [None] for any other file."""
    from extract.read import Refused, unpack

    try:
        if unpack.wrapper(path) != "zip":
            return [None]
        members = unpack.members(path, job.hints, job.limits)
    except Refused:  # told when it is read
        return [None]
    return [member.name for member in members] if len(members) > 1 else [None]


def _read(
    path: Path, member: str | None, target: Path | None, job: "Job", rejects: IO[str] | None, to_stdout: bool
) -> "Outcome":
    """Read one table and write it where it goes."""
    from extract.read.convert import convert

    with ExitStack() as stack:
        told = stack.enter_context(_progress(path))
        if to_stdout:
            from tempfile import TemporaryDirectory

            target = Path(stack.enter_context(TemporaryDirectory())) / "table.csv"
        outcome = (
            _convert_member(path, member, job, target, rejects, told)
            if member
            else convert(path, job, target, rejects, told)
        )
        if to_stdout and outcome.ok and target:
            _pour(target)
        elif target and not outcome.ok and not to_stdout and target.name.endswith("_converted.csv"):
            target.write_text(FAILED)
    return outcome


def _convert_member(
    path: Path, name: str, job: "Job", target: Path | None, rejects: IO[str] | None, told: "Told | None"
) -> "Outcome":
    from tempfile import TemporaryDirectory

    from extract.read import Refused, unpack
    from extract.read.convert import Outcome, convert

    with TemporaryDirectory(prefix="unpacked-") as folder:
        member = next(one for one in unpack.members(path, job.hints, job.limits) if one.name == name)
        taken_out = Path(folder) / name
        try:
            unpack.extract_member(path, member, taken_out, job.limits)
        except Refused as refusal:
            return Outcome(str(path.with_name(name)), refused=str(refusal))
        outcome = convert(taken_out, job, target, rejects, told)
        outcome.file = str(path.with_name(name))
        return outcome


def _pour(table: Path) -> None:
    import shutil

    sys.stdout.flush()
    with open(table, "rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()


@contextmanager
def _progress(path: Path) -> "Iterator[Told | None]":
    """A bar on the terminal, which appears for a long file."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    records = TextColumn("{task.fields[records]:,} records")
    columns = TextColumn("{task.description}"), BarColumn(), records, TimeElapsedColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    tasks: list[TaskID] = []

    def told(share: float, count: int) -> None:
        if not tasks:
            bar.start()
            tasks.append(bar.add_task(path.name, total=1.0, records=0))
        bar.update(tasks[0], completed=share, records=count)

    try:
        yield told
    finally:
        bar.stop()


def _printer(as_json: bool, count: int, to: Any) -> Any:
    """Prints each outcome, and a sum at the end."""
    if as_json:
        return lambda outcome: outcome and print(json.dumps(outcome.as_json(), ensure_ascii=False), file=to)
    from publish import findings

    return findings.Printer(to, many=count >= MANY)
