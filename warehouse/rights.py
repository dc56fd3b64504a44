"""Rights: what each role can really do, computed from PostgreSQL's catalog, held against what is declared here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from warehouse.connection import transaction

SCHEMAS = ("ledger", "reference", "staging", "judged", "quarantine", "history", "published", "pii")
ROLES = ("public", "sluice_reader", "sluice_analyst", "sluice_steward")

# Of each role: the schemas whose relations it may read whole, and single relations beside them. Nobody but the loader
# writes anywhere.
READS: dict[str, tuple[str, ...]] = {
    "public": (),
    "sluice_reader": ("published",),
    "sluice_analyst": ("published", "history", "reference"),
    "sluice_steward": ("published", "history", "reference", "quarantine"),
}
MASKED = "_masked"  # the views of quarantine that analysts read
PUBLISHED = "published.*"
CALLS: dict[str, tuple[str, ...]] = {
    "public": (),
    "sluice_reader": (PUBLISHED, "ledger.vendors_of"),
    "sluice_analyst": (PUBLISHED, "ledger.vendors_of"),
    "sluice_steward": (
        PUBLISHED,
        "ledger.vendors_of",
        "pii.ask",
        "pii.ask_rows",
        "pii.reveal",
        "pii.reveal_sealed",
        "pii.revealed_*",
    ),
}

RELATIONS = (
    "select n.nspname as schema, c.relname as name, c.relkind::text as kind,"
    " has_schema_privilege(:role, n.oid, 'usage') and (has_table_privilege(:role, c.oid, 'select')"
    " or has_any_column_privilege(:role, c.oid, 'select')) as reads,"
    " has_schema_privilege(:role, n.oid, 'usage') and ("
    " has_table_privilege(:role, c.oid, 'insert, update, delete, truncate, references, trigger')"
    " or has_any_column_privilege(:role, c.oid, 'insert, update, references')) as writes"
    " from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
    " where n.nspname = any(:schemas) and c.relkind in ('r', 'v', 'm', 'p', 'f') order by 1, 2"
)
FUNCTIONS = (
    "select n.nspname as schema, p.proname as name, p.prosecdef as definer from pg_proc as p"
    " join pg_namespace as n on n.oid = p.pronamespace where n.nspname = any(:schemas)"
    " and has_schema_privilege(:role, n.oid, 'usage') and has_function_privilege(:role, p.oid, 'execute') order by 1, 2"
)
CREATES = (
    "select nspname from pg_namespace where nspname = any(:schemas || array['public'])"
    " and has_schema_privilege(:role, oid, 'create')"
)
# An ungranted role that can do everything is no fault of a grant, but worth a line.
MEMBERS = (
    "select m.rolname as member, g.rolname as role, m.rolsuper as super from pg_auth_members as a"
    " join pg_roles as g on g.oid = a.roleid join pg_roles as m on m.oid = a.member"
    " where g.rolname like 'sluice\\_%' order by 2, 1"
)


@dataclass(frozen=True)
class Rights:
    """What a role can do: relations it reads, functions it calls, and what is more than declared."""

    role: str
    reads: tuple[str, ...]
    calls: tuple[str, ...]
    too_much: tuple[str, ...]


def rights_of(role: str, like: str | None = None) -> Rights:
    """What `role` can do, held against what is declared for `like` (else for itself)."""
    with transaction() as connection:
        return _rights(connection, role, like or role)


def check() -> list[Rights]:
    """Every group role, and everybody (`public`)."""
    with transaction() as connection:
        return [_rights(connection, role, role) for role in ROLES]


def members() -> list[dict[str, Any]]:
    """The members of Sluice's group roles."""
    with transaction() as connection:
        return [dict(row) for row in connection.execute(text(MEMBERS)).mappings()]


def _rights(connection: Connection, role: str, like: str) -> Rights:
    asked = {"role": role, "schemas": list(SCHEMAS)}
    relations = connection.execute(text(RELATIONS), asked).mappings().all()
    reads = [f"{r['schema']}.{r['name']}" for r in relations if r["reads"]]
    writes = [f"{r['schema']}.{r['name']}" for r in relations if r["writes"]]
    calls = [f"{f['schema']}.{f['name']}" for f in connection.execute(text(FUNCTIONS), asked).mappings()]
    creates = list(connection.scalars(text(CREATES), asked))
    too_much = [
        *(f"reads {name}" for name in reads if not _may_read(like, name)),
        *(f"writes {name}" for name in writes),
        *(f"calls {name}" for name in dict.fromkeys(calls) if not _fits(name, CALLS[like])),
        *(f"creates in {schema}" for schema in creates),
    ]
    return Rights(role, tuple(reads), tuple(dict.fromkeys(calls)), tuple(too_much))


def _may_read(role: str, name: str) -> bool:
    schema, relation = name.split(".", 1)
    masked = schema == "quarantine" and relation.endswith(MASKED) and role == "sluice_analyst"
    return schema in READS[role] or masked


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(name.startswith(p[:-1]) if p.endswith("*") else name == p for p in patterns)


def allow_vendor(role: str, vendor: str, entity: str, *, revoke: bool) -> None:
    """Let a role see a vendor's rows of an entity that is shown by vendor, or no longer."""
    given = {"role": role, "vendor": vendor, "entity": entity}
    with transaction() as connection:
        connection.execute(
            text(
                "delete from ledger.vendor_rights where role_name = :role and vendor = :vendor and entity = :entity"
                if revoke
                else "insert into ledger.vendor_rights (role_name, entity, vendor) values (:role, :entity, :vendor)"
                " on conflict do nothing"
            ),
            given,
        )
