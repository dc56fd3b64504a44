"""How the command line tells: errors in one paragraph, JSON, lines."""

import errno
import json
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from warehouse.errors import SluiceError

console = Console()
PROBLEM = 1
NO_ROOM = "No space left on device"
NO_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
WAREHOUSE_IS_FULL = (
    f"The warehouse's disk is full: PostgreSQL says {NO_ROOM!r}. What was done and published before stands; make room,"
    " and run again."
)


class Failed(click.ClickException):
    """An error in one clear paragraph; the traceback shows with --debug."""

    exit_code = PROBLEM

    def show(self, file: Any = None) -> None:  # noqa: ARG002  (click passes it)
        Console(stderr=True, soft_wrap=True).print(f"[red]Not done:[/red] {escape(self.message)}", highlight=False)


class Words(click.ParamType[str]):
    """What somebody says for those who come later: not nothing."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The words without what stands around them."""
        return str(value).strip() or self.fail("say it in words.", param, ctx)


def told_plainly(command: Callable[..., None]) -> Callable[..., None]:
    """Turn any error into one paragraph and exit code 1."""

    @wraps(command)
    def call(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except click.ClickException:
            raise
        except Exception as error:
            if click.get_current_context().find_root().obj:
                raise
            raise Failed(in_a_paragraph(error)) from error

    return call


def in_a_paragraph(error: Exception) -> str:
    """What a person is told of an error. A database's own text may quote a row: of that only the message is told."""
    if isinstance(error, SluiceError):
        return str(error)
    if isinstance(error, OSError) and error.errno in NO_WRITING:
        place = error.filename or "A disk"
        return f"{place}: {error.strerror}. What was done before stands; when that is mended, run again."
    if NO_ROOM in str(error):
        return WAREHOUSE_IS_FULL
    diagnosis = getattr(getattr(error, "orig", error), "diag", None)
    message = diagnosis.message_primary if diagnosis else " ".join(str(error).split())
    return f"{type(error).__name__}: {message} (an error of ours; --debug shows where)"


def say(line: str) -> None:
    """Print a line as it is."""
    console.print(escape(line), highlight=False, soft_wrap=True)


def print_json(found: Any) -> None:
    """Print data as JSON."""
    json.dump(found, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def tell_merged(merged: Any) -> None:
    """Print what came of a merge of an entity."""
    if merged.left:
        told = "staged; another process merges it in its turn"
    elif merged.asks:
        told = f"run {merged.run} is merged, and waits for a yes. Next: sluice accept {merged.entity}"
    elif merged.held:
        told = f"merged, and not published: it was rolled back. Next: sluice publish {merged.entity}"
    else:
        told = "nothing new" if merged.rows is None else f"run {merged.run} published, {merged.rows} rows"
    say(f"{merged.entity}: {told}")
    for notice in merged.notices:
        say(f"  {notice}")
