-- Who runs the pipeline (the owner of the schemas, or a member of sluice_loader) sees all rows: exports of an entity with
-- rows_by: vendor were empty, and so were `sluice history` and a promotion.
create or replace function ledger.vendors_of(of_entity text) returns text[]
language sql stable security definer set search_path = pg_catalog, pg_temp
return array(
    select distinct d.vendor
    from ledger.deliveries as d
    where d.entity = of_entity and (
        pg_has_role(pii.caller(), current_user, 'member') or pg_has_role(pii.caller(), 'sluice_loader', 'member')
        or exists (
            select from ledger.vendor_rights as v
            join pg_roles as r on r.rolname = v.role_name
            where pg_has_role(pii.caller(), r.oid, 'member')
                and v.entity in ('*', of_entity) and v.vendor in ('*', d.vendor)
        )
    )
);
