"""Charts as geometry: numbers for the inline SVG that the templates draw. No script, nothing loaded."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from publish.quality import Delivered

WIDTH, NARROW, BASE, TOP, LEFT = 720, 340, 168, 22, 40
MOST_NARROW = 10  # columns that a phone has room for
SEEN = 2.5  # the least height of what is there at all


@dataclass(frozen=True)
class Column:
    """One delivery: a column of good rows with the bad ones on top."""

    x: float
    width: float
    good: float  # heights
    bad: float
    label: str
    share: str
    title: str
    is_waiting: bool

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        return BASE - self.good - self.bad


@dataclass(frozen=True)
class Columns:
    """A chart of deliveries over time, with its horizontal lines as (y, label)."""

    columns: Sequence[Column]
    lines: Sequence[tuple[float, str]]
    width: int = WIDTH


def narrow(delivered: Sequence[Delivered]) -> Columns:
    """The same for a phone: the newest few."""
    return columns(delivered[-MOST_NARROW:], NARROW)


def columns(delivered: Sequence[Delivered], whole: int = WIDTH) -> Columns:
    """Rows of deliveries over time, good and bad; `whole` is the width of the chart."""
    most = max((d.staged for d in delivered), default=0)
    scale, ticks = _ticks(most)
    room = (whole - LEFT - 4) / max(len(delivered), 1)
    width = min(room * 0.62, 40)
    every = math.ceil(len(delivered) * 46 / (whole - LEFT))
    height = BASE - TOP
    drawn = [
        Column(
            x=round(LEFT + room * (i + 0.5) - width / 2, 1),
            width=round(width, 1),
            good=_high(d.good, scale, height),
            bad=_high(d.bad, scale, height),
            label=f"{d.day.day} {d.day:%b}" if (len(delivered) - 1 - i) % every == 0 else "",
            share=_share(d) if room >= 38 else "",
            title=f"{d.name}: {d.good:,} good, {d.bad:,} bad",
            is_waiting=d.state == "waiting",
        )
        for i, d in enumerate(delivered)
    ]
    return Columns(drawn, [(round(BASE - height * tick / scale, 1), _short(tick)) for tick in ticks], whole)


def _high(count: int, scale: float, height: float) -> float:
    return round(max(height * count / scale, SEEN), 1) if count else 0.0


def _share(delivered: Delivered) -> str:
    if not delivered.bad:
        return ""
    share = 100 * delivered.share
    return f"{share:.0f} %" if share >= 9.5 else f"{share:.1f} %" if share >= 0.05 else "< 0.1 %"


def _ticks(most: int) -> tuple[float, list[int]]:
    """The top of a scale for counts up to `most`, and where its lines are."""
    if most <= 0:
        return 1, []
    raw = most / 3
    power = 10 ** math.floor(math.log10(raw)) if raw >= 1 else 1
    step = max(next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw), 1)
    if step != int(step):
        step = math.ceil(step)
    count = math.ceil(most / step)
    return step * count, [int(step * i) for i in range(1, count + 1)]


def _short(count: int) -> str:
    if count >= 1_000_000:
        return f"{count / 1_000_000:g}M"
    return f"{count / 1_000:g}k" if count >= 10_000 else f"{count:,}"


PARTS = (
    ("unchanged", "unchanged", "same"),
    ("opened", "opened", "new"),
    ("changed", "changed", "changed"),
    ("duplicate", "duplicate", "twice"),
    ("quarantined", "quarantined", "bad"),
    ("unreadable", "unreadable", "worse"),
    ("blank", "blank", "none"),
    ("banner", "banner", "none"),
)


@dataclass(frozen=True)
class Part:
    """A piece of a delivery's bar, in percent of its width."""

    x: float
    width: float
    kind: str
    title: str


def account(delivered: Delivered) -> list[Part]:
    """Where each record of a delivery went, as pieces of one bar; what is there is seen."""
    pieces = [(name, kind, delivered.rows[key] or 0) for key, name, kind in PARTS]
    if delivered.rows["opened"] is None and delivered.rows["good"]:  # judged, and not merged
        pieces.append(("good", "same", delivered.good))
    pieces = [piece for piece in pieces if piece[2]]
    total = sum(count for _, _, count in pieces) or 1
    least = 1.2
    shares = [max(100 * count / total, least) for _, _, count in pieces]
    shrink = 100 / sum(shares) if shares else 1
    drawn, x = [], 0.0
    for (name, kind, count), share in zip(pieces, shares, strict=True):
        drawn.append(Part(round(x, 2), round(share * shrink, 2), kind, f"{count:,} {name}"))
        x += share * shrink
    return drawn


def sparkline(delivered: Sequence[Delivered], width: int = 160, height: int = 36) -> str:
    """The share of bad rows over time as the points of a line, scaled to its own highest."""
    if len(delivered) < 2:
        return ""
    most = max(d.share for d in delivered) or 1
    step = width / (len(delivered) - 1)
    return " ".join(
        f"{round(i * step, 1)},{round(height - 3 - (height - 6) * d.share / most, 1)}" for i, d in enumerate(delivered)
    )
