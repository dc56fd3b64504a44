alter table ledger.deliveries
    add column rows_from timestamptz,
    add column rows_until timestamptz,
    add constraint both_or_none check ((rows_from is null) = (rows_until is null));
comment on column ledger.deliveries.rows_from is
'The earliest effective time of its rows, where each has one of its own (effective_at: {column: ...}); else NULL.';
comment on column ledger.deliveries.rows_until is 'The latest of them.';

create view ledger.spans as
select
    d.delivery_id,
    coalesce(content.rows_from, d.effective_at) as rows_from,
    coalesce(content.rows_until, d.effective_at) as rows_until,
    content.rows_from is not null as has_row_times
from ledger.deliveries as d
join ledger.deliveries as content on content.delivery_id = coalesce(d.sighting_of, d.delivery_id);
comment on view ledger.spans is
'From when to when the rows of each delivery speak; those of a sighting are the rows of the delivery that it repeats.';
