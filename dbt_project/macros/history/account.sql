{# What each delivery did, as history says it now: for what comes in with this run, and for what was judged again. A
   delivery that does not add up breaks the constraint every_good_row_is_merged. #}
{% macro merge_account_sql(entity, relation, run) %}
    {%- set id = entity ~ '_id' -%}
    insert into ledger.row_accounts
        (delivery_id, read, blank, banner, unreadable, staged, quarantined, good, duplicate)
    select
        folding.delivery_id, content.read, content.blank, content.banner, content.unreadable, content.staged,
        content.quarantined, content.good, content.duplicate
    from folding
    join ledger.row_accounts as content on content.delivery_id = folding.content_id
    where folding.delivery_id <> folding.content_id
    on conflict (delivery_id) do nothing;

    with accounted as (
        select d.delivery_id, coalesce(d.sighting_of, d.delivery_id) as content_id, d.feed, d.effective_at
        from ledger.run_deliveries as r
        join ledger.deliveries as d using (delivery_id)
        join ledger.row_accounts as account using (delivery_id)
        where r.run = {{ run }} and account.opened is null and r.effect <> 'remove'
    ),

    judged as (
        select _delivery_id as content_id, count(*) as rows
        from judged.{{ entity }}
        where _delivery_id = any (array(select content_id from accounted))
        group by 1
    ),

    begun as (
        select
            accounted.delivery_id,
            count(*) filter (where ended.{{ id }} is null) as opened,
            count(ended.{{ id }}) as changed
        from accounted
        join {{ relation }} as version
            on version._feed = accounted.feed
            and version.valid_from = accounted.effective_at
            and version._superseded_in is null
        left join {{ relation }} as ended
            on ended.{{ id }} = version.{{ id }}
            and ended._superseded_in is null
            and ended.valid_to = accounted.effective_at
        group by 1
    ),

    closed as (
        select accounted.delivery_id, count(*) as versions
        from accounted
        join {{ relation }} as version
            on version._feed = accounted.feed
            and version.valid_to = accounted.effective_at
            and version._superseded_in is null
        where not exists (
            select from {{ relation }} as next
            where next.{{ id }} = version.{{ id }}
                and next._superseded_in is null
                and next.valid_from = accounted.effective_at
        )
        group by 1
    )

    update ledger.row_accounts as account
    set
        opened = coalesce(begun.opened, 0),
        changed = coalesce(begun.changed, 0),
        unchanged = coalesce(judged.rows, 0) - coalesce(begun.opened, 0) - coalesce(begun.changed, 0),
        closed = coalesce(closed.versions, 0)
    from accounted
    left join judged using (content_id)
    left join begun using (delivery_id)
    left join closed using (delivery_id)
    where account.delivery_id = accounted.delivery_id;

    update ledger.deliveries as d
    set
        in_history = r.effect = 'add',
        state = case when d.state = 'judged' then 'merged' else d.state end
    from ledger.run_deliveries as r
    where r.run = {{ run }} and r.delivery_id = d.delivery_id and r.effect in ('add', 'remove');

    update ledger.runs set state = 'merged', finished_at = clock_timestamp() where run = {{ run }};
{% endmacro %}
