"""Rights: what each role can really do, computed from PostgreSQL's catalog, held against what is declared here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from warehouse.connection import transaction
from warehouse.errors import SluiceError

SCHEMAS = ("ledger", "reference", "staging", "judged", "quarantine", "history", "published", "pii")
ROLES = ("public", "sluice_reader", "sluice_analyst", "sluice_steward")

ENTITLED = "entitled"  # what a role may that stands in pii.entitlements
REVEALING = ("pii.ask", "pii.ask_rows", "pii.reveal", "pii.reveal_sealed", "pii.revealed_*")

# Of each role: the schemas whose relations it may read whole, and single relations beside them. Nobody but the loader
# writes anywhere.
READS: dict[str, tuple[str, ...]] = {
    "public": (),
    "sluice_reader": ("published",),
    "sluice_analyst": ("published", "history", "reference"),
    "sluice_steward": ("published", "history", "reference", "quarantine"),
    ENTITLED: (),
}
MASKED = "_masked"  # the views of quarantine that analysts read
PUBLISHED = "published.*"
CALLS: dict[str, tuple[str, ...]] = {
    "public": (),
    "sluice_reader": (PUBLISHED, "ledger.vendors_of"),
    "sluice_analyst": (PUBLISHED, "ledger.vendors_of"),
    "sluice_steward": (PUBLISHED, "ledger.vendors_of", *REVEALING),
    ENTITLED: REVEALING,
}

RELATIONS = (
    "select n.nspname as schema, c.relname as name, c.relkind::text as kind,"
    " has_schema_privilege(:role, n.oid, 'usage') and (has_table_privilege(:role, c.oid, 'select')"
    " or has_any_column_privilege(:role, c.oid, 'select')) as reads,"
    " has_schema_privilege(:role, n.oid, 'usage') and ("
    " has_table_privilege(:role, c.oid, 'insert, update, delete, truncate, references, trigger')"
    " or has_any_column_privilege(:role, c.oid, 'insert, update, references')) as writes,"
    " c.relrowsecurity and (select rolbypassrls from pg_roles where rolname = :role) as past_its_vendors"
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
# Every login but those that run the pipeline, and what such a login can become by `set role` only, with what of Sluice
# each is a member of.
LOGINS = (
    "with logins as (select r.* from pg_roles as r join pg_namespace as n on n.nspname = 'ledger' where r.rolcanlogin"
    " and not r.rolsuper and not pg_has_role(r.oid, n.nspowner, 'member')"
    " and not pg_has_role(r.oid, 'sluice_loader', 'member'))"
    " select r.rolname as login, array("
    "select g from unnest(cast(:groups as text[])) as g where pg_has_role(r.oid, g, 'member'))"
    " || case when exists (select from pii.entitlements as e join pg_roles as o on o.rolname = e.role_name"
    " where pg_has_role(r.oid, o.oid, 'member')) then array[cast(:entitled as text)] else '{}' end as likes"
    " from pg_roles as r where r.oid in (select oid from logins) or exists (select from logins as l"
    " where pg_has_role(l.oid, r.oid, 'member') and not pg_has_role(l.oid, r.oid, 'usage')) order by 1"
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
        return _rights(connection, role, [like or role])


def check() -> list[Rights]:
    """Every group role, everybody (`public`), and each login, or role that one can become, that can do more than groups
    and entitlements let it."""
    with transaction() as connection:
        groups = [_rights(connection, role, [role]) for role in ROLES]
        found = connection.execute(text(LOGINS), {"groups": list(ROLES[1:]), "entitled": ENTITLED}).mappings().all()
        logins = [_rights(connection, row["login"], ["public", *row["likes"]]) for row in found]
    told = set(groups[0].too_much)  # of everybody: once is enough
    return [*groups, *(login for login in logins if set(login.too_much) - told)]


def members() -> list[dict[str, Any]]:
    """The members of Sluice's group roles."""
    with transaction() as connection:
        return [dict(row) for row in connection.execute(text(MEMBERS)).mappings()]


def _rights(connection: Connection, role: str, likes: Sequence[str]) -> Rights:
    asked = {"role": role, "schemas": list(SCHEMAS)}
    relations = connection.execute(text(RELATIONS), asked).mappings().all()
    reads = [f"{r['schema']}.{r['name']}" for r in relations if r["reads"]]
    writes = [f"{r['schema']}.{r['name']}" for r in relations if r["writes"]]
    calls = [f"{f['schema']}.{f['name']}" for f in connection.execute(text(FUNCTIONS), asked).mappings()]
    creates = list(connection.scalars(text(CREATES), asked))
    too_much = [
        *(f"reads {name}" for name in reads if not any(_may_read(like, name) for like in likes)),
        *(f"writes {name}" for name in writes),
        *(
            f"reads rows of every vendor in {r['schema']}.{r['name']} (bypassrls)"
            for r in relations
            if r["reads"] and r["past_its_vendors"]
        ),
        *(f"calls {name}" for name in dict.fromkeys(calls) if not any(_fits(name, CALLS[like]) for like in likes)),
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
        there = text("select exists (select from pg_roles where rolname = :role)")
        if not revoke and not connection.scalar(there, given):
            raise SluiceError(f"The server has no role {role!r}; create it first.")
        connection.execute(
            text(
                "delete from ledger.vendor_rights where role_name = :role and vendor = :vendor and entity = :entity"
                if revoke
                else "insert into ledger.vendor_rights (role_name, entity, vendor) values (:role, :entity, :vendor)"
                " on conflict do nothing"
            ),
            given,
        )
