{# One row per value that a field of a row ever had, as published: when it was first and last seen, and in which deliveries.
   A full delivery sees every row that it does not close; a delta sees the rows that it holds. #}
{% macro published_facts(entity) %}
with versions as (

    select dimension.*

    from {{ ref('dim_' ~ entity) }} as dimension
    join {{ source('ledger', 'pointers') }} as pointer on pointer.entity = '{{ entity }}'
    where dimension._recorded_in <= pointer.run
        and (dimension._superseded_in is null or dimension._superseded_in > pointer.run)
        {{- of_entitled_vendors(entity, 'dimension._feed') }}

),

facts as (

    select
        versions.{{ entity }}_id,
        versions._feed,
        versions._delivery_id,
        versions.valid_from,
        versions.valid_to,
        fact.field,
        fact.value

    from versions
    cross join lateral (
        values
        {%- for field in history_columns(entity) if execute %}
        ('{{ field }}', versions.{{ adapter.quote(field) }}::text){{ ',' if not loop.last }}
        {%- endfor %}
        {%- if not execute %} (null, null) {%- endif %}
    ) as fact (field, value)
    where fact.value is not null

),

seen as (

    select
        facts.*,
        delivery.delivery_id,
        case when delivery.delivery_id = facts._delivery_id then facts.valid_from else delivery.effective_at end
            as effective_at

    from facts
    join {{ source('ledger', 'deliveries') }} as delivery
        on delivery.feed = facts._feed
        and delivery.in_history
        and (
            delivery.delivery_id = facts._delivery_id
            or (
                delivery.mode = 'full'
                and delivery.effective_at >= facts.valid_from
                and (facts.valid_to is null or delivery.effective_at < facts.valid_to)
            )
        )

)

select
    {{ entity }}_id,
    field,
    value,
    _feed as feed,
    min(effective_at) as first_seen,
    max(effective_at) as last_seen,
    jsonb_agg(distinct delivery_id) as deliveries

from seen
group by {{ entity }}_id, field, value, _feed
{% endmacro %}
