create table ledger.issues (
    delivery_id bigint not null references ledger.deliveries,
    feed text not null,
    entity text not null,
    row_number bigint not null,
    line_number bigint not null,
    id uuid,
    code text not null,
    column_name text,
    severity text not null,
    responsible text not null,
    message text not null,
    value text,
    run bigint not null references ledger.runs,
    primary key (delivery_id, row_number, code)
);
create index on ledger.issues (entity, code);
comment on table ledger.issues is 'What was wrong with rows that were let pass: rules with on_fail: warn, and values that were left out.';
comment on column ledger.issues.id is 'The row''s <entity>_id.';
comment on column ledger.issues.value is 'The value, masked by its column''s class.';

create table ledger.delivery_checks (
    delivery_id bigint not null references ledger.deliveries,
    "check" text not null,
    outcome text not null check (outcome in ('pass', 'warn', 'wait', 'refuse')),
    value numeric,
    bound numeric,
    message text not null,
    checked_at timestamptz not null default clock_timestamp(),
    primary key (delivery_id, "check")
);
comment on table ledger.delivery_checks is 'What was looked at of each delivery as a whole, and what came of it.';

grant all on ledger.contracts, ledger.issues, ledger.delivery_checks to sluice_loader;
