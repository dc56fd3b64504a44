-- Records that are no data, by a feed's `skip`: staged like others, and left out when they are judged.
alter table ledger.row_accounts
    add column skipped bigint not null default 0,
    drop constraint every_row_is_judged,
    add constraint every_row_is_judged check (staged = quarantined + good + skipped);
comment on column ledger.row_accounts.skipped is
'Staged rows that the feed''s skip patterns name as no data. What is shown as banner counts them in.';

create table ledger.skipped (
    delivery_id bigint not null references ledger.deliveries,
    row_number bigint not null,
    line_number bigint not null,
    why text not null,
    primary key (delivery_id, row_number)
);
comment on table ledger.skipped is
'One row per record that a feed''s skip patterns name as no data. Its cells are in the file and in staging only.';
grant all on ledger.skipped to sluice_loader;
