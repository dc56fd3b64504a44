{# One row per natural key, whichever feeds speak of it: of each field the value of the feed with the most authority that has
   one (`priority` in its meta, 1 before 2), then the newest. `sources`: which feed each field is from. #}
{% macro published_best_by_key(entity) %}
{%- set key = entity_key(entity) if execute else [] -%}
{%- set fields = history_columns(entity) | reject('in', key) | list if execute else [] -%}
with priorities (feed, priority) as (

    values
    {%- for feed in feeds_of(entity) %}
    ('{{ feed.source_name }}.{{ feed.name }}', {{ feed.config.meta.get('priority', 100) | int }}),
    {%- endfor %}
    (null, null)

),

ranked as (

    select
        current.*,
        row_number() over (
            partition by {{ quoted_columns(key) | join(', ') or 'null' }}
            order by priorities.priority, current.valid_from desc, current.feed, current.{{ entity }}_id
        ) as rank

    from {{ ref(entity) }} as current
    join priorities on priorities.feed = current.feed

)

select
    {%- for column in key + fields %}
    {%- if column in key %}
    {{ adapter.quote(column) }},
    {%- else %}
    (array_agg({{ adapter.quote(column) }} order by rank) filter (where {{ adapter.quote(column) }} is not null))[1]
        as {{ adapter.quote(column) }},
    {%- endif %}
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
group by {{ quoted_columns(key) | join(', ') or '1' }}
{% endmacro %}
