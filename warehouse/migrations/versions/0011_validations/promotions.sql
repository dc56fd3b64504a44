-- Filled in the warehouse that is promoted to. A publication arrives whole; the one before is kept beside it.
create schema promoted;
comment on schema promoted is 'The publication before of each entity that is promoted to this warehouse, ready to come back.';

create table ledger.promotions (
    promotion_id bigint generated always as identity primary key,
    entity text not null,
    run bigint not null,
    rows bigint not null,
    history_rows bigint not null,
    added bigint not null,
    changed bigint not null,
    gone bigint not null,
    promoted_at timestamptz not null default clock_timestamp(),
    promoted_by text not null,
    rolled_back_at timestamptz
);
comment on table ledger.promotions is
'One row per publication that came here from another warehouse (run: its number there), with the difference that it made.';
