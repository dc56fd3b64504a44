{# Mended files in the fold. A supplement (`mends`) is folded after the delivery that it mends, at the same effective
   time: what it says of a key counts there, and a key that it holds is not absent from what it mends. A feed without
   supplements has none of this in its statements. #}

{# Of two observations of a key at one time the later delivery's counts. #}
{% macro not_said_again(feed, delivery, id) %}
    {%- for mended in feed.mended if mended.at == delivery.at and mended.seq > delivery.seq %}
    {{ 'where' if loop.first else 'and' }} not exists (
        select from judged.delivery_{{ mended.content_id }} as again where again.{{ id }} = told.{{ id }}
    )
    {%- endfor %}
{% endmacro %}

{# The key stands in a file that mends this delivery, or an earlier one with the same content. #}
{% macro not_mended(entity, feed) %}
    {%- for mended in feed.mended %}
                    and not (
                        folding.sha256 = '{{ mended.mended_sha256 }}'
                        and folding.effective_at >= '{{ mended.at }}'
                        and exists (
                            select from judged.delivery_{{ mended.content_id }} as again
                            where again.{{ entity }}_id = neighbours.id
                        )
                    )
    {%- endfor %}
{% endmacro %}

{# A supplement that goes may have kept any key of its feed from being absent: those alive at its time are looked at. #}
{% macro alive_when_mended(relation, id, feed, at) %}
    select {{ id }} as id
    from {{ relation }}
    where _superseded_in is null and _feed = '{{ feed }}'
        and valid_from <= '{{ at }}' and (valid_to is null or valid_to >= '{{ at }}')
{% endmacro %}

{% macro has_supplements(entity) %}
    {{ return(run_query(
        "select exists (select from ledger.deliveries where entity = '" ~ entity ~ "' and mends is not null)"
    ).rows[0][0]) }}
{% endmacro %}

{# Rows that their owner mended are released, though a later file has their key right too; what was sent again and is still
   bad is superseded by the row that says so, and open there. A mended file says which row each of its rows stands for;
   where it does not, the key does (and its own time, where rows have such). What an earlier mended file had wrong of the
   same row is settled with it. All are open again when the file goes out of force, see quarantine_settle. #}
{% macro quarantine_release(entity, run) %}
    {%- set id = entity ~ '_id' -%}
    with sent as (
        select
            mended.*,
            exists (
                select from quarantine.{{ entity }} as again
                where again.delivery_id = mended.delivery_id
                    and again.row_number = mended.row_number
                    and again.status <> 'replayed'
            ) as is_bad
        from folding
        join ledger.mended_rows as mended on mended.delivery_id = folding.delivery_id
        where folding.mends is not null
    ),

    attempts as (
        select held.quarantine_id, sent.delivery_id, sent.is_bad
        from sent
        join quarantine.{{ entity }} as held
            on held.delivery_id = sent.mended_delivery and held.row_number = sent.mended_row
        where held.status = 'open' or (held.status = 'superseded' and not sent.is_bad)
        union all
        select held.quarantine_id, sent.delivery_id, sent.is_bad
        from sent
        join sent as earlier using (mended_delivery, mended_row)
        join quarantine.{{ entity }} as held
            on held.delivery_id = earlier.delivery_id and held.row_number = earlier.row_number
        where earlier.delivery_id < sent.delivery_id
            and (held.status = 'open' or (held.status = 'superseded' and not sent.is_bad))
        union all
        select held.quarantine_id, folding.delivery_id, false
        from folding
        join quarantine.{{ entity }} as held
            on held.delivery_id = folding.mends and held.status in ('open', 'superseded')
        join judged.{{ entity }} as judged
            on judged._delivery_id = folding.content_id
            and judged.{{ id }} = held.{{ id }}
            {%- if has_row_times(entity) %}
            and coalesce(judged._effective_at = {{ own_time_of_held(entity, 'held') }}, true)
            {%- endif %}
        where judged._delivery_id = any (array(select content_id from folding where mends is not null))
    ),

    settled as (
        select distinct on (quarantine_id) quarantine_id, delivery_id, is_bad
        from attempts
        order by quarantine_id, is_bad, delivery_id
    )

    update quarantine.{{ entity }} as held
    set
        status = case when is_bad then 'superseded' else 'released' end,
        settled_at = clock_timestamp(),
        settled_by = 'delivery ' || settled.delivery_id,
        settled_why = case when is_bad then 'sent again, and not yet right: see there' else 'its owner mended it' end,
        settled_run = {{ run }}
    from settled
    where held.quarantine_id = settled.quarantine_id;
{% endmacro %}
