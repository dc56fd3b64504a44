alter table ledger.run_deliveries add column cells_seed bigint;
comment on column ledger.run_deliveries.cells_seed is
'By what its rows are judged, as the seed of their hashes (judged.<entity>._cells); NULL where more than the cells decides.';

alter table ledger.rules add column of_cells boolean not null default false;
comment on column ledger.rules.of_cells is
'The rule is IMMUTABLE in the sense of PostgreSQL, over the row''s own values: equal rows break it alike, whenever asked.';

create table ledger.differences (
    delivery_id bigint primary key references ledger.deliveries,
    base_id bigint not null references ledger.deliveries,
    base_run bigint not null references ledger.runs,
    rows_carried bigint not null
);
comment on table ledger.differences is
'One row per delivery whose rows were held against those of its feed''s delivery before. What differs stands in'
' judged.difference_<delivery_id>: ids, with the row numbers of those that the delivery has.';
comment on column ledger.differences.base_id is 'The delivery before, or the one whose content that has.';
comment on column ledger.differences.rows_carried is 'Rows whose verdict was taken from there; the others were judged.';
comment on column ledger.differences.base_run is 'The run that had judged it: once another has, the difference says nothing.';
grant all on ledger.differences to sluice_loader;

-- Whether what differs from the delivery before is all that differs from history, too: history's open versions of the
-- feed are that delivery's good rows and what its quarantine keeps open. It is not so where anything of the feed has
-- come or gone since, where a record that could not be read may keep any key open, and where rows were erased.
create function ledger.is_difference_to_history(delivery bigint) returns boolean
language sql stable as $$
    select coalesce(bool_and(
        latest.content_id = told.base_id
        and latest.mode = 'full'
        and latest.mends is null
        and judged_by.run = told.base_run
        and account.unreadable = 0
        and to_regclass('judged.difference_' || delivery) is not null
        and not exists (select from pii.erased_rows where delivery_id in (delivery, told.base_id))
    ), false)
    from ledger.differences as told
    join ledger.deliveries as coming using (delivery_id)
    cross join lateral (
        select coalesce(d.sighting_of, d.delivery_id) as content_id, d.mode, d.mends
        from ledger.deliveries as d
        where d.feed = coming.feed and d.in_history and d.delivery_id <> delivery
        order by d.effective_at desc, d.delivery_id desc
        limit 1
    ) as latest
    join ledger.judged_by on judged_by.delivery_id = told.base_id
    join ledger.row_accounts as account on account.delivery_id = told.base_id
    where told.delivery_id = delivery
$$;
grant execute on function ledger.is_difference_to_history to sluice_loader;
