alter table ledger.runs add column settled_at timestamptz;
update ledger.runs set settled_at = finished_at where state = 'merged';
create index on ledger.runs (entity) where state = 'merged' and settled_at is null;
comment on column ledger.runs.settled_at is 'When it was written down which quarantined rows the run brought right.';

create table ledger.quarantine_actions (
    action_id bigint generated always as identity primary key,
    entity text not null,
    action text not null check (action in ('export', 'replay', 'discard')),
    done_by text not null,
    done_at timestamptz not null default now(),
    why text,
    deliveries bigint[] not null,
    rule text,
    rows bigint not null,
    run bigint references ledger.runs
);
comment on table ledger.quarantine_actions is
'What people did with quarantined rows: who saw them raw (export), had them judged again, or threw them away, and why.';
