{# Mended files in the fold. A supplement (`mends`) is folded after the delivery that it mends, at the same effective
   time: what it says of a key counts there, and a key that it holds is not absent from what it mends. A run
   without supplements runs none of this. #}

{% macro has_supplements(entity) %}
    {{ return(run_query(
        "select exists (select from ledger.deliveries where entity = '" ~ entity ~ "' and mends is not null)"
    ).rows[0][0]) }}
{% endmacro %}

{# Of two observations of a key at one time the later delivery's counts. #}
{% macro not_said_again(entity) %}
    {%- set id = entity ~ '_id' -%}
            and not exists (
                select
                from folding as mended
                join judged.{{ entity }} as again on again._delivery_id = mended.content_id
                where mended.mends is not null
                    and mended.feed = folding.feed
                    and mended.effective_at = folding.effective_at
                    and mended.seq > folding.seq
                    and again.{{ id }} = judged.{{ id }}
                    and again._delivery_id = any (array(select content_id from folding where mends is not null))
            )
{% endmacro %}

{# The key stands in a file that mends this delivery, or an earlier one with the same content. #}
{% macro not_mended(entity) %}
                and not exists (
                    select
                    from folding as mended
                    join judged.{{ entity }} as again on again._delivery_id = mended.content_id
                    where mended.mended_sha256 = folding.sha256
                        and mended.feed = folding.feed
                        and mended.effective_at <= folding.effective_at
                        and again.{{ entity }}_id = neighbours.id
                        and again._delivery_id = any (array(select content_id from folding where mends is not null))
                )
{% endmacro %}

{# A supplement that goes may have kept any key of its feed from being absent: those alive at its time are looked at. #}
{% macro alive_when_mended(entity, relation) %}
    union
    select version.{{ entity }}_id
    from {{ relation }} as version
    join removed
        on removed.mends is not null
        and removed.feed = version._feed
        and version.valid_from <= removed.effective_at
        and (version.valid_to is null or version.valid_to >= removed.effective_at)
    where version._superseded_in is null
{% endmacro %}

{# At one time of one feed: what begins with a row of a supplement is that one's doing, all else the usual delivery's. #}
{% macro begun_by_itself() %}
                and case
                    when accounted.mends is not null then version._delivery_id = accounted.delivery_id
                    else not exists (
                        select from ledger.deliveries as mended
                        where mended.mends is not null and mended.delivery_id = version._delivery_id
                    )
                end
{% endmacro %}

{% macro ended_by_itself(entity, relation) %}
                and coalesce(
                    (
                        select
                            case
                                when accounted.mends is not null then begun._delivery_id = accounted.delivery_id
                                else not exists (
                                    select from ledger.deliveries as mended
                                    where mended.mends is not null and mended.delivery_id = begun._delivery_id
                                )
                            end
                        from {{ relation }} as begun
                        where begun.{{ entity }}_id = version.{{ entity }}_id
                            and begun.valid_from = version.valid_to
                            and begun._superseded_in is null
                    ),
                    accounted.mends is null
                )
{% endmacro %}

{# Rows that their owner mended are released; what was sent again and is still bad is superseded by the row that says so,
   and open there. A mended file says which row each of its rows stands for; where it does not, the key does. Both are
   open again when the file goes out of force, see quarantine_settle. #}
{% macro quarantine_release(entity, run) %}
    {%- set id = entity ~ '_id' -%}
    with attempts as (
        select
            held.quarantine_id,
            folding.delivery_id,
            exists (
                select from quarantine.{{ entity }} as again
                where again.delivery_id = mended.delivery_id
                    and again.row_number = mended.row_number
                    and again.status <> 'replayed'
            ) as is_bad
        from folding
        join ledger.mended_rows as mended on mended.delivery_id = folding.delivery_id
        join quarantine.{{ entity }} as held
            on held.delivery_id = mended.mended_delivery
            and held.row_number = mended.mended_row
        where folding.mends is not null and held.status = 'open'
        union all
        select held.quarantine_id, folding.delivery_id, false
        from folding
        join quarantine.{{ entity }} as held on held.delivery_id = folding.mends and held.status = 'open'
        join judged.{{ entity }} as judged
            on judged._delivery_id = folding.content_id
            and judged.{{ id }} = held.{{ id }}
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
