"""What is known of the quality of an entity's files: accounts, statuses, reasons. Of a row only masked values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from warehouse import quarantine

LATEST = 30  # deliveries of a feed that are shown
EXAMPLES = 3

IN_FORCE = "d.state in ('merged', 'waiting')"
THEIRS = "q.responsible = 'vendor'"  # the others are ours to mend: a mapping, a rule


@dataclass(frozen=True)
class Delivered:
    """One delivery with its account; `settled`: how many of its quarantined rows have each status."""

    delivery_id: int
    feed: str
    name: str
    day: date
    received_at: datetime
    mode: str
    state: str
    reason: str | None
    mends: int | None
    sighting_of: int | None
    rows: Mapping[str, int | None]
    settled: Mapping[str, int] = field(default_factory=dict)

    @property
    def staged(self) -> int:
        """Records that are rows: good, bad, and those that could not be read."""
        return (self.rows["good"] or 0) + self.bad

    @property
    def bad(self) -> int:
        return (self.rows["quarantined"] or 0) + (self.rows["unreadable"] or 0)

    @property
    def good(self) -> int:
        return self.rows["good"] or 0

    @property
    def share(self) -> float:
        """Share of its rows that are bad."""
        return self.bad / self.staged if self.staged else 0.0

    @property
    def open(self) -> int:
        return self.settled.get("open", 0)

    @property
    def is_judged(self) -> bool:
        return self.rows["good"] is not None


@dataclass(frozen=True)
class Example:
    """Where a rule was broken; `value` is masked by its column's class, or None where the rule has no value."""

    delivery_id: int
    feed: str
    name: str
    line_number: int
    row_number: int
    value: str | None


@dataclass(frozen=True)
class Rule:
    """A rule that rows broke: how many rows did ever, how many of them are open."""

    code: str
    message: str
    column: str | None
    rows: int
    open: int
    examples: tuple[Example, ...] = ()
    columns: tuple[str, ...] = ()  # the vendor's own


def deliveries(connection: Connection, entity: str, feed: str | None = None, most: int = LATEST) -> list[Delivered]:
    """The newest deliveries of an entity (or a feed of it), by the time that they speak of, oldest first."""
    found = list(
        connection.execute(
            text(
                "select * from (select d.delivery_id, d.feed, d.name, d.effective_date, d.received_at, d.mode, d.state,"
                " d.reason, d.mends, d.sighting_of, a.read, a.blank, a.banner + a.skipped as banner,"
                " a.unreadable, a.quarantined, a.good, a.opened, a.changed, a.unchanged, a.duplicate, a.closed,"
                " d.effective_at,"
                " row_number() over (partition by d.feed order by d.effective_at desc, d.delivery_id desc) as age"
                " from ledger.deliveries as d left join ledger.row_accounts as a using (delivery_id)"
                " where d.entity = :entity and d.feed = coalesce(:feed, d.feed)) as every"
                " where age <= :most order by effective_at, delivery_id"
            ),
            {"entity": entity, "feed": feed, "most": most},
        ).mappings()
    )
    settled = quarantine.statuses(connection, entity, [row["delivery_id"] for row in found])
    counts = ("read", "blank", "banner", "unreadable", "quarantined", "good", "opened", "changed", "unchanged",
              "duplicate", "closed")  # fmt: skip
    return [
        Delivered(
            row["delivery_id"],
            row["feed"],
            row["name"],
            row["effective_date"],
            row["received_at"],
            row["mode"],
            row["state"],
            row["reason"],
            row["mends"],
            row["sighting_of"],
            {name: row[name] for name in counts},
            settled.get(row["delivery_id"], {}),
        )
        for row in found
    ]


def rules(
    connection: Connection, entity: str, feed: str | None = None, condition: str = "true", examples: int = EXAMPLES
) -> list[Rule]:
    """The rules that rows of deliveries in force broke, those with most open rows first, with the newest examples."""
    found = connection.execute(
        text(
            "with broken as (select q.quarantine_id, q.delivery_id, q.line_number, q.row_number, q.status, d.feed,"
            " d.name,"
            " d.effective_at, r.value ->> 'code' as code, r.value ->> 'column' as column_name,"
            " r.value ->> 'message' as message, r.value ->> 'value' as value"
            f' from quarantine."{entity}" as q join ledger.deliveries as d using (delivery_id)'
            " cross join lateral jsonb_array_elements(q.reasons) as r"
            f" where {IN_FORCE} and {condition} and q.feed = coalesce(:feed, q.feed)),"
            " counted as (select code, count(distinct quarantine_id) as rows,"
            " count(distinct quarantine_id) filter (where status = 'open') as open,"
            " (array_agg(message order by quarantine_id desc))[1] as message, count(distinct message) as messages,"
            " (array_agg(column_name order by quarantine_id desc))[1] as column_name from broken group by code),"
            " ranked as (select *, row_number() over (partition by code order by effective_at desc, delivery_id desc,"
            " row_number) as place from broken where status = 'open')"
            " select c.*, coalesce((select jsonb_agg(jsonb_build_array(e.delivery_id, e.feed, e.name, e.line_number,"
            " e.row_number, e.value) order by e.place) from ranked as e where e.code = c.code"
            " and e.place <= :examples),"
            " '[]') as examples from counted as c order by open desc, rows desc, code"
        ),
        {"feed": feed, "examples": examples},
    ).mappings()
    return [
        Rule(
            row["code"],
            row["message"] if row["messages"] == 1 else _in_words(row["code"]),
            row["column_name"],
            row["rows"],
            row["open"],
            tuple(Example(*example) for example in row["examples"]),
        )
        for row in found
    ]


def _in_words(code: str) -> str:
    """What rows have in common whose messages differ: `too_few_cells` is `Too few cells`."""
    return code.replace("_", " ").capitalize()


def open_rows(connection: Connection, entity: str, condition: str = "true") -> dict[str, int]:
    """How many rows are open of each feed, in deliveries in force; `condition` (THEIRS) narrows."""
    found = connection.execute(
        text(
            f'select q.feed, count(*) from quarantine."{entity}" as q join ledger.deliveries as d using (delivery_id)'
            f" where q.status = 'open' and {IN_FORCE} and {condition} group by 1 order by 1"
        )
    )
    return dict(found.tuples().all())


def checks(connection: Connection, entity: str) -> list[dict[str, Any]]:
    """What the newest run's verification and gate gave, by stage and position."""
    found = connection.execute(
        text(
            "select stage, name, column_name, outcome, value, checked_at from ledger.check_results"
            " where run = (select max(run) from ledger.check_results join ledger.runs using (run)"
            " where entity = :entity) order by stage desc, position"
        ),
        {"entity": entity},
    ).mappings()
    return [dict(row) for row in found]


def delivery_checks(connection: Connection, entity: str, deliveries: Sequence[int]) -> list[dict[str, Any]]:
    """What was looked at of deliveries as a whole, the newest first."""
    found = connection.execute(
        text(
            'select d.delivery_id, d.name, d.feed, d.effective_date, c."check" as name_of_check, c.outcome, c.message'
            " from ledger.delivery_checks as c join ledger.deliveries as d using (delivery_id)"
            " where d.entity = :entity and delivery_id = any (:ids)"
            ' order by d.effective_at desc, d.delivery_id desc, c."check"'
        ),
        {"entity": entity, "ids": list(deliveries)},
    ).mappings()
    return [dict(row) for row in found]


def issues(connection: Connection, entity: str) -> list[dict[str, Any]]:
    """What was wrong with rows that were let pass, by rule, in deliveries in force."""
    found = connection.execute(
        text(
            "select i.code, min(i.column_name) as column_name, min(i.message) as message, count(*) as rows"
            " from ledger.issues as i join ledger.deliveries as d using (delivery_id)"
            f" where i.entity = :entity and {IN_FORCE} group by i.code order by rows desc, i.code"
        ),
        {"entity": entity},
    ).mappings()
    return [dict(row) for row in found]


def signature(connection: Connection, entity: str, feed: str) -> bytes:
    """A hash of which rows of a feed are open, for what reasons: equal where there is nothing new to tell."""
    digest = connection.scalar(
        text(
            "select sha256(convert_to(coalesce(string_agg(q.delivery_id || ':' || q.row_number || ':'"
            " || jsonb_path_query_array(q.reasons, '$[*].code')::text, ',' order by q.delivery_id, q.row_number), ''),"
            f" 'UTF8')) from quarantine.\"{entity}\" as q join ledger.deliveries as d using (delivery_id)"
            f" where q.status = 'open' and q.feed = :feed and {IN_FORCE} and {THEIRS}"
        ),
        {"feed": feed},
    )
    return bytes(digest or b"")


def is_there(connection: Connection, entity: str) -> bool:
    """Whether the entity's quarantine exists yet."""
    return bool(connection.scalar(text("select to_regclass(:name)"), {"name": f'quarantine."{entity}"'}))


def trend(delivered: Sequence[Delivered], most: int = 10) -> list[Delivered]:
    """The last usual deliveries that were judged: no sightings, no mended files, none out of force."""
    usual = [
        d
        for d in delivered
        if d.is_judged and d.mends is None and d.sighting_of is None and d.state in ("merged", "waiting")
    ]
    return usual[-most:]
