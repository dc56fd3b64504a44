"""Whether what a contract or a gate asks can be asked of its table at all: found out before any data moves."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

from checks.around import looks_around
from checks.document import Check, ContractError, Lined, checks_of, read
from checks.soda import is_about_rows
from warehouse.connection import driver, transaction
from warehouse.runs import Rule

PATTERNS = ("valid_format", "invalid_format", "missing_format")
QUERIES = ("query", "keys_query", "rows_tested_query")


def fits(file: Path, entity: str, rules: Sequence[Rule]) -> None:
    """Raise ContractError where a check of a contract cannot be asked of the entity's rows."""
    candidates = sql.SQL("with candidates as (select * from {})").format(sql.Identifier("judged", entity))
    document = read(file)
    written = checks_of(file, document)
    by_code = {str(check.attributes.get("code")): check for check in written}
    _is_of(file, document, f"judged/{entity}")
    with transaction() as connection:
        columns = _columns(connection, "judged", entity)
        for rule in rules:
            predicate = sql.SQL("select from candidates where ({})").format(sql.SQL(rule.predicate))
            check = by_code.get(rule.code)
            if fault := _fault(connection, candidates, predicate):
                line = f":{check.line}" if check else ""
                raise _refusal(f"{file}{line}", f"the check with the code {rule.code!r}", entity, fault)
            if check and rule.column_name and rule.column_name not in columns:
                raise ContractError(
                    f"{file}:{check.line_of('column')}: attributes.column: {entity} has no column {rule.column_name!r};"
                    " a reason names one of its columns, or none."
                )
        for check in written:
            _patterns_are_readable(connection, file, check)
        of_all = [check for check in written if not is_about_rows(check)]
        _can_be_asked(connection, file, of_all, document.get("filter"), ("judged", entity))


def gate_fits(file: Path, entity: str) -> None:
    """Raise ContractError where a check of a gate cannot be asked of the entity's history, once there is one."""
    document = read(file)
    _is_of(file, document, f"history/dim_{entity}")
    with transaction() as connection:
        if not _columns(connection, "history", f"dim_{entity}"):
            return
        written = checks_of(file, document)
        for check in written:
            _patterns_are_readable(connection, file, check)
        _can_be_asked(connection, file, written, document.get("filter"), ("history", f"dim_{entity}"))


def _is_of(file: Path, document: Lined, table: str) -> None:
    said = str(document.get("dataset"))
    if said.split("/")[-2:] != table.split("/"):
        raise ContractError(
            f"{file}:{document.lines.get('dataset', 1)}: dataset: {said!r} is another table than the one that this file"
            f" is for; write warehouse/sluice/{table}."
        )


def _can_be_asked(
    connection: Connection, file: Path, checks: Sequence[Check], everywhere: str | None, table: tuple[str, str]
) -> None:
    """`${...}` is Soda's to fill in, and what looks around is written for it otherwise: such checks are left to it."""
    for check in checks:
        if looks_around(str(check.body)) or "${" in f"{everywhere} {check.body}":
            continue
        for statement in _statements(check, everywhere, sql.Identifier(*table)):
            if fault := _fault(connection, statement):
                raise _refusal(f"{file}:{check.line}", f"the check {check.kind!r}", ".".join(table), fault)


def _statements(check: Check, everywhere: str | None, table: sql.Identifier) -> Iterator[sql.Composable]:
    """What a check asks of its table, a statement for each column or expression."""
    body = check.body
    conditions = [str(part) for part in (everywhere, body.get("filter")) if part]
    if check.kind == "failed_rows" and body.get("expression"):
        conditions.append(str(body["expression"]))
    where = sql.SQL(" and ".join(f"({condition})" for condition in conditions) or "true")
    names = [check.column, body.get("column"), *(body.get("columns") or [])]
    asked: list[sql.Composable] = [sql.Identifier(str(name)) for name in names if name]
    if check.kind == "metric" and body.get("expression"):
        asked.append(sql.SQL(str(body["expression"])))
    for one in asked or [sql.SQL("")]:
        yield sql.SQL("select {} from {} where {}").format(one, table, where)
    for key in QUERIES:
        if body.get(key):
            yield sql.SQL(str(body[key]))


def _patterns_are_readable(connection: Connection, file: Path, check: Check) -> None:
    """A pattern that PostgreSQL cannot read would be told of each row, as the row's fault."""
    for key in PATTERNS:
        pattern = (check.body.get(key) or {}).get("regex")
        if pattern and (fault := _fault(connection, sql.SQL("select '' ~ {}").format(sql.Literal(str(pattern))))):
            raise ContractError(f"{file}:{check.line_of(key)}: {key}: {fault}. Mend the pattern.")


def _fault(connection: Connection, *statement: sql.Composable) -> str | None:
    """Why a statement cannot be asked: explained, not run, PostgreSQL looks at names, types and constants only."""
    try:
        with driver(connection).transaction():
            driver(connection).execute(sql.SQL("explain {}").format(sql.SQL(" ").join(statement)))
    except psycopg.Error as error:
        return error.diag.message_primary
    return None


def _refusal(place: str, check: str, of: str, fault: str) -> ContractError:
    return ContractError(f"{place}: {check} cannot be asked of {of}: {fault}. Mend the check, or declare the column.")


def _columns(connection: Connection, schema: str, table: str) -> set[str]:
    found = connection.scalars(
        text("select attname::text from pg_attribute where attrelid = to_regclass(:name) and attnum > 0"),
        {"name": f'{schema}."{table}"'},
    )
    return set(found)
