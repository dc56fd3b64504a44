{# What each delivery did, as history says it now: of those that come in; of those that were merged before and are
   followed by a late one, as it is now; and of those that were judged again. A delivery that does not add up breaks the
   constraint every_good_row_is_merged. #}
{% macro merge_account_sql(entity, relation, run, loaded) %}
    {%- set id = entity ~ '_id' -%}
    insert into ledger.row_accounts
        (delivery_id, read, blank, banner, unreadable, staged, skipped, quarantined, good, duplicate)
    select
        folding.delivery_id, content.read, content.blank, content.banner, content.unreadable, content.staged,
        content.skipped, content.quarantined, content.good, content.duplicate
    from folding
    join ledger.row_accounts as content on content.delivery_id = folding.content_id
    where folding.delivery_id <> folding.content_id
    on conflict (delivery_id) do nothing;

    {% call tell_effect() %}
        select
            folding.delivery_id,
            coalesce(sum(before.opened), 0) + coalesce(sum(change.opened), 0) as opened,
            coalesce(sum(before.changed), 0) + coalesce(sum(change.changed), 0) as changed,
            coalesce(sum(before.closed), 0) + coalesce(sum(change.closed), 0) as closed
        from folding
        left join (select delivery_id, sum(opened) as opened, sum(changed) as changed, sum(closed) as closed
            from effects group by 1) as change using (delivery_id)
        left join ledger.row_accounts as before
            on before.delivery_id = folding.delivery_id and folding.effect = 'context'
        where folding.effect = 'add' or (before.opened is not null and change.delivery_id is not null)
        group by 1
    {%- endcall %}
    {% for delivery in judged_again(run) %}
    {{ effect_of_own_times_sql(entity, relation, delivery) if delivery.has_row_times
        else whole_effect_sql(entity, relation, delivery) }}
    {%- endfor %}

    update ledger.deliveries as d
    set
        in_history = r.effect = 'add',
        judge_again = false,
        state = case when d.state = 'judged' then 'merged' else d.state end
    from ledger.run_deliveries as r
    where r.run = {{ run }} and r.delivery_id = d.delivery_id and r.effect in ('add', 'remove');

    update ledger.runs as r
    set
        state = 'merged',
        finished_at = clock_timestamp(),
        open_rows = before.open_rows + {{ loaded }}
            + (select count(*) from writing where valid_to is null) - (select count(*) from gone where is_open)
    from (
        select case when count(*) = 0 then 0 else (array_agg(open_rows order by run desc))[1] end as open_rows
        from ledger.runs
        where entity = '{{ entity }}' and state = 'merged'
    ) as before
    where r.run = {{ run }};
{% endmacro %}


{# Merged before, and judged again because their rows were gone, or seen again since: their accounts are empty. #}
{% macro judged_again(run) %}
    {{ return(run_query(
        "select d.delivery_id, d.feed, d.effective_at::text as at, d.mends, span.has_row_times"
        " from ledger.run_deliveries as r join ledger.deliveries as d using (delivery_id)"
        " join ledger.spans as span using (delivery_id) left join ledger.row_accounts as account using (delivery_id)"
        " where r.run = " ~ run ~ " and r.effect in ('context', 'content') and d.in_history"
        " and d.state in ('merged', 'sighted') and account.opened is null"
        " and (account.good is not null or d.sighting_of is not null) order by 1"
    ).rows) }}
{% endmacro %}


{# All that begins or ends at a delivery's time. What begins with a row of a mended file is that one's doing, all else the
   usual delivery's. #}
{% macro whole_effect_sql(entity, relation, delivery) %}
    {%- set id = entity ~ '_id' %}
    {% call tell_effect() %}
        select
            {{ delivery.delivery_id }} as delivery_id,
            count(*) filter (where is_own and not ends) as opened,
            count(*) filter (where is_own and ends) as changed,
            {{ '0' if delivery.mends else 'count(*) filter (where ends and not begins)' }} as closed
        from (
            select id, bool_or(begins) as begins, bool_or(begins and is_own) as is_own, bool_or(not begins) as ends
            from (
                select
                    {{ id }} as id,
                    true as begins,
                    {% if delivery.mends -%}
                    _delivery_id = {{ delivery.delivery_id }} as is_own
                    {%- else -%}
                    _delivery_id not in (
                        select delivery_id from ledger.deliveries where feed = '{{ delivery.feed }}' and mends is not null
                    ) as is_own
                    {%- endif %}
                from {{ relation }}
                where _feed = '{{ delivery.feed }}' and valid_from = '{{ delivery.at }}' and _superseded_in is null
                union all
                select {{ id }}, false, false
                from {{ relation }}
                where _feed = '{{ delivery.feed }}' and valid_to = '{{ delivery.at }}' and _superseded_in is null
            ) as bounds
            group by id
        ) as keys
    {%- endcall %}
{% endmacro %}


{# Of a delivery whose rows have times of their own: the versions say whose doing they are. #}
{% macro effect_of_own_times_sql(entity, relation, delivery) %}
    {%- set id = entity ~ '_id' %}
    {% call tell_effect() %}
        select
            {{ delivery.delivery_id }} as delivery_id,
            count(*) filter (where not is_change) as opened,
            count(*) filter (where is_change) as changed,
            0 as closed
        from {{ relation }} as version
        cross join lateral (
            select exists (
                select from {{ relation }} as before
                where before.{{ id }} = version.{{ id }} and before._superseded_in is null
                    and before.valid_to = version.valid_from
            ) as is_change
        ) as follows
        where version._delivery_id = {{ delivery.delivery_id }} and version._superseded_in is null
    {%- endcall %}
{% endmacro %}


{# Writes into the accounts what a query says of deliveries: (delivery_id, opened, changed, closed). #}
{% macro tell_effect() %}
    update ledger.row_accounts as account
    set
        opened = effect.opened,
        changed = effect.changed,
        unchanged = account.good - account.duplicate - effect.opened - effect.changed,
        closed = effect.closed
    from (
        {{- caller() }}
    ) as effect
    where account.delivery_id = effect.delivery_id;
{% endmacro %}
