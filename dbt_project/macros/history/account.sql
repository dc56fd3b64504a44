{# What each delivery did, as history says it now: for what comes in with this run, and for what was judged again. A
   delivery that does not add up breaks the constraint every_good_row_is_merged. #}
{% macro merge_account_sql(entity, relation, run) %}
    {%- set id = entity ~ '_id' -%}
    {%- set mended = has_supplements(entity) -%}
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
        select d.delivery_id, coalesce(d.sighting_of, d.delivery_id) as content_id, d.feed, d.effective_at, d.mends
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

    -- Grouped, not joined: the planner does not know how many versions share a new delivery's time, and joined 5,000
    -- beginnings with 5,000 endings by nested loops.
    bounds as (
        select delivery_id, id, bool_or(begins) as begins, bool_or(ends) as ends
        from (
            select accounted.delivery_id, version.{{ id }} as id, true as begins, false as ends
            from accounted
            join {{ relation }} as version
                on version._feed = accounted.feed
                and version.valid_from = accounted.effective_at
                and version._superseded_in is null
                {%- if mended %}{{ begun_by_itself() }}{% endif %}
            union all
            select accounted.delivery_id, version.{{ id }}, false, true
            from accounted
            join {{ relation }} as version
                on version._feed = accounted.feed
                and version.valid_to = accounted.effective_at
                and version._superseded_in is null
                {%- if mended %}{{ ended_by_itself(entity, relation) }}{% endif %}
        ) as either
        group by 1, 2
    ),

    effects as (
        select
            delivery_id,
            count(*) filter (where begins and not ends) as opened,
            count(*) filter (where begins and ends) as changed,
            count(*) filter (where ends and not begins) as closed
        from bounds
        group by 1
    )

    update ledger.row_accounts as account
    set
        opened = coalesce(effects.opened, 0),
        changed = coalesce(effects.changed, 0),
        unchanged = coalesce(judged.rows, 0) - coalesce(effects.opened, 0) - coalesce(effects.changed, 0),
        closed = coalesce(effects.closed, 0)
    from accounted
    left join judged using (content_id)
    left join effects using (delivery_id)
    where account.delivery_id = accounted.delivery_id;

    update ledger.deliveries as d
    set
        in_history = r.effect = 'add',
        judge_again = false,
        state = case when d.state = 'judged' then 'merged' else d.state end
    from ledger.run_deliveries as r
    where r.run = {{ run }} and r.delivery_id = d.delivery_id and r.effect in ('add', 'remove');

    update ledger.runs set state = 'merged', finished_at = clock_timestamp() where run = {{ run }};
{% endmacro %}
