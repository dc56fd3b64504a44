create table ledger.notices (
    notice_id bigint generated always as identity primary key,
    feed text not null,
    channel text not null check (channel in ('mail', 'sns')),
    address text not null,
    address_hash bytea not null,
    told_at timestamptz not null default now(),
    digest bytea not null,
    open_rows bigint not null,
    outcome text not null check (outcome in ('sent', 'failed')),
    attempts integer not null,
    problem text
);
create index on ledger.notices (feed, address_hash, told_at);
comment on table ledger.notices is 'What owners were told: one row per notice and address.';
comment on column ledger.notices.address is 'Masked: s***@example.com. The hash, keyed in the database, tells addresses apart.';
comment on column ledger.notices.digest is 'Of what the notice said, so that the same is not told twice.';
grant all on ledger.mended_rows, ledger.quarantine_actions, ledger.notices to sluice_loader;
