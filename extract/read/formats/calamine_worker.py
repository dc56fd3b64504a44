"""The process that opens a workbook with calamine; started by calamine.py, and by nothing else.

Arguments: two folders of packages, the most bytes of memory. It reads (path,) or (path, sheet) and answers with the
sheets, or with the merged ranges and then lists of rows.
"""

import pickle
import resource
import sys
from collections.abc import Iterator
from typing import Any

AT_ONCE = 500


def answers(path: str, *sheet: str) -> Iterator[tuple[str, Any]]:
    """What there is to say about a workbook, or about one of its sheets."""
    import python_calamine as calamine

    try:
        with open(path, "rb") as file:
            book = calamine.CalamineWorkbook.from_filelike(file)
            if not sheet:
                yield "sheets", list(_sheets(calamine, book))
            else:
                yield from _rows(book.get_sheet_by_name(sheet[0]))
    except calamine.PasswordError:
        yield "password", ""
    except Exception as error:
        yield "damaged", f"{type(error).__name__}: {str(error)[:200]}"
    yield "end", None


def _sheets(calamine: Any, book: Any) -> Iterator[tuple[str, bool]]:
    for sheet in book.sheets_metadata:
        if sheet.typ == calamine.SheetTypeEnum.WorkSheet:
            yield sheet.name, sheet.visible == calamine.SheetVisibleEnum.Visible


def _rows(sheet: Any) -> Iterator[tuple[str, Any]]:
    yield "merges", sheet.merged_cell_ranges
    held: list[Any] = []
    for row in sheet.iter_rows():
        held.append(row)
        if len(held) == AT_ONCE:
            yield "rows", held
            held = []
    yield "rows", held


def main() -> None:
    """Answer one question and end."""
    sys.path[:0] = sys.argv[1:3]
    most = int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for answer in answers(*pickle.load(sys.stdin.buffer)):  # noqa: S301 - from our own parent
        pickle.dump(answer, sys.stdout.buffer)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
