"""Erase rows and versions: the statements. What is erased, and in what order, is flows/erase.py's."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psycopg import sql
from sqlalchemy import Connection, text

from warehouse.connection import driver, transaction


@dataclass(frozen=True)
class Row:
    """A staged row of the person: its place, and what stays of it."""

    row_number: int
    line_number: int
    id: Any
    fingerprint: Any
    attributes: Mapping[str, Any]


class Mark(NamedTuple):
    """By what a person is known again: a keyed hash; of one that is looked for in texts, of how many words it is, and
    what tells that a word may be one of them."""

    mark: str
    words: int | None = None
    cue: str | None = None


@dataclass
class Found:
    """The rows of one delivery, and the numbers of its records that could not be read and name the person."""

    delivery_id: int
    feed: str
    table: str  # the feed's, in staging
    sha256: str
    name: str
    container: str | None
    rows: list[Row] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)

    @property
    def numbers(self) -> set[int]:
        """All records concerned."""
        return {row.row_number for row in self.rows} | set(self.unreadable)


def open_erasure(connection: Connection) -> int:
    """A new erasure's number."""
    made = connection.scalar(text("insert into pii.erasures default values returning erasure_id"))
    return int(made or 0)


def mark(connection: Connection, erasure: int, marks: Collection[Mark]) -> None:
    """Remember by what the person is known again."""
    with driver(connection).cursor() as cursor:
        cursor.executemany(
            "insert into pii.erased_marks (mark, words, cue, erasure_id) values (%s, %s, %s, %s)"
            " on conflict do nothing",
            [(*one, erasure) for one in sorted(marks)],
        )


def erase_rows(
    connection: Connection, erasure: int, entity: str, found: Found, texts: Sequence[str], key: Sequence[str]
) -> None:
    """Empty the person's rows of a delivery in staging and quarantine; their places, ids and fingerprints stay.

    `texts`: the declared columns of the feed's table. `key`: the entity's key columns, where none of them is personal:
    of a record that could not be read the keys that stand in it stay, for they are what it protects from closing.
    """
    run = driver(connection).execute
    numbers, at = sorted(found.numbers), found.delivery_id
    with driver(connection).cursor() as cursor:
        cursor.executemany(
            "insert into pii.erased_rows (delivery_id, row_number, line_number, entity, id, fingerprint, fate,"
            " attributes, erasure_id) select %(at)s, %(row)s, %(line)s, %(entity)s, %(id)s, %(fingerprint)s,"
            f" case when exists (select from quarantine.{entity} where delivery_id = %(at)s and row_number = %(row)s"
            " and status <> 'replayed') or cast(%(id)s as uuid) is null"
            " or (select good is null from ledger.row_accounts where delivery_id = %(at)s)"  # nobody has judged it
            " then 'quarantined' else 'good' end, %(attributes)s, %(erasure)s"
            " on conflict (delivery_id, row_number) do nothing",
            [
                {"at": at, "row": row.row_number, "line": row.line_number, "entity": entity, "id": row.id,
                 "fingerprint": row.fingerprint, "attributes": json.dumps(dict(row.attributes)), "erasure": erasure}
                for row in found.rows
            ],
        )  # fmt: skip
    staged = sql.Identifier("staging", f"delivery_{at}")
    first, *others = texts
    emptied = [sql.SQL("{} = '[erased ' || _row_number || ']'").format(sql.Identifier(first))]
    emptied += [sql.SQL("{} = null").format(sql.Identifier(name)) for name in (*others, "_extra")]
    run(
        sql.SQL("update {} set {} where _row_number = any(%s)").format(staged, sql.SQL(", ").join(emptied)),
        [numbers],
    )
    run(
        f"update quarantine.{entity} set raw = '{{}}', status = 'discarded'"
        " where delivery_id = %s and row_number = any(%s) and kind = 'judged'",
        [at, numbers],
    )
    run("delete from staging.mended where delivery_id = %s and row_number = any(%s)", [at, numbers])
    _empty_unreadable(connection, erasure, entity, found, key)


def _empty_unreadable(connection: Connection, erasure: int, entity: str, found: Found, key: Sequence[str]) -> None:
    parts = ", ".join(f'd."{name}"::text' for name in key) or "null::text"
    parameters = {"at": found.delivery_id, "numbers": found.unreadable, "entity": entity, "erasure": erasure,
                  "feed": found.feed}  # fmt: skip
    run = driver(connection).execute
    run(
        "insert into pii.erased_rows (delivery_id, row_number, line_number, entity, fate, attributes, erasure_id)"
        " select u.delivery_id, u.row_number, u.line_number, %(entity)s, 'unreadable', jsonb_build_object("
        "'parts', coalesce((select string_agg(distinct part, chr(10)) from"
        f' history."dim_{entity}" as d cross join unnest(array[{parts}]) as part where d._feed = %(feed)s'
        " and strpos(lower(u.record), lower(part)) > 0), ''),"
        " 'cut', u.is_cut), %(erasure)s from staging.unreadable_texts as u"
        " where u.delivery_id = %(at)s and u.row_number = any(%(numbers)s) on conflict do nothing",
        parameters,
    )
    for table in ("staging.unreadable", f"quarantine.{entity}"):
        run(
            f"update {table} as u set raw_bytes = {PARTS}, raw_length = {LENGTH} from pii.erased_rows as e"
            " where u.delivery_id = %(at)s and u.row_number = any(%(numbers)s) and u.raw_bytes is not null"
            " and e.delivery_id = u.delivery_id and e.row_number = u.row_number and e.fate = 'unreadable'",
            parameters,
        )


# What stays of a record that could not be read: the keys in it, behind a BOM, for the file may have been in another
# encoding; one that was cut off may have named any key.
PARTS = "convert_to(U&'\\FEFF' || (e.attributes ->> 'parts'), 'UTF8')"
LENGTH = f"length({PARTS}) + case when (e.attributes ->> 'cut')::boolean then 1 else 0 end"


def empty_judged(connection: Connection, entity: str, found: Found, personal: Sequence[str]) -> None:
    """The same for judged rows, where they are there: personal columns become NULL, and the hash of the record's cells,
    by which it would be known again. A delivery whose rows stand in others is judged again when it is needed."""
    carried = sql.Identifier("judged", f"carried_{found.delivery_id}")
    if connection.scalar(text("select to_regclass(:name)"), {"name": carried.as_string(None)}):
        whole = [sql.Identifier("judged", f"{kind}_{found.delivery_id}") for kind in ("delivery", "difference")]
        driver(connection).execute(sql.SQL("drop table {}").format(sql.SQL(", ").join([carried, *whole])))
        return
    emptied = sql.SQL(", ").join(sql.SQL("{} = null").format(sql.Identifier(name)) for name in (*personal, "_cells"))
    driver(connection).execute(
        sql.SQL("update {} set {} where _delivery_id = %s and _row_number = any(%s)").format(
            sql.Identifier("judged", entity), emptied
        ),
        [found.delivery_id, sorted(found.numbers)],
    )


class Once(NamedTuple):
    """Columns of former days that held what is personal."""

    columns: list[str]  # of judged rows
    in_history: list[str]
    tokens: list[str]


def once_personal(connection: Connection, entity: str, declared: Collection[str]) -> Once:
    """The personal columns that an entity had, `declared` being today's: judged rows and history still have them."""
    found = (
        driver(connection)
        .execute(
            "with there as (select attname::text from pg_attribute where attrelid = to_regclass('history.dim_' || %s))"
            " select distinct name, name in (table there), name || '_token' in (table there) from history.column_sets"
            " cross join jsonb_to_recordset(declared) as one (name text, pii text)"
            " where entity = %s and pii <> 'none' and name <> all (%s) order by 1",
            [entity, entity, list(declared)],
        )
        .fetchall()
    )
    return Once(
        [name for name, _, _ in found],
        [name for name, in_history, _ in found if in_history],
        [f"{name}_token" for name, _, has_token in found if has_token],
    )


def tombstone(
    connection: Connection,
    entity: str,
    personal: Sequence[str],
    tokens: Mapping[str, Collection[str]],
    ids: Collection[Any],
    rows: Collection[tuple[int, int]],
) -> tuple[int, set[str]]:
    """Empty the personal columns of the person's versions, superseded ones too; gives how many, and their tokens.

    A version is the person's where one of its token columns (`tokens`: column -> tokens) says so, where its id is among
    `ids`, or where it comes from one of the `rows` (delivery, row). Validity, ids, fingerprints and what is not
    personal stay: versions are as many as before, and fold as before.
    """
    columns = [*personal, *tokens]
    if not columns:
        return 0, set()
    theirs = [
        sql.SQL("{} = any({})").format(sql.Identifier(name), sql.Literal(sorted(of)))
        for name, of in tokens.items()
        if of
    ]
    theirs.append(
        sql.SQL("{} = any({}::uuid[])").format(sql.Identifier(f"{entity}_id"), sql.Literal([str(i) for i in ids]))
    )
    theirs.append(
        sql.SQL("(_delivery_id, _row_number) in (select * from unnest({}::bigint[], {}::bigint[]))").format(
            sql.Literal([delivery for delivery, _ in rows]), sql.Literal([row for _, row in rows])
        )
    )
    relation, condition = sql.Identifier("history", f"dim_{entity}"), sql.SQL(" or ").join(theirs)
    run = driver(connection).execute
    names = sql.SQL(", ").join(map(sql.Identifier, tokens)) if tokens else sql.SQL("null::text")
    gone = {
        token
        for row in run(sql.SQL("select {} from {} where {}").format(names, relation, condition)).fetchall()
        for token in row
        if token
    }
    emptied = sql.SQL(", ").join(sql.SQL("{} = null").format(sql.Identifier(name)) for name in columns)
    some = sql.SQL("num_nonnulls({}) > 0").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
    done = run(sql.SQL("update {} set {} where ({}) and {}").format(relation, emptied, condition, some))
    return done.rowcount, gone


def empty_vault(connection: Connection, tokens: Collection[str], columns: Mapping[str, Sequence[str]]) -> int:
    """Delete from the vault those of the tokens that no version of any entity has any more; gives how many."""
    held = " ".join(
        f'and not exists (select from history."dim_{entity}" as d where d."{name}" = v.token)'
        for entity, names in columns.items()
        for name in names
    )
    gone = 0
    for table in ("pii.vault", "pii.arriving"):
        statement = f"delete from {table} as v where token = any(%s) {held}"
        gone += driver(connection).execute(statement, [sorted(tokens)]).rowcount
    return gone


def rewritten(connection: Connection, erasure: int, old: str, new: str | None, form: str) -> None:
    """Chain an archived content to what stands for it now."""
    connection.execute(
        text(
            "insert into ledger.rewritten (old_sha256, new_sha256, form, erasure_id)"
            " values (:old, :new, :form, :erasure) on conflict do nothing"
        ),
        {"old": old, "new": new, "form": form, "erasure": erasure},
    )


def left_over(connection: Connection) -> list[str]:
    """The hashes of contents that were rewritten: none of them may be in the archive."""
    return list(connection.scalars(text("select old_sha256 from ledger.rewritten")))


def certify(connection: Connection, erasure: int, certificate: Mapping[str, Any]) -> None:
    """Keep what was done, without saying to whom."""
    connection.execute(
        text("update pii.erasures set certificate = cast(:certificate as jsonb) where erasure_id = :erasure"),
        {"certificate": json.dumps(certificate), "erasure": erasure},
    )


def unfinished(connection: Connection, erasure: int | None = None) -> list[dict[str, Any]]:
    """The certificates of erasures after whose transaction something is left to do: of one, or of all."""
    asked = text(
        "select certificate from pii.erasures where not finished and erasure_id = coalesce(:erasure, erasure_id)"
        " order by erasure_id"
    )
    return list(connection.scalars(asked, {"erasure": erasure}))


def finished(connection: Connection, erasure: int) -> None:
    """Write down that nothing of an erasure is left to do."""
    connection.execute(text("update pii.erasures set finished = true where erasure_id = :id"), {"id": erasure})


def any_marks(connection: Connection) -> bool:
    """Whether anybody was ever erased."""
    return bool(connection.scalar(text("select exists (select from pii.erased_marks)")))


def keep_unreadable(connection: Connection, run: int) -> None:
    """A record that could not be read, and was erased, comes back from the archive as a marker among the rows: it is
    put where it was, before the run judges its delivery."""
    execute = driver(connection).execute
    markers = execute(
        "select e.delivery_id, e.row_number"
        " from pii.erased_rows as e join ledger.run_deliveries as r using (delivery_id)"
        " where r.run = %s and r.judge and e.fate = 'unreadable' and not exists"
        " (select from staging.unreadable as u where u.delivery_id = e.delivery_id and u.row_number = e.row_number)",
        [run],
    ).fetchall()
    for delivery, number in markers:
        place = {"delivery": delivery, "number": number}
        execute(f"delete from staging.delivery_{int(delivery)} where _row_number = %(number)s", place)
        execute(
            "insert into staging.unreadable (delivery_id, row_number, line_number, byte_offset, raw_bytes, raw_length,"
            f" code, message) select e.delivery_id, e.row_number, e.line_number, 0, {PARTS}, {LENGTH}, 'erased_person',"
            " 'A record that is erased.' from pii.erased_rows as e"
            " where e.delivery_id = %(delivery)s and e.row_number = %(number)s",
            place,
        )
        # Each of the two sums must hold after each statement.
        execute(
            "update ledger.row_accounts set staged = staged - 1, unreadable = unreadable + 1, quarantined = null,"
            " good = null, duplicate = null where delivery_id = %(delivery)s",
            place,
        )


def any_to_judge(connection: Connection, run: int) -> bool:
    """Whether a delivery that a run judges has erased rows."""
    asked = (
        "select exists (select from pii.erased_rows join ledger.run_deliveries using (delivery_id)"
        " where run = :run and judge)"
    )
    return bool(connection.scalar(text(asked), {"run": run}))


def note_returned(connection: Connection, run: int, found: Sequence[Found]) -> None:
    """Write down how many records of which delivery are about a person who was erased."""
    with driver(connection).cursor() as cursor:
        cursor.executemany(
            "insert into pii.returned (run, delivery_id, rows, unreadable) values (%s, %s, %s, %s)"
            " on conflict do nothing",
            [(run, of.delivery_id, len(of.rows), len(of.unreadable)) for of in found],
        )


def returned() -> list[dict[str, Any]]:
    """What has brought erased persons back: of flagged entities the deliveries and how many records."""
    with transaction() as connection:
        found = connection.execute(
            text(
                "select run, delivery_id, feed, rows, unreadable"
                " from pii.returned join ledger.deliveries using (delivery_id)"
            )
        ).mappings()
        return [dict(row) for row in found]


def certificates() -> list[dict[str, Any]]:
    """What was erased, oldest first."""
    with transaction() as connection:
        found = connection.execute(
            text("select erased_at::text, erased_by, certificate from pii.erasures order by erasure_id")
        ).mappings()
        return [dict(row) for row in found]
