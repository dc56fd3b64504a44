-- By what an entity was judged when nothing of its history was found to be judged otherwise: while that stands, a run
-- need not compare its deliveries one by one.
create table ledger.looks (
    entity text primary key,
    basis_hash text not null,
    looked_at timestamptz not null default clock_timestamp()
);
comment on table ledger.looks is 'One row per entity all of whose deliveries were judged by what was declared then.';
comment on column ledger.looks.basis_hash is 'Of the project, the contract, the code of the checks and the lists, see flows/basis.py.';
grant all on ledger.looks to sluice_loader;
