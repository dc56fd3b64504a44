"""Stage a delivery: from the archive into a table of its own below its feed's table, all text, every record
accounted for."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.copy import QueuedLibpqWriter
from sqlalchemy import Connection, text

from extract import archive, mended
from extract.feeds import Feed
from extract.limits import limits
from extract.read import Batch, NotClean, Reading, Refused, name_key, open_file
from extract.read.progress import Progress, Told
from warehouse import ledger
from warehouse.connection import driver, transaction

MOST_COPIED_COLUMNS = 1000  # PostgreSQL tables end at 1600; wider files take the careful road


@dataclass
class Account:
    """Where the records of one file went."""

    blank: int = 0
    banner: int = 0
    unreadable: int = 0
    staged: int = 0

    @property
    def read(self) -> int:
        return self.blank + self.banner + self.unreadable + self.staged


def stage(feed: Feed, delivery_id: int, told: Told | None = None) -> str:
    """Load one delivery and write its account, in one transaction; gives the delivery's new state.

    A file that cannot be read as a whole is refused: the ledger says why, and nothing of it is loaded. A delivery
    that does not wait to be merged (any more: another worker was quicker) stays as it is. `told` hears now and then
    how far a long file has come.
    """
    try:
        with transaction() as connection:
            delivery = ledger.delivery(connection, delivery_id, for_update=True)
            if delivery["state"] not in ("received", "staged", "judged"):
                return str(delivery["state"])
            _stage(connection, feed, delivery, told)
        return "staged"
    except Refused as refusal:
        with transaction() as connection:
            ledger.refused(connection, delivery_id, str(refusal), feed.version)
        return "refused"


def stage_content_again(feed: Feed, delivery_id: int) -> None:
    """Load a merged delivery's rows from the archive once more: a late delivery needs them, and they were purged."""
    with transaction() as connection:
        _stage(connection, feed, ledger.delivery(connection, delivery_id, for_update=True), None)


def is_intact(delivery_id: int) -> bool:
    """Whether all that was staged of a delivery is still there: unlogged tables are empty after the server crashed."""
    with transaction() as connection:
        there = connection.scalar(text("select to_regclass(:table)"), {"table": f"staging.delivery_{delivery_id}"})
        counted = text(
            f"select a.staged = (select count(*) from staging.delivery_{int(delivery_id)}) and a.unreadable ="
            " (select count(*) from staging.unreadable as u where u.delivery_id = a.delivery_id)"
            " from ledger.row_accounts as a where a.delivery_id = :id"
        )
        return bool(there and connection.scalar(counted, {"id": delivery_id}))


def _stage(connection: Connection, feed: Feed, delivery: Any, told: Told | None) -> None:
    delivery_id, name = delivery["delivery_id"], delivery["name"]
    with archive.fetch(delivery["sha256"], name) as path:
        reading = open_file(
            path,
            expected=[column.headers for column in feed.columns],
            required=[i for i, column in enumerate(feed.columns) if column.required],
            hints=mended.hints(feed) if delivery["mends"] else feed.format,
            limits=limits(),
            scratch=path.parent,
        )
        _refuse_nameless_mends(delivery, reading)
        progress = Progress(reading.unpacked.path, told)
        loading = _Loading(driver(connection), feed, delivery_id, reading, progress)
        loading.prepare()
        account = loading.by_the_clean_road() or loading.by_the_careful_road()
        if account.read == 0:
            raise Refused(f"{name}: it holds a header and no record; a file without records is not taken as the truth.")
        if account.staged == 0:
            complaint = (
                loading.complaint or "each of them is blank, or no row. Ask the vendor whether the export failed"
            )
            raise Refused(f"{name}: none of its {account.read} records could be read: {complaint}.")
        loading.attach()
        progress.close()
    counts = {"read": account.read, **vars(account)}
    found = reading.found.as_json()
    found["header"] = [name for name in reading.found.header if not mended.is_ours(name)]
    ledger.staged(connection, delivery_id, counts, found)


def _refuse_nameless_mends(delivery: Any, reading: Reading) -> None:
    """A mended file that was taken for a usual one would take the place of all that it does not hold."""
    if delivery["mends"] is None and any(name_key(name) == mended.DELIVERY for name in reading.found.header):
        raise Refused(
            f"{delivery['name']}: it has the column {mended.DELIVERY}, so it mends a delivery, and does not say which"
            " one where that is looked for. Let its name say it, as the exported file's did: something.mends-12.csv."
        )


class _Loading:
    """One file's way into its table."""

    def __init__(
        self, connection: psycopg.Connection, feed: Feed, delivery_id: int, reading: Reading, progress: Progress
    ) -> None:
        self.connection, self.progress = connection, progress
        self.feed = feed
        self.delivery_id = delivery_id
        self.reading = reading
        self.parent = sql.Identifier("staging", feed.table)
        self.table = sql.Identifier("staging", f"delivery_{delivery_id}")
        self.names = _staging_names(feed, reading.found.header)
        self.complaint = ""

    def run(self, statement: str, **parts: sql.Composable) -> None:
        self.connection.execute(sql.SQL(statement).format(parent=self.parent, table=self.table, **parts))

    def prepare(self) -> None:
        """The feed's table with today's columns, and an empty one for this delivery."""
        create_feed_table(self.connection, self.feed)
        self.run("drop table if exists {table}")
        self.run("create unlogged table {table} (like {parent})")
        self.run("alter table {table} add check (_delivery_id = {id})", id=sql.Literal(self.delivery_id))
        self.run("alter table {table} alter _delivery_id set default {id}", id=sql.Literal(self.delivery_id))
        self.connection.execute("delete from staging.unreadable where delivery_id = %s", [self.delivery_id])

    def attach(self) -> None:
        """Make the filled table a part of the feed's table; its check spares PostgreSQL a scan."""
        # A tenth of the usual sample: all of a delivery is read anyway, and 30,000 rows took as long as half a load.
        self.run("set local default_statistics_target = 10")
        self.run("analyze {table}")
        self.run(
            "alter table {parent} attach partition {table} for values in ({id})",
            id=sql.Literal(self.delivery_id),
        )

    def by_the_clean_road(self) -> Account | None:
        """The file's own bytes through COPY; None where something in them needs a closer look."""
        try:
            with self.connection.transaction():
                target, columns = self._copy_target()
                staged = self._copy_raw(target, columns)
                self._move()
            return Account(staged=staged)
        except (NotClean, psycopg.DataError, psycopg.errors.ProgramLimitExceeded):  # the last: a row over 8 kB
            return None

    def _copy_target(self) -> tuple[sql.Identifier, list[str]]:
        """Where COPY writes to: the delivery's table, or one aside where the file has columns nobody declared."""
        header, delimiter = self.reading.found.header, self.reading.found.delimiter
        if self.names.ours:
            raise NotClean("a mended file: its rows say which ones they stand for")
        if len(delimiter) != 1 or not delimiter.isascii():
            raise NotClean("no text that COPY can split")
        if len(header) > MOST_COPIED_COLUMNS:
            raise NotClean("too many columns for a table")
        known, target = list(self.names.known), self.table
        if self.names.extra:
            target = sql.Identifier("aside")
            known = [f"c{position}" for position in range(len(header))]
            columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in known)
            self.run(
                "create temp table aside (_row_number bigint, _line_number bigint, {columns}) on commit drop",
                columns=columns,
            )
        self._number(target)
        return target, known

    def _number(self, target: sql.Identifier) -> None:
        """On the clean road record k stands k lines below the header's end: two sequences count along with COPY."""
        first_line = self.reading.found.header_end_line + 1
        for column, start in (("_row_number", 1), ("_line_number", first_line)):
            sequence = sql.Identifier(f"sluice{column}")
            parts = {"sequence": sequence, "target": target, "column": sql.Identifier(column)}
            self.run("create temp sequence {sequence} cache 1000 start {start}", start=sql.Literal(start), **parts)
            self.run(
                "alter table {target} alter {column} set default nextval({name}::regclass)",
                name=sql.Literal(f"pg_temp.sluice{column}"),
                **parts,
            )

    def _copy_raw(self, target: sql.Identifier, columns: list[str]) -> int:
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL(
            "copy {target} ({names}) from stdin"
            " (format csv, delimiter {delimiter}, quote {quote}, force_not_null ({names}))"
        ).format(
            target=target,
            names=names,
            delimiter=sql.Literal(self.reading.found.delimiter),
            quote=sql.Literal(self.reading.found.quote or '"'),
        )
        cursor = self.connection.cursor()
        with cursor.copy(statement, writer=QueuedLibpqWriter(cursor)) as copy:  # the next chunk is checked meanwhile
            for chunk in self.reading.clean_chunks():
                copy.write(chunk)
                self.progress.add(len(chunk))
        return cursor.rowcount

    def _move(self) -> None:
        """From the table aside into the delivery's own, the undeclared columns as one JSON object."""
        if self.names.extra:
            declared = [f"c{position}" for position in self.names.declared_positions]
            extra = [(name, sql.Identifier(f"c{position}")) for position, name in self.names.extra.items()]
            self.run(
                "insert into {table} ({names}, _extra, _row_number, _line_number)"
                " select {declared}, jsonb_object(array[{keys}], array[{values}]), _row_number, _line_number"
                " from aside",
                names=sql.SQL(", ").join(map(sql.Identifier, self.names.known)),
                declared=sql.SQL(", ").join(map(sql.Identifier, declared)),
                keys=sql.SQL(", ").join(sql.Literal(name) for name, _ in extra),
                values=sql.SQL(", ").join(value for _, value in extra),
            )
            self.run("drop table aside")
        else:
            for column in ("_row_number", "_line_number"):
                self.run("alter table {table} alter {column} drop default", column=sql.Identifier(column))
        for column in ("_row_number", "_line_number"):
            self.run("drop sequence {sequence}", sequence=sql.Identifier("pg_temp", f"sluice{column}"))

    def by_the_careful_road(self) -> Account:
        """Record by record, each one placed: loaded, blank, banner, or unreadable with its bytes."""
        account = Account()
        self.progress.bytes = 0  # what the clean road has read before it gave up
        raw = self.reading.found.quote == '"' and not self.names.extra and not self.names.ours
        self.run("delete from ledger.mended_rows where delivery_id = {id}", id=sql.Literal(self.delivery_id))
        for batch in self.reading.batches(size=50_000, raw=raw):
            account.blank += self._leave_out_unanswered(batch)
            account.blank += batch.blank
            account.banner += batch.banner + batch.other  # what other tables there are, the findings say
            account.staged += self._copy_rows(batch)
            account.unreadable += self._copy_unreadable(batch)
            self._copy_mended(batch)
            self.progress.add_batch(batch)
        return account

    def _leave_out_unanswered(self, batch: Batch) -> int:
        """Rows of a mended file in which the vendor's own columns are all empty are blank: nobody filled them in."""
        if not self.names.ours:
            return 0
        theirs = (*self.names.declared_positions, *self.names.extra)
        answered = [row for row in batch.rows if any(row[2][position].strip() for position in theirs)]
        left_out, batch.rows = len(batch.rows) - len(answered), answered
        return left_out

    def _copy_mended(self, batch: Batch) -> None:
        """Which quarantined row each row stands for, where the file says so."""
        delivery, row = self.names.ours.get(mended.DELIVERY), self.names.ours.get(mended.ROW)
        if delivery is None or row is None:
            return
        with self.connection.cursor().copy("copy ledger.mended_rows from stdin") as copy:
            for row_number, _, cells in batch.rows:
                of, stands_for = mended.whole(cells[delivery]), mended.whole(cells[row])
                if of and stands_for:
                    copy.write_row((self.delivery_id, row_number, of, stands_for))

    def _copy_rows(self, batch: Batch) -> int:
        columns = [
            "_row_number",
            "_line_number",
            *self.names.known,
            *(["_extra"] if self.names.extra else []),
        ]
        delimiter = self.reading.found.delimiter if batch.runs else ","
        statement = sql.SQL("copy {} ({}) from stdin (format csv, delimiter {}, force_not_null ({}))").format(
            self.table,
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Literal(delimiter),
            sql.SQL(", ").join(map(sql.Identifier, self.names.known)),
        )
        cursor = self.connection.cursor()
        with cursor.copy(statement, writer=QueuedLibpqWriter(cursor)) as copy:
            for run in batch.runs:
                copy.write(_numbered(run, delimiter))
            copy.write(_as_csv(self._cells(batch), delimiter))
        return cursor.rowcount

    def _cells(self, batch: Batch) -> Iterator[list[Any]]:
        declared, extra = self.names.declared_positions, self.names.extra
        if not extra and declared == tuple(range(len(self.reading.found.header))):
            yield from ([row_number, line_number, *cells] for row_number, line_number, cells in batch.rows)
            return
        for row_number, line_number, cells in batch.rows:
            row = [row_number, line_number, *(cells[i] for i in declared)]
            if extra:
                row.append(json.dumps({name: cells[i] for i, name in extra.items()}, ensure_ascii=False))
            yield row

    def _copy_unreadable(self, batch: Batch) -> int:
        if batch.unreadable and not self.complaint:
            first = batch.unreadable[0]
            self.complaint = f"the first, on line {first.line_number}: {first.message}"
        with self.connection.cursor().copy("copy staging.unreadable from stdin") as copy:
            for record in batch.unreadable:
                copy.write_row(
                    (
                        self.delivery_id,
                        record.row_number,
                        record.line_number,
                        record.byte_offset,
                        record.raw,
                        record.raw_length,
                        record.code,
                        record.message,
                    )
                )
        return len(batch.unreadable)


@dataclass(frozen=True)
class StagingNames:
    """How a file's header maps to staging: declared columns by position, the rest by the name in the file; `ours` are
    the columns that an export added, by name."""

    known: tuple[str, ...]
    declared_positions: tuple[int, ...]
    extra: dict[int, str]
    ours: dict[str, int]


def _staging_names(feed: Feed, header: tuple[str, ...]) -> StagingNames:
    of_header = {name_key(name): column.name for column in feed.columns for name in column.headers}
    known: dict[int, str] = {}
    extra: dict[int, str] = {}
    ours: dict[str, int] = {}
    for position, name in enumerate(header):
        column = of_header.get(name_key(name))
        if mended.is_ours(name):
            ours[name_key(name)] = position
        elif column:
            known[position] = column
        else:
            extra[position] = _unused(name or f"column {position + 1}", extra.values())
    return StagingNames(tuple(known.values()), tuple(known), extra, ours)


def layout(feed: Feed, header: tuple[str, ...]) -> list[tuple[str, str, bool]]:
    """The vendor's columns of a file in their order: its name there, its name in staging, and whether the feed declares
    it (the others are kept as JSON)."""
    names = _staging_names(feed, header)
    declared = dict(zip(names.declared_positions, names.known, strict=True))
    placed = {**{position: (name, True) for position, name in declared.items()}}
    placed |= {position: (name, False) for position, name in names.extra.items()}
    return [(header[position], *placed[position]) for position in sorted(placed)]


def _unused(name: str, taken: Any) -> str:
    """A second `Notes` is `Notes (2)`: no cell is lost to a name that occurs twice."""
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name} ({count})"
    return candidate


def _as_csv(rows: Iterator[list[Any]], delimiter: str) -> bytes:
    buffer = io.StringIO()
    # All quoted: Python 3.11 leaves a CR unquoted if lines end with LF.
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return buffer.getvalue().encode()


def _numbered(run: Any, delimiter: str) -> bytes:
    """The lines of a run, each with its row and line number before it."""
    numbers = range(run.number, run.number + len(run.lines))
    pattern = f"%d{delimiter}%d{delimiter}%b".encode()
    shift = run.line - run.number
    lines = run.lines
    if lines[0].endswith(b"\r\n") or b"\r" in b"".join(lines) or not lines[-1].endswith(b"\n"):
        lines = [line.rstrip(b"\r\n") + b"\n" for line in lines]
    return b"".join([pattern % (number, number + shift, line) for number, line in zip(numbers, lines, strict=True)])


def create_feed_table(connection: psycopg.Connection, feed: Feed) -> None:
    """The feed's table, with every declared column; one that is declared later is added."""
    # Two at once find no table and both create it: seen as a unique violation in pg_type.
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"sluice.staging.{feed.table}"])
    parent = sql.Identifier("staging", feed.table)
    connection.execute(
        sql.SQL(
            "create table if not exists {} (_delivery_id bigint not null, _row_number bigint not null,"
            " _line_number bigint not null, _extra jsonb) partition by list (_delivery_id)"
        ).format(parent)
    )
    there = {
        row[0]
        for row in connection.execute(
            "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0",
            [f'staging."{feed.table}"'],
        )
    }
    for column in feed.columns:
        if column.name not in there:
            connection.execute(sql.SQL("alter table {} add column {} text").format(parent, sql.Identifier(column.name)))


def prepare_feed_tables(feeds: tuple[Feed, ...]) -> None:
    """Make the tables of feeds that nothing was delivered for yet: mappings can be built on them."""
    with transaction() as connection:
        for feed in feeds:
            create_feed_table(driver(connection), feed)
