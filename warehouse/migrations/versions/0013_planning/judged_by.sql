-- By what each delivery was judged last: where one of these is otherwise today, it may have to be judged again.
create table ledger.judged_by (
    delivery_id bigint primary key references ledger.deliveries,
    run bigint not null references ledger.runs,
    format_hash text not null,
    mapping_hash text not null,
    contract_hash text not null,
    lists jsonb not null,
    judged_at timestamptz not null default clock_timestamp()
);
comment on table ledger.judged_by is
'One row per delivery: hashes of what it was last judged by. Which header was which column stands in deliveries.found.';
comment on column ledger.judged_by.format_hash is 'Of the hints that its file was read with.';
comment on column ledger.judged_by.mapping_hash is
'Of its feed''s mapping as the database has it, of the entity''s columns, and of the feed''s skip patterns.';
comment on column ledger.judged_by.contract_hash is 'The version of the contract, see ledger.contracts.';
comment on column ledger.judged_by.lists is 'Of each table of the schema reference that mapping or contract look into, the hash of its rows.';
grant all on ledger.judged_by to sluice_loader;
