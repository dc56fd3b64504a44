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
