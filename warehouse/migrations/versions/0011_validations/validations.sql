-- Quarantine shows where a row stands today; this is what each run found when it judged, and is never changed.
create table ledger.validations (
    run bigint not null references ledger.runs,
    delivery_id bigint not null references ledger.deliveries,
    kind text not null check (kind in ('judged', 'unreadable')),
    code text not null,
    column_name text,
    rows bigint not null check (rows > 0),
    primary key (run, delivery_id, kind, code)
);
comment on table ledger.validations is
'One row per run, delivery and rule that rows of it broke: how many. A row that breaks several is counted under each.';
