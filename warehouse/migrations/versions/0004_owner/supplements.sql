-- A mended file speaks of the time of the delivery whose bad rows it holds, beside it and not in its place.
alter table ledger.deliveries
    add column mends bigint references ledger.deliveries,
    add column judge_again boolean not null default false,
    add constraint a_supplement_is_a_delta check (mends is null or (mode = 'delta' and sighting_of is null));
comment on column ledger.deliveries.mends is
'Of a mended file: the delivery whose bad rows it brings back. It is folded after it, at the same time.';
comment on column ledger.deliveries.judge_again is
'A person wants its rows judged again: the next run folds it as if it went out of history and came in anew.';

drop index ledger.one_delivery_in_force;
create unique index one_delivery_in_force on ledger.deliveries (feed, effective_at)
where state not in ('refused', 'superseded', 'retracted', 'waiting') and mends is null;
drop index ledger.deliveries_feed_effective_at_revision_idx;
create unique index one_content_of_a_revision on ledger.deliveries (feed, effective_at, revision)
where state <> 'refused' and mends is null;
create index on ledger.deliveries (mends) where mends is not null;
create index on ledger.deliveries (entity) where judge_again;

-- A supplement is in force with what it mends, whoever takes that out of force or puts it back.
create function ledger.carry_supplements() returns trigger
language plpgsql as $$
begin
    if new.state in ('refused', 'superseded', 'retracted', 'waiting') then
        update ledger.deliveries set state = 'superseded'
        where mends = new.delivery_id and state not in ('refused', 'superseded', 'retracted', 'waiting');
    else
        update ledger.deliveries set state = case when in_history then 'merged' else 'received' end
        where mends = new.delivery_id and state = 'superseded';
    end if;
    return null;
end $$;
create trigger carry_supplements after update of state on ledger.deliveries
for each row
when (
    new.mends is null
    and (old.state in ('refused', 'superseded', 'retracted', 'waiting'))
    <> (new.state in ('refused', 'superseded', 'retracted', 'waiting'))
)
execute function ledger.carry_supplements();

create table ledger.mended_rows (
    delivery_id bigint not null references ledger.deliveries,
    row_number bigint not null,
    mended_delivery bigint not null references ledger.deliveries,
    mended_row bigint not null,
    primary key (delivery_id, row_number)
);
create index on ledger.mended_rows (mended_delivery, mended_row);
comment on table ledger.mended_rows is 'Which quarantined row each row of a mended file stands for, as the file says.';
