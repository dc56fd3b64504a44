-- The newest state of each object, with the delivery that has its name; one that has none is fetched once more.
insert into ledger.fetches (feed, way, source, seconds, etag, last_modified, mark, outcome, delivery_id)
select
    known.feed,
    'drop',
    's3://' || known.bucket || '/' || known.key,
    0,
    '"' || known.etag || '"',
    to_char(known.modified_at at time zone 'utc', 'Dy, DD Mon YYYY HH24:MI:SS "GMT"'),
    '"' || known.etag || '"',
    'unchanged',
    became.delivery_id
from (
    select distinct on (bucket, key) * from ledger.objects order by bucket, key, modified_at desc
) as known
cross join lateral (
    select max(delivery_id) as delivery_id
    from ledger.deliveries
    where feed = known.feed and split_part(name, '!', 1) = regexp_replace(known.key, '^.*/', '')
) as became
where became.delivery_id is not null;

drop table ledger.objects;
