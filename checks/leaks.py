"""Look for personal values where none may stand: in every schema outside the allowed ones, and in files.

Values and texts are compared word by word (small letters, runs of letters and digits), so that a search takes time in
proportion to what is read and not to how many values there are; telephone numbers by their digits as well.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from psycopg import sql

from checks import personal
from warehouse.connection import driver, transaction
from warehouse.personal import values_in

ALLOWED = ("staging", "judged", "quarantine", "pii", "pg_catalog", "information_schema", "pg_toast")
SHORTEST = 5  # characters of a value that tells somebody
LONGEST = 12  # words of one
WORD = re.compile(r"[^\W_]+")
DIGITS = re.compile(r"\+?\(?\d(?:[() .-]{0,2}\d){6,14}")
TEXTS = "('text', 'varchar', 'bpchar', 'name', 'json', 'jsonb', 'bytea', '_text', '_varchar', 'xml')"


@dataclass
class Secrets:
    """Values that must not be found, by what they are made of."""

    phrases: dict[tuple[str, ...], str] = field(default_factory=dict)  # words -> class
    numbers: dict[str, str] = field(default_factory=dict)  # digits -> class

    def add(self, pii: str, value: str) -> None:
        """Take a value in, if it is long enough to be telling."""
        value = value.strip().lower()
        words = tuple(WORD.findall(value))
        if len(value) < SHORTEST or not words or len(words) > LONGEST:
            return
        if pii in ("phone", "government_id"):
            digits = re.sub(r"\D", "", value)
            if len(digits) >= 7:
                self.numbers[digits[-10:]] = pii
                return
        if len(words) > 1 or not words[0].isdigit() or len(words[0]) >= 9:
            self.phrases[words] = pii

    def and_those(self, others: "Secrets") -> "Secrets":
        """All of both."""
        return Secrets(self.phrases | others.phrases, self.numbers | others.numbers)

    def without(self, openly: "Secrets") -> "Secrets":
        """What is left of them where some are said openly."""
        return Secrets(
            {words: pii for words, pii in self.phrases.items() if words not in openly.phrases},
            {digits: pii for digits, pii in self.numbers.items() if digits not in openly.numbers},
        )

    def __len__(self) -> int:
        return len(self.phrases) + len(self.numbers)

    def found_in(self, text: str) -> Iterator[str]:
        """The class of each value that stands in a text."""
        for words in self._phrases_in(text):
            yield self.phrases[words]
        for digits in self._numbers_in(text):
            yield self.numbers[digits]

    def forget(self, text: str) -> None:
        """Take out the values that a text says openly."""
        said, numbers = set(self._phrases_in(text)), set(self._numbers_in(text))
        self.phrases = {words: pii for words, pii in self.phrases.items() if words not in said}
        self.numbers = {digits: pii for digits, pii in self.numbers.items() if digits not in numbers}
        self._lengths = {}

    def _phrases_in(self, text: str) -> Iterator[tuple[str, ...]]:
        words = WORD.findall(text.lower())
        beginnings = self._beginnings()
        for position, word in enumerate(words):
            for length in beginnings.get(word, ()):
                if (phrase := tuple(words[position : position + length])) in self.phrases:
                    yield phrase

    def _numbers_in(self, text: str) -> Iterator[str]:
        if self.numbers:
            for number in DIGITS.findall(text):
                if (digits := re.sub(r"\D", "", number)[-10:]) in self.numbers:
                    yield digits

    def _beginnings(self) -> dict[str, set[int]]:
        if not self._lengths:
            for words in self.phrases:
                self._lengths.setdefault(words[0], set()).add(len(words))
        return self._lengths

    _lengths: dict[str, set[int]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Leak:
    """A place that holds personal values: how many of which class. Never a value."""

    place: str
    pii: str
    count: int


def secrets(columns: Mapping[str, Iterable[tuple[str, str]]], openly: bool = False) -> Secrets:
    """The distinct values of columns of tables ("schema.table" -> (column, class)); those of the vault that are plain
    are added unless these are said `openly`."""
    found = Secrets()
    with transaction() as connection:
        cursor = driver(connection).cursor()
        for table, of_table in columns.items():
            schema, name = table.split(".", 1)
            there = cursor.execute("select to_regclass(%s)", [f'{schema}."{name}"']).fetchone()
            if not there or there[0] is None:
                continue
            for column, pii in of_table:
                query = sql.SQL("select distinct {}::text from {} where {} is not null").format(
                    sql.Identifier(column), sql.Identifier(schema, name), sql.Identifier(column)
                )
                for (value,) in cursor.execute(query):
                    for part in (value, *value.splitlines()):
                        found.add(pii, part)
        if not openly:
            for pii, value in cursor.execute("select class, value from pii.vault where value is not null"):
                found.add(pii, value)
    return found


def undeclared(tables: Iterable[str], by_name: Callable[[str], str | None]) -> Secrets:
    """The distinct values of the columns that nobody has declared (`_extra` of these staging tables) and that look
    personal, by a sample of their content or by their name."""
    found = Secrets()
    for table in tables:
        looks = {looks.column: looks.pii for looks in personal.look_into_undeclared(table, by_name)}
        if not looks:
            continue
        query = sql.SQL(
            "select distinct key, value from staging.{} cross join jsonb_each_text(_extra)"
            " where key = any(%s) and value is not null"
        ).format(sql.Identifier(table))
        with transaction() as connection:
            for name, value in driver(connection).execute(query, [list(looks)]):
                for part in (value, *value.splitlines()):
                    found.add(looks[name], part)
    return found


def names(tables: Iterable[str]) -> Secrets:
    """The e-mails, numbers and IP addresses in the names of columns that nobody has declared, of these staging tables:
    a record that was taken for a header, or objects by person. All rows of a delivery have the same such columns."""
    found = Secrets()
    for table in tables:
        query = sql.SQL(
            "select jsonb_object_keys(_extra)"
            " from (select _extra from staging.{} where _extra is not null limit 1) as one"
        ).format(sql.Identifier(table))
        with transaction() as connection:
            for (name,) in driver(connection).execute(query):
                for pii, value in values_in(name):
                    found.add(pii, value)
    return found


def in_warehouse(wanted: Secrets) -> list[Leak]:
    """The columns outside of the allowed schemas that hold one of the values."""
    leaks: dict[tuple[str, str], int] = {}
    with transaction() as connection:
        cursor = driver(connection).cursor()
        columns = cursor.execute(
            "select n.nspname, c.relname, a.attname, t.typname from pg_attribute as a"
            " join pg_class as c on c.oid = a.attrelid join pg_namespace as n on n.oid = c.relnamespace"
            " join pg_type as t on t.oid = a.atttypid where a.attnum > 0 and not a.attisdropped"
            f" and c.relkind in ('r', 'v', 'm', 'p', 'f') and t.typname in {TEXTS}"
            " and n.nspname <> all(%s) and n.nspname not like 'pg\\_t%%' order by 1, 2, a.attnum",
            [list(ALLOWED)],
        ).fetchall()
        for schema, table, column, of_type in columns:
            shown = "encode({}, 'escape')" if of_type == "bytea" else "{}::text"
            query = sql.SQL(f"select distinct {shown} from {{}} where {{}} is not null").format(
                sql.Identifier(column), sql.Identifier(schema, table), sql.Identifier(column)
            )
            for (text,) in cursor.execute(query):
                for pii in wanted.found_in(text):
                    place = (f"{schema}.{table}.{column}", pii)
                    leaks[place] = leaks.get(place, 0) + 1
    return [Leak(place, pii, count) for (place, pii), count in leaks.items()]


def in_files(wanted: Secrets, folders: Iterable[Path]) -> list[Leak]:
    """The files below folders that hold one of the values; Parquet and compressed text are read as what they hold."""
    leaks: dict[tuple[str, str], int] = {}
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
            for text in _texts(file):
                for pii in wanted.found_in(text):
                    leaks[str(file), pii] = leaks.get((str(file), pii), 0) + 1
    return [Leak(place, pii, count) for (place, pii), count in leaks.items()]


def _texts(file: Path) -> Iterator[str]:
    if file.suffix == ".parquet":
        import pyarrow.parquet as parquet

        for batch in parquet.ParquetFile(file).iter_batches():
            yield "\n".join(str(row) for row in batch.to_pylist())
        return
    if file.suffix == ".gz":
        import gzip

        yield gzip.decompress(file.read_bytes()).decode("utf-8", "replace")
        return
    yield file.read_bytes().decode("utf-8", "replace")
