{# What the feeds of an entity declare, by their key: a `case` over the column that holds it. #}
{% macro by_feed(entity, feed, attribute, default) -%}
{%- set otherwise = default if default is number else "'" ~ default ~ "'" -%}
case
    {%- for source in feeds_of(entity) if source.config.meta.get(attribute) is not none %}
    when {{ feed }} = '{{ source.source_name }}.{{ source.name }}' then
        {%- set value = source.config.meta[attribute] %} {{ value if value is number else "'" ~ value ~ "'" }}
    {%- endfor %}
    when true then {{ otherwise }}
end
{%- endmacro %}

{# The sources that fill an entity. #}
{% macro feeds_of(entity) %}
    {{ return(
        graph.sources.values() | selectattr('config.meta.entity', 'defined')
            | selectattr('config.meta.entity', 'equalto', entity) | list if execute else []
    ) }}
{% endmacro %}

{# A moment as a day where the feed is. #}
{% macro local_day(entity, moment, feed) -%}
({{ moment }} at time zone {{ by_feed(entity, feed, 'timezone', 'UTC') }})::date
{%- endmacro %}

{# The last day that an entity's deliveries speak of, as of what is published: of an entity that was rolled back,
   deliveries that came after its publication do not count. #}
{% macro observed_until(entity) -%}
select max(d.effective_date) as day
from {{ source('ledger', 'deliveries') }} as d
join {{ source('ledger', 'pointers') }} as pointer using (entity)
where d.entity = '{{ entity }}'
    and d.state in ('merged', 'sighted')
    and (
        not pointer.held
        or d.received_at <= (
            select min(p.published_at) from {{ source('ledger', 'publications') }} as p
            where p.entity = pointer.entity and p.run = pointer.run
        )
    )
{%- endmacro %}
