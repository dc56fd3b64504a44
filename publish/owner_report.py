"""The report to the owner of a feed's bad rows, as text and as HTML fit for mail programs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from publish import quality
from publish.pages import render

Columns = Callable[[int, int, str], Sequence[str]]  # delivery, row number, the entity's column -> the vendor's headers


@dataclass(frozen=True)
class Report:
    """What an owner is told of a feed."""

    feed: str
    entity: str
    owner: str
    open: int
    digest: bytes
    newest: quality.Delivered | None
    rules: Sequence[quality.Rule]
    trend: Sequence[quality.Delivered]
    by_delivery: Mapping[str, int]
    attached: str | None = None

    @property
    def subject(self) -> str:
        """`12 rows to mend in acme.things`"""
        if not self.open:
            return f"Nothing left to mend in {self.feed}"
        return f"{self.open:,} {'row' if self.open == 1 else 'rows'} to mend in {self.feed}"

    @property
    def shown(self) -> Sequence[quality.Rule]:
        """The rules that open rows break."""
        return [rule for rule in self.rules if rule.open]

    @property
    def worse(self) -> float | None:
        """By how much the share of bad rows of the newest delivery differs from the one before it."""
        return self.trend[-1].share - self.trend[-2].share if len(self.trend) > 1 else None

    def text(self) -> str:
        """As plain text."""
        return render("owner.txt.j2", report=self).strip() + "\n"

    def html(self) -> str:
        """As HTML: tables and inline styles only, no pictures, nothing that is loaded."""
        return render("owner.html.j2", report=self)


def report(
    connection: Connection, entity: str, feed: str, owner: str, columns: Columns = lambda _d, _r, _c: ()
) -> Report:
    """The report on a feed. `columns` knows what the vendor calls the columns behind a rule's."""
    delivered = quality.deliveries(connection, entity, feed)
    judged = [d for d in delivered if d.is_judged and d.mends is None and d.state in ("merged", "waiting")]
    rules = [_named(rule, columns) for rule in quality.rules(connection, entity, feed, quality.THEIRS)]
    by_delivery = {
        f"{d.name} ({d.day:%d %B %Y})": d.open for d in reversed(delivered) if d.open and d.state == "merged"
    }
    return Report(
        feed=feed,
        entity=entity,
        owner=owner,
        open=quality.open_rows(connection, entity, quality.THEIRS).get(feed, 0),
        digest=quality.signature(connection, entity, feed),
        newest=judged[-1] if judged else None,
        rules=rules,
        trend=quality.trend(delivered),
        by_delivery=by_delivery,
    )


def _named(rule: quality.Rule, columns: Columns) -> quality.Rule:
    if not rule.column:
        return rule
    named = [header for e in rule.examples for header in columns(e.delivery_id, e.row_number, rule.column)]
    return replace(rule, columns=tuple(dict.fromkeys(named)))
