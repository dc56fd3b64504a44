create table ledger.objects (
    bucket text not null,
    key text not null,
    etag text not null,
    modified_at timestamptz not null,
    feed text not null,
    outcome text not null,
    taken_at timestamptz not null default clock_timestamp(),
    primary key (bucket, key, etag, modified_at)
);
comment on table ledger.objects is
'One row per object state that was taken in, so that a listing of the bucket fetches what is new only.';

create table ledger.alarms (
    alarm_id bigint generated always as identity primary key,
    kind text not null,
    about text not null,
    told text not null,
    raised_at timestamptz not null default clock_timestamp(),
    settled_at timestamptz
);
create unique index one_open_alarm on ledger.alarms (kind, about) where settled_at is null;
comment on table ledger.alarms is 'One row per alarm: raised once, and settled when its reason is gone.';

grant all on ledger.objects, ledger.alarms to sluice_loader;
