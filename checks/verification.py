"""Soda's verification of a table by a contract or gate: an independent look at what the split and the fold did."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from soda_core.common.yaml import ContractYamlSource
from soda_core.contracts.contract_verification import ContractVerificationSession
from sqlalchemy import make_url

from checks import around, grace
from checks.document import ContractError, checks_of, read
from checks.predicates import of_one_time
from checks.soda import data_source
from warehouse.connection import warehouse_url
from warehouse.runs import CheckResult

# Of a small delta, reading and writing contracts in plain Python was a twentieth.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True)
class Verification:
    """Soda's verdict on a table: `passed` only when every check was evaluated and none failed."""

    results: tuple[CheckResult, ...]
    errors: str

    @property
    def passed(self) -> bool:
        return not self.errors and all(result.outcome in ("PASSED", "WARN") for result in self.results)

    def warnings(self) -> list[str]:
        """What only warns, for a person."""
        return [
            result.name if result.value is None else f"{result.name} ({result.value:g})"
            for result in self.results
            if result.outcome == "WARN"
        ]

    def complaint(self) -> str:
        """What failed, for a person."""
        failed = [
            f"{result.name}: {result.outcome} ({result.value:g})"
            if result.value is not None
            else f"{result.name}: {result.outcome}"
            for result in self.results
            if result.outcome not in ("PASSED", "WARN")
        ]
        return "; ".join([*failed, self.errors] if self.errors else failed)


@dataclass(frozen=True)
class Spared:
    """Rules that need not be asked of every row. Those with the `codes` are asked of the rows that the SQL `rest`
    leaves; that the columns of one of the `keys` are repeated nowhere, of those that `rest_of_keys` leaves."""

    keys: frozenset[frozenset[str]]
    rest_of_keys: str
    codes: frozenset[str] = frozenset()
    rest: str = "true"


def verify(
    file: Path,
    only: str | None = None,
    optional: Sequence[str] = (),
    row_times: bool = False,
    spared: Spared | None = None,
) -> Verification:
    """Let Soda verify the table that a contract names; `only` is SQL that narrows it to some rows, `optional` are the
    columns whose unparsed values let a row pass, `row_times`: rows may have effective times of their own, `spared`:
    what need not be asked of all rows, for it was before."""
    url = make_url(warehouse_url())
    source = data_source(str(url.host), url.port or 5432, str(url.database), str(url.username), str(url.password or ""))
    text = aimed(file, str(url.database), only, optional=optional, row_times=row_times)
    try:
        session = ContractVerificationSession.execute(
            contract_yaml_sources=[ContractYamlSource.from_str(part, str(file)) for part in _apart(text, spared)],
            data_source_impls=[source],
        )
    except Exception as error:
        raise ContractError(f"{file}: Soda cannot verify this contract: {error}") from error
    finally:
        source.close_connection()
    results = tuple(_results(session))
    errors = session.get_errors_str() if session.has_errors else ""
    if not results and not errors:
        errors = f"{file}: no check was evaluated"
    return Verification(results, errors)


def aimed(
    file: Path,
    database: str,
    only: str | None,
    candidates: str | None = None,
    optional: Sequence[str] = (),
    row_times: bool = False,
) -> str:
    """The contract's text as Soda is given it: with this warehouse's database in its datasets, the filter added, and
    its rules as they hold of good rows. A rule with on_fail: warn only warns. What a rule says of the delivery as it
    came cannot be seen in its good rows and is left out, unless `candidates` names the relation that holds it."""
    document = _in_database(read(file), database)
    filters = [part for part in (document.get("filter"), only) if part]
    if filters:
        document["filter"] = " and ".join(f"({part})" for part in filters)
    entity = around.entity_of(document)
    for owner in (document, *(document.get("columns") or [])):
        checks = [
            {kind: _as_verified(kind, body or {}, entity, candidates, optional, row_times)}
            for check in owner.pop("checks", None) or []
            for kind, body in check.items()
            if candidates or not around.looks_at_delivery(str((body or {}).get("expression")))
        ]
        if checks:  # Soda refuses an empty list
            owner["checks"] = checks
    return _written(document)


def _apart(contract: str, spared: Spared | None) -> list[str]:
    """A contract in parts, each with a filter of its own. In one query PostgreSQL would ask duplicates and all else in
    one process and sort whole rows on disk; apart, all else runs on several cores (1M rows: 15.4 s became 4.9 on a
    busy machine)."""
    parts, whole = [], yaml.load(contract, _LOADER)  # noqa: S506  (a SafeLoader)
    for duplicates, only in ((False, None), (True, None), *_spared(spared)):
        document = deepcopy(whole)
        for owner in (document, *(document.get("columns") or [])):
            owner["checks"] = [
                check
                for check in owner.pop("checks", None) or []
                if ("duplicate" in check, _only(check, owner.get("name"), spared)) == (duplicates, only)
            ]
            if not owner["checks"]:  # Soda refuses an empty list
                del owner["checks"]
        if only:
            document["filter"] = f"({document['filter']}) and ({only})" if "filter" in document else only
        if any("checks" in owner for owner in (document, *(document.get("columns") or []))):
            parts.append(_written(document))
    return parts or [contract]


def asks_every_row(file: Path, spared: Spared | None) -> bool:
    """Whether a check of a contract is asked of each good row, though some are spared."""
    return any(
        _only({check.kind: check.body}, check.column, spared) is None
        for check in checks_of(file, read(file))
        if not around.looks_at_delivery(str(check.body.get("expression")))
    )


def _written(document: dict[str, Any]) -> str:
    return str(yaml.dump(document, Dumper=_DUMPER, sort_keys=False, allow_unicode=True))


def _spared(spared: Spared | None) -> tuple[tuple[bool, str], ...]:
    return ((False, spared.rest), (True, spared.rest_of_keys)) if spared else ()


def _only(check: dict[str, Any], column: str | None, spared: Spared | None) -> str | None:
    """The rows that a check, of a column or of all, is asked of, where it need not be asked of each."""
    if spared is None:
        return None
    [body] = [body or {} for body in check.values()]
    if "duplicate" in check:
        columns = frozenset(body.get("columns") or [column]) - {"_delivery_id"}
        return spared.rest_of_keys if columns in spared.keys else None
    return spared.rest if (body.get("attributes") or {}).get("code") in spared.codes else None


def _as_verified(
    kind: str, body: dict[str, Any], entity: str, candidates: str | None, optional: Sequence[str], row_times: bool
) -> dict[str, Any]:
    if kind == "duplicate" and body.get("columns"):
        body = body | {"columns": of_one_time(body["columns"], row_times)}
    if kind == "failed_rows" and body.get("expression"):
        expression = around.with_history(str(body["expression"]), entity, row_times)
        body = body | {"expression": around.of_relation(expression, candidates)}
    attributes = body.get("attributes") or {}
    if attributes.get("on_fail") == "warn" or attributes.get("code") in [grace.code_of(column) for column in optional]:
        body = body | {"threshold": (body.get("threshold") or {}) | {"level": "warn"}}
    return body


def _in_database(node: Any, database: str) -> Any:
    """A contract's document with `source/database/schema/table` in this database wherever it says `dataset`."""
    if isinstance(node, list):
        return [_in_database(part, database) for part in node]
    if not isinstance(node, dict):
        return node
    aimed = {key: _in_database(value, database) for key, value in node.items()}
    if isinstance(aimed.get("dataset"), str):
        source, _, *rest = aimed["dataset"].split("/")
        aimed["dataset"] = "/".join([source, database, *rest])
    return aimed


def _results(session: Any) -> Iterator[CheckResult]:
    for contract in session.contract_verification_results:
        for result in contract.check_results:
            value = result.threshold_value
            yield CheckResult(
                name=result.check.name or result.check.type,
                column_name=result.check.column_name,
                outcome=result.outcome.value,
                value=float(value) if value is not None else None,
            )
