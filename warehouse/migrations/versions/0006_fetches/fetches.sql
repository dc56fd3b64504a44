create table ledger.fetches (
    fetch_id bigint generated always as identity primary key,
    feed text not null,
    way text not null,
    source text not null,
    fetched_at timestamptz not null default clock_timestamp(),
    seconds numeric(12, 3) not null check (seconds >= 0),
    status integer,
    etag text,
    last_modified text,
    content_type text,
    content_length bigint,
    bytes bigint not null default 0,
    mark text,
    sha256 text,
    asked_for date,
    outcome text not null check (outcome in ('new', 'unchanged', 'failed', 'refused')),
    delivery_id bigint references ledger.deliveries,
    reason text,
    check ((outcome = 'new') <= (delivery_id is not null)),
    check ((outcome in ('failed', 'refused')) <= (reason is not null))
);
create index on ledger.fetches (feed, source, fetch_id desc);
create index on ledger.fetches (delivery_id);
grant all on ledger.fetches to sluice_loader;

comment on table ledger.fetches is 'One row per attempt to get something from where a feed comes from.';
comment on column ledger.fetches.way is 'As the feed declares it: drop, http, sheet, api, listing, a plugin; or archive.';
comment on column ledger.fetches.source is 'URL or place, without credentials; what is remembered is looked up by it.';
comment on column ledger.fetches.bytes is 'As they came, before any Content-Encoding was undone.';
comment on column ledger.fetches.mark is 'What a listing said of the file (ETag, size, date): as long as that is so, it is known.';
comment on column ledger.fetches.sha256 is 'Of the content without the parts that are declared volatile.';
comment on column ledger.fetches.asked_for is 'The day that was asked for, where the source has days.';
comment on column ledger.fetches.outcome is
'new: a delivery came of it. unchanged: nothing to take in. failed: try again. refused: what came is no data.';
comment on column ledger.fetches.delivery_id is 'What it became; of a zip with several members, the last of them.';
