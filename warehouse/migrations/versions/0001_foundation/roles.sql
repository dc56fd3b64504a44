-- Group roles of the whole server: several warehouses on one server share them.
do $$
declare
    role text;
begin
    foreach role in array array['sluice_loader', 'sluice_analyst', 'sluice_steward', 'sluice_reader'] loop
        if not exists (select from pg_roles where rolname = role) then
            execute format('create role %I nologin', role);
        end if;
    end loop;
end $$;

revoke all on schema public from public;
grant usage on schema published to sluice_reader;
grant usage on schema published, history, quarantine, reference to sluice_analyst, sluice_steward;
grant usage on schema ledger, reference, staging, judged, quarantine, history, published, pii to sluice_loader;

-- Tables and views that do not exist yet, whoever rebuilds them.
alter default privileges in schema published grant select on tables to sluice_reader, sluice_analyst, sluice_steward;
alter default privileges in schema history grant select on tables to sluice_analyst, sluice_steward;
alter default privileges in schema reference grant select on tables to sluice_analyst, sluice_steward;
alter default privileges in schema quarantine grant select on tables to sluice_steward;
alter default privileges in schema staging grant all on tables to sluice_loader;
alter default privileges in schema judged grant all on tables to sluice_loader;
alter default privileges in schema quarantine grant all on tables to sluice_loader;
alter default privileges in schema history grant all on tables to sluice_loader;
alter default privileges in schema published grant all on tables to sluice_loader;
alter default privileges in schema reference grant all on tables to sluice_loader;
grant all on all tables in schema ledger, staging to sluice_loader;
grant select on all tables in schema pii to sluice_loader;
