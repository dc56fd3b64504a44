alter table ledger.rules
    add column on_fail text not null default 'quarantine' check (on_fail in ('quarantine', 'warn', 'refuse')),
    add column severity text not null default 'error' check (severity in ('critical', 'error', 'warning', 'info')),
    add column responsible text not null default 'vendor' check (responsible in ('vendor', 'us')),
    add column scope text not null default 'row' check (scope in ('row', 'delivery', 'key')),
    add column unique_columns text[];
comment on column ledger.rules.on_fail is
'What becomes of a row that breaks the rule: set aside, let pass and recorded, or its whole delivery is refused.';
comment on column ledger.rules.scope is
'row: the row alone decides. delivery: other rows of its delivery, or history, too. key: the split''s own.';
comment on column ledger.rules.unique_columns is 'Of a duplicate check: the columns in which no two rows may agree.';

create table ledger.contracts (
    contract_hash text primary key,
    entity text not null,
    text text not null,
    first_used_at timestamptz not null default now()
);
comment on table ledger.contracts is 'The text of each contract version that a run has judged by; see ledger.runs.';
