alter table ledger.deliveries add column effective_zone text not null default 'UTC';
comment on column ledger.deliveries.effective_zone is 'The zone in which effective_at is a moment of effective_date.';

-- Until now every delivery spoke of a day, from its first moment on: that tells the offset of its zone.
update ledger.deliveries as d
set effective_zone = 'Etc/GMT' || case when ahead.hours > 0 then '+' else '' end || ahead.hours
from (
    select delivery_id, extract(epoch from effective_at - effective_date::timestamp at time zone 'UTC') / 3600 as hours
    from ledger.deliveries
) as offsets
cross join lateral (select hours::integer as hours where hours = trunc(hours) and hours <> 0) as ahead
where d.delivery_id = offsets.delivery_id;
