-- A cache: what a feed that asks key by key (arrives.api.each) was told, so that no key is asked for in every run.
create table ledger.asked (
    feed text not null,
    key text not null,
    found boolean not null,
    asked_at timestamptz not null default clock_timestamp(),
    primary key (feed, key)
);
comment on table ledger.asked is
'One row per key that a feed has asked its source for, and whether that had it. It counts for as long as the feed says.';
grant all on ledger.asked to sluice_loader;
