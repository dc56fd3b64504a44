{# One row per number: of each field the value of the most authoritative feed that has one, then the newest. A feed's
   authority is `priority` in its meta: 1 before 2, and 100 where it says nothing. `sources`: which feed each field is from. #}
{% macro published_best(entity) %}
{%- set fields = history_columns(entity) if execute else [] -%}
with ranked as (

    select
        numbered.number,
        current.*,
        row_number() over (
            partition by numbered.number
            order by {{ by_feed(entity, 'current.feed', 'priority', 100) }}, current.valid_from desc, current.feed, current.{{ entity }}_id
        ) as rank

    from {{ ref(entity) }} as current
    join {{ ref(entity ~ '_number') }} as numbered using ({{ entity }}_id)
    where numbered.number is not null

)

select
    number,
    {%- for field in fields %}
    (array_agg({{ adapter.quote(field) }} order by rank) filter (where {{ adapter.quote(field) }} is not null))[1]
        as {{ adapter.quote(field) }},
    {%- endfor %}
    count(*) as rows,
    jsonb_strip_nulls(jsonb_build_object(
        {%- for field in fields %}
        '{{ field }}',
        (array_agg(feed order by rank) filter (where {{ adapter.quote(field) }} is not null))[1]{{ ',' if not loop.last }}
        {%- endfor %}
    )) as sources,
    max(valid_from) as valid_from

from ranked
group by number
{% endmacro %}

