-- Nothing for PUBLIC: PostgreSQL gives it EXECUTE on every new function and TEMPORARY on the database.
alter default privileges revoke execute on functions from public;
do $$
declare
    of_schema text;
begin
    foreach of_schema in array array[
        'ledger', 'reference', 'staging', 'judged', 'quarantine', 'history', 'published', 'pii'
    ] loop
        execute format('revoke all on schema %I from public', of_schema);
        execute format('revoke all on all tables in schema %I from public', of_schema);
        execute format('revoke execute on all functions in schema %I from public', of_schema);
    end loop;
end $$;

-- The functions of published views are made anew with them: who reads the views may call them.
alter default privileges in schema published grant execute on functions to
    sluice_reader, sluice_analyst, sluice_steward, sluice_loader;
do $$
begin
    execute 'grant execute on all functions in schema published to'
        ' sluice_reader, sluice_analyst, sluice_steward, sluice_loader';
end $$;

-- What masks, fingerprints and ids are computed with is the pipeline's.
grant execute on function pii.hmac_sha256(bytea, bytea, bytea), pii.padded_key(bytea, integer), pii.random_key(),
    pii.token_key_now() to sluice_loader;

-- A steward asks and reveals, as far as pii.entitlements go; without an entitlement there is nothing to see.
grant usage on schema pii to sluice_steward;
grant execute on function pii.ask(text, text, text), pii.ask_rows(text, text, text), pii.reveal(text),
    pii.reveal_sealed(text) to sluice_steward;

-- Which vendors' rows a role sees of an entity whose YAML says `rows_by: vendor`.
create table ledger.vendor_rights (
    role_name name not null,
    entity text not null default '*',
    vendor text not null,
    granted_at timestamptz not null default now(),
    primary key (role_name, entity, vendor)
);
comment on table ledger.vendor_rights is
'Which vendors'' rows a role, and its members, sees of an entity with rows_by: vendor; * is any.';

create function ledger.vendors_of(of_entity text) returns text[]
language sql stable security definer set search_path = pg_catalog, pg_temp
return array(
    select distinct d.vendor
    from ledger.deliveries as d
    where d.entity = of_entity and exists (
        select from ledger.vendor_rights as v
        join pg_roles as r on r.rolname = v.role_name
        where pg_has_role(pii.caller(), r.oid, 'member')
            and v.entity in ('*', of_entity) and v.vendor in ('*', d.vendor)
    )
);
comment on function ledger.vendors_of is 'The vendors whose rows of an entity the role that asks may see.';
revoke execute on function ledger.vendors_of(text) from public;
grant execute on function ledger.vendors_of(text) to sluice_reader, sluice_analyst, sluice_steward, sluice_loader;
