{# What became of rows in quarantine, by what is in force after a fold. superseded: the earliest later delivery of the feed
   in which the key is good. released: the file's own revision has the key good, or not at all. Both name the delivery
   that settled them, and are open again when it goes out of force. What a person or a replay settled stays. A row that was
   settled by a delivery before all that are folded keeps it, and is not looked at: each day there are more of them. The
   contents are named: by a sub-select of them, every delivery that is still kept would be read. #}
{% macro quarantine_settle(entity, run) %}
    {%- set id = entity ~ '_id' -%}
    {%- set contents = run_query("select coalesce(string_agg(distinct content_id::text, ', '), 'null') from folding").rows[0][0] -%}
    update quarantine.{{ entity }} as held
    set status = 'open', settled_at = null, settled_by = null, settled_why = null, settled_run = null
    from removed
    where held.status in ('superseded', 'released') and held.settled_by = 'delivery ' || removed.delivery_id;

    create temporary table unsettled on commit drop as
    select held.quarantine_id, held.{{ id }} as id, held.feed, held.kind, held.delivery_id,
        before.effective_at as settled_from, d.effective_at, d.state
    from quarantine.{{ entity }} as held
    join ledger.deliveries as d using (delivery_id)
    left join ledger.deliveries as before on held.settled_by = 'delivery ' || before.delivery_id
    where held.status in ('open', 'superseded')
        and exists (
            select from folding
            where folding.feed = held.feed
                and folding.effective_at >= d.effective_at
                and (before.delivery_id is null or folding.effective_at < before.effective_at)
        );
    analyze unsettled;  -- or 10,000 rows may be taken for one, and each compared with a million: minutes

    create temporary table good_there on commit drop as
    select {{ id }} as id, _delivery_id as content_id
    from judged.{{ entity }}
    where _delivery_id in ({{ contents }}) and {{ id }} in (select id from unsettled)
    {%- for content in contents_with_carried_rows() %}
    union all
    {{ carried_ids_sql(id, content, 'select id from unsettled') }}
    {%- endfor %};
    analyze good_there;

    with good as (
        select unsettled.quarantine_id, folding.delivery_id, folding.effective_at
        from unsettled
        join good_there using (id)
        join folding on folding.content_id = good_there.content_id and folding.feed = unsettled.feed
        where folding.effective_at > unsettled.effective_at
            or (folding.effective_at = unsettled.effective_at and unsettled.state = 'superseded')
    ),

    gone as (
        select unsettled.quarantine_id, folding.delivery_id, folding.effective_at
        from unsettled
        join folding on folding.feed = unsettled.feed and folding.effective_at = unsettled.effective_at
        where unsettled.state = 'superseded'
            and folding.mends is null
            and folding.delivery_id <> unsettled.delivery_id
            and not exists (
                select from quarantine.{{ entity }} as still
                where still.delivery_id = folding.content_id and still.{{ id }} = unsettled.id
            )
            and (unsettled.id is not null or not exists (
                select from quarantine.{{ entity }} as still
                where still.delivery_id = folding.content_id and still.{{ id }} is null
            ))
            and not exists (
                select from good_there
                where good_there.content_id = folding.content_id and good_there.id = unsettled.id
            )
    ),

    settled as (
        select distinct on (quarantine_id)
            either.quarantine_id,
            either.delivery_id,
            either.effective_at = unsettled.effective_at as is_released
        from (table good union all table gone) as either
        join unsettled using (quarantine_id)
        where unsettled.settled_from is null or either.effective_at < unsettled.settled_from
        order by quarantine_id, either.effective_at
    )

    update quarantine.{{ entity }} as held
    set
        status = case when is_released then 'released' else 'superseded' end,
        settled_at = clock_timestamp(),
        settled_by = 'delivery ' || settled.delivery_id,
        settled_why = case
            when is_released then 'a mended file for the same time'
            else 'a later delivery brought its key right'
        end,
        settled_run = {{ run }}
    from settled
    where held.quarantine_id = settled.quarantine_id;
{% endmacro %}
