{# What each delivery did; a delivery that does not add up breaks the constraint every_good_row_is_merged. #}
{% macro merge_account_sql(entity, run) %}
    with begun as (
        select
            delivery_id,
            count(*) filter (where is_opening) as opened,
            count(*) filter (where not is_opening) as changed
        from folded
        where seq > 0
        group by delivery_id
    ),

    closed as (
        select gone_by as delivery_id, count(*) as versions from folded where gone_by is not null group by 1
    ),

    unchanged as (
        select judged._delivery_id as delivery_id, count(*) as rows
        from judged.{{ entity }} as judged
        where judged._delivery_id = any (array(select delivery_id from folding))
            and not exists (
                select from folded
                where folded.seq > 0
                    and folded.delivery_id = judged._delivery_id
                    and folded.row_number = judged._row_number
            )
        group by 1
    )

    update ledger.row_accounts as account
    set
        opened = coalesce(begun.opened, 0),
        changed = coalesce(begun.changed, 0),
        unchanged = coalesce(unchanged.rows, 0),
        closed = coalesce(closed.versions, 0)
    from folding
    left join begun using (delivery_id)
    left join closed using (delivery_id)
    left join unchanged using (delivery_id)
    where account.delivery_id = folding.delivery_id;

    update ledger.deliveries set state = 'merged' where delivery_id in (select delivery_id from folding);
    update ledger.runs set state = 'merged', finished_at = clock_timestamp() where run = {{ run }};

    -- A sighting of what is merged now: all of its good rows are unchanged.
    insert into ledger.row_accounts
    select
        sighting.delivery_id, account.read, account.blank, account.banner, account.unreadable, account.staged,
        account.quarantined, account.good, account.duplicate, 0, 0, account.good - account.duplicate, 0
    from ledger.deliveries as sighting
    join ledger.row_accounts as account on account.delivery_id = sighting.sighting_of
    join folding on folding.delivery_id = sighting.sighting_of
    where sighting.state = 'sighted'
    on conflict (delivery_id) do nothing;
{% endmacro %}
