"""Fixed-width lines: cells by position, and the gutters by which such lines are known."""

from collections.abc import Sequence

from .cells import State

FEWEST_LINES = 4


class FixedCells:
    """The cells of one fixed-width line, blanks around them cut; what stands between the columns must be blank."""

    def __init__(self, widths: Sequence[tuple[int, int]]) -> None:
        self.widths = widths
        self.cells: list[str] = []
        self.stray = False

    def feed(self, line: str) -> State:
        """Take one physical line: each is a record."""
        text = line.rstrip("\r\n")
        self.cells = [text[start:end].strip() for start, end in self.widths]
        outside, last = [], 0
        for start, end in sorted(self.widths):
            outside.append(text[last:start])
            last = max(last, end)
        outside.append(text[last:])
        lost = "".join(outside).strip()
        if lost:  # characters outside of every column are a cell too many, never dropped
            self.cells.append(lost)
        return State.DONE


def gutters(lines: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """The columns of lines in which the same positions are blank in each; () where there are not two of them.

    A column begins after a gutter of two blanks or more, or of one where the lines fill both its sides.
    """
    texts = [line.rstrip("\r\n") for line in lines if line.strip()]
    if len(texts) < FEWEST_LINES or any("\t" in text for text in texts):
        return ()
    width = max(map(len, texts))
    inked = [False] * width
    for text in texts:
        for place, character in enumerate(text):
            if character != " ":
                inked[place] = True
    spans, start = [], None
    for place in range(width + 1):
        if place < width and inked[place]:
            start = place if start is None else start
        elif start is not None:
            spans.append((start, place))
            start = None
    if len(spans) < 2:
        return ()
    ends = [start for start, _ in spans[1:]] + [width]
    return tuple((0 if not i else spans[i][0], ends[i]) for i in range(len(spans)))
