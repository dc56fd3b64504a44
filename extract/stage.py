"""Stage a delivery: from the archive into a table of its own below its feed's table, all text, every record
accounted for."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.copy import QueuedLibpqWriter
from sqlalchemy import Connection, text

from extract import archive, mapping, mended
from extract.contents import Content, newest
from extract.feeds import Feed, FeedError
from extract.limits import limits
from extract.personal import tellable
from extract.read import Batch, Hints, NotClean, Reading, Refused, Unreadable, name_key, open_file
from extract.read.formats.bundle import name_parts
from extract.read.progress import Progress, Told
from extract.rewrite import CONVERTED
from warehouse import ledger, word
from warehouse.connection import driver, transaction
from warehouse.personal import without_personal_values

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


def stage_to_judge_again(feed: Feed, delivery_id: int) -> None:
    """Load a merged delivery from the archive as its feed is declared today, and let the next run judge it anew.
    Refused where it cannot be read so: it stays as it is."""
    with transaction() as connection:
        _stage(connection, feed, ledger.delivery(connection, delivery_id, for_update=True), None)
        word.judge_again(connection, delivery_id)


def stage_to_look(feed: Feed, delivery_id: int) -> None:
    """Stage a delivery for somebody who looks into it, where its rows are not there; its account stays as it is."""
    if is_intact(delivery_id):
        return
    columns = (
        "read, blank, banner, unreadable, staged, skipped, quarantined, good, duplicate, opened, changed, unchanged,"
        " closed"
    )
    with transaction() as connection:
        delivery = ledger.delivery(connection, delivery_id, for_update=True)
        account = connection.execute(
            text(f"select {columns} from ledger.row_accounts where delivery_id = :id"), {"id": delivery_id}
        ).mappings()
        before = dict(account.one())
        _stage(connection, feed, delivery, None)
        connection.execute(
            text(
                f"update ledger.row_accounts set ({columns}) = ({', '.join(f':{name}' for name in before)})"
                " where delivery_id = :id"
            ),
            {**before, "id": delivery_id},
        )
        connection.execute(
            text("update ledger.deliveries set state = :state where delivery_id = :id"),
            {"id": delivery_id, "state": delivery["state"]},
        )


def is_intact(delivery_id: int) -> bool:
    """Whether all that was staged of a delivery is still there: unlogged tables are empty, never in part, after the
    server crashed."""
    with transaction() as connection:
        there = connection.scalar(text("select to_regclass(:table)"), {"table": f"staging.delivery_{delivery_id}"})
        held = text(
            f"select (a.staged = 0 or exists (select from staging.delivery_{int(delivery_id)})) and (a.unreadable = 0"
            " or exists (select from staging.unreadable as u where u.delivery_id = a.delivery_id))"
            " from ledger.row_accounts as a where a.delivery_id = :id"
        )
        return bool(there and connection.scalar(held, {"id": delivery_id}))


def _stage(connection: Connection, feed: Feed, delivery: Any, told: Told | None) -> None:
    delivery_id, name = delivery["delivery_id"], delivery["name"]
    some = mapping.special(feed, _name_of_mended(connection, delivery), delivery["effective_date"])
    with _opened(mapping.narrowed(feed, some), delivery) as (feed, content, reading):
        _refuse_nameless_mends(delivery, reading)
        progress = Progress(reading.unpacked.path, told)
        loading = _Loading(driver(connection), feed, delivery_id, reading, progress)
        loading.prepare()
        told_by_rows = reading.found.format == "zip" or content.form == "csv" or delivery["mends"]
        if not told_by_rows:  # what its name says, these have in each row
            loading.fill(name_parts(feed.format, name))
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
        span = _span(connection, feed, delivery_id)
    counts = {"read": account.read, **vars(account)}
    found = _tellable(reading, loading.names)
    headers = {name: reading.found.header[at] for at, name in loading.names.declared}
    found["mapping"] = mapping.used(feed, some, headers)
    ledger.staged(connection, delivery_id, counts, found, span)


@contextmanager
def _opened(feed: Feed, delivery: Any) -> Iterator[tuple[Feed, Content, Reading]]:
    """A delivery's content, opened as its feed (narrowed to such a file) says, which has the names of its day then."""
    content = newest(delivery["sha256"])
    with archive.fetch(content.sha256, delivery["name"]) as path:
        usual = mended.hints(feed) if delivery["mends"] else feed.format
        hints = CONVERTED if content.form == "csv" else usual
        then, reading = _open(feed, path, delivery["effective_date"], hints)
        yield then, content, reading


def header_of(feed: Feed, delivery_id: int) -> tuple[str, ...]:
    """The names of a delivery's columns as they stand in its file, personal ones too: from the archive, where the
    ledger withholds any. They are for the vendor, and for nobody else."""
    with transaction() as connection:
        delivery = ledger.delivery(connection, delivery_id)
        found = delivery["found"] or {}
        if not found.get("names_withheld"):
            return tuple(found.get("header") or ())
        some = mapping.special(feed, _name_of_mended(connection, delivery), delivery["effective_date"])
    with _opened(mapping.narrowed(feed, some), delivery) as (_, _, reading):
        return tuple(name for name in reading.found.header if not mended.is_ours(name))


def _tellable(reading: Reading, names: "StagingNames") -> dict[str, Any]:
    """What the reader found, for the ledger, which holds nothing personal: how many names it withholds, it says."""
    header, found = reading.found.header, reading.found.as_json()
    told = tellable(header, names.declared_positions) if reading.found.named else header
    found = {key: without_personal_values(said) if key in reading.found.more and isinstance(said, str) else said
             for key, said in found.items()}  # fmt: skip
    found["header"] = [told[at] for at, name in enumerate(header) if not mended.is_ours(name)]
    withheld = sum(one != other for one, other in zip(told, header, strict=True))
    return found | ({"names_withheld": withheld} if withheld else {})


def _span(connection: Connection, feed: Feed, delivery_id: int) -> ledger.Span:
    """From when to when the rows speak, where each has a time of its own; (None, None) where they have not."""
    if feed.row_times is None:
        return None, None
    at = feed.row_time_sql(f'staged."{feed.row_times.column}"')
    found = driver(connection).execute(
        f"select min(at), max(at) from (select {at} as at from staging.delivery_{int(delivery_id)} as staged) as times"
    )
    first, last = found.fetchone() or (None, None)
    return first, last


def _name_of_mended(connection: Connection, delivery: Any) -> str:
    """The name by which a file's columns are known: a mended file has those of the file that it mends."""
    return str(ledger.delivery(connection, delivery["mends"])["name"] if delivery["mends"] else delivery["name"])


def _refuse_nameless_mends(delivery: Any, reading: Reading) -> None:
    """A mended file that was taken for a usual one would take the place of all that it does not hold."""
    if delivery["mends"] is None and any(name_key(name) == mended.DELIVERY for name in reading.found.header):
        raise Refused(
            f"{delivery['name']}: it has the column {mended.DELIVERY}, so it mends a delivery, and does not say which"
            " one where that is looked for. Let its name say it, as the exported file's did: something.mends-12.csv."
        )


class _Writer(QueuedLibpqWriter):
    """psycopg's own, with a queue of 8 MiB: where the server is the slower one, that of 128 MiB was always full."""

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        super().__init__(cursor)
        self._queue.maxsize = 64  # pieces of 128 KiB


def _open(feed: Feed, path: Path, day: date, hints: Hints) -> tuple[Feed, Reading]:
    """Open a file with the names that its columns have on a day; a refusal says what they are called on others."""
    try:
        then = feed.on(day)
        return then, open_file(
            path,
            expected=[column.headers for column in then.columns],
            required=[i for i, column in enumerate(then.columns) if column.required],
            hints=hints,
            limits=limits(),
            scratch=path.parent,
        )
    except FeedError as error:
        raise Refused(f"{path.name}: {error}") from error
    except Refused as refusal:
        if not refusal.missing or not feed.renamed(day):
            raise
        raise Refused(f"{refusal} {feed.renamed(day)}", refusal.missing) from refusal


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
        self.connection.execute("delete from staging.mended where delivery_id = %s", [self.delivery_id])

    def fill(self, named: dict[str, str]) -> None:
        """Columns that the file's name fills: each row has them, unless the file has such a column itself."""
        for column, value in named.items():
            self.run(
                "alter table {table} alter {column} set default {value}",
                column=sql.Identifier(column),
                value=sql.Literal(value),
            )

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
                self.run("truncate {table}")  # COPY FREEZE wants a table that is new in this very subtransaction
                target, columns = self._copy_target()
                staged = self._copy_raw(target, columns)
                self._move()
            return Account(staged=staged)
        except (NotClean, psycopg.DataError, psycopg.errors.ProgramLimitExceeded):  # the last: a row over 8 kB
            return None

    def _copy_target(self) -> tuple[sql.Identifier, list[str]]:
        """Where COPY writes to: the delivery's table, or one aside where the file has columns nobody declared."""
        header, delimiter = self.reading.found.header, self.reading.found.delimiter
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter.isdigit():
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
        return target, known

    def _copy_raw(self, target: sql.Identifier, columns: list[str]) -> int:
        """On the clean road record k stands k lines below the header's end: both numbers are put before each line.

        1M rows of 13 columns took the server 1.03 s so, and 1.10 s with a sequence for each of the two columns. Frozen,
        for whoever reads rows first writes all pages again that say of each whether it is committed (1.3 s or 0.8 s).
        """
        found, names = self.reading.found, sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL(
            "copy {target} (_row_number, _line_number, {names}) from stdin"
            " (format csv, freeze, delimiter {delimiter}, quote {quote}, force_not_null ({names}))"
        ).format(
            target=target,
            names=names,
            delimiter=sql.Literal(found.delimiter),
            quote=sql.Literal(found.quote or '"'),
        )
        cursor = self.connection.cursor()
        with cursor.copy(statement, writer=_Writer(cursor)) as copy:  # the next chunk is checked meanwhile
            number, shift = 1, found.header_end_line
            for chunk in self.reading.clean_chunks():
                data, count = number_lines(chunk, number, number + shift, found.delimiter)
                copy.write(data)
                self.progress.add(len(chunk))
                number += count
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
        statement = sql.SQL("copy {} ({}) from stdin (format csv, freeze, delimiter {}, force_not_null ({}))").format(
            self.table,
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Literal(delimiter),
            sql.SQL(", ").join(map(sql.Identifier, self.names.known)),
        )
        cursor = self.connection.cursor()
        with cursor.copy(statement, writer=_Writer(cursor)) as copy:
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
        """Keep the records that are no rows, and those that became rows by being mended, as they came."""
        if batch.unreadable and not self.complaint:
            first = batch.unreadable[0]
            self.complaint = f"the first, on line {first.line_number}: {first.message}"
        self._keep("unreadable", batch.unreadable)
        self._keep("mended", batch.mended)
        return len(batch.unreadable)

    def _keep(self, table: str, records: list[Unreadable]) -> None:
        if not records:
            return
        statement = sql.SQL("copy {} from stdin").format(sql.Identifier("staging", table))
        with self.connection.cursor().copy(statement) as copy:
            for one in records:
                place = self.delivery_id, one.row_number, one.line_number, one.byte_offset
                copy.write_row((*place, one.raw, one.raw_length, one.code, one.message))


@dataclass(frozen=True)
class StagingNames:
    """How a file's header maps to staging: declared columns by position, the rest by the name in the file; `ours` are
    the columns that an export added, by name."""

    known: tuple[str, ...]
    declared_positions: tuple[int, ...]
    extra: dict[int, str]
    ours: dict[str, int]

    @property
    def declared(self) -> list[tuple[int, str]]:
        """Each declared column's position and name."""
        return list(zip(self.declared_positions, self.known, strict=True))


def _staging_names(feed: Feed, header: tuple[str, ...], told: Mapping[str, Any] | None = None) -> StagingNames:
    """`told`: the mapping that was kept with a delivery, where its names are asked for later."""
    of_header = {name_key(name): column.name for column in feed.columns for name in mapping.every_name(feed, column)}
    for name, said in (told or {}).get("columns", {}).items():
        of_header[name_key(said["header"])] = name
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


def layout(feed: Feed, header: tuple[str, ...], told: Mapping[str, Any] | None = None) -> list[tuple[str, str, bool]]:
    """The vendor's columns of a file in their order: its name there, its name in staging, and whether the feed declares
    it (the others are kept as JSON). `told`: the mapping that was kept with its delivery."""
    names = _staging_names(feed, header, told)
    placed = {position: (name, True) for position, name in names.declared}
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


def number_lines(chunk: bytes, number: int, line: int, delimiter: str) -> tuple[bytes, int]:
    """(whole lines, each with its row and line number before it; how many they are). What ends them stays."""
    end = b"\n" if chunk.endswith(b"\n") else b""
    lines = chunk.removesuffix(b"\n").split(b"\n")
    pattern = "%d{0}%d{0}%b".format(delimiter.replace("%", "%%")).encode()
    numbers = zip(range(number, number + len(lines)), range(line, line + len(lines)), lines, strict=True)
    return b"\n".join([pattern % parts for parts in numbers]) + end, len(lines)


def _numbered(run: Any, delimiter: str) -> bytes:
    """The lines of a run, each with its row and line number before it."""
    numbers = range(run.number, run.number + len(run.lines))
    pattern = "%d{0}%d{0}%b".format(delimiter.replace("%", "%%")).encode()
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
