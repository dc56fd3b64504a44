{# Which number each published row has, through merges: `number` is what stands today, `own_number` what was minted for its
   reference. A row of a retired number, or of none, is here all the same and says so. #}
{% macro published_number(entity) %}
{%- set meta = entity_meta(entity) -%}
select
    current.{{ entity }}_id,
    current.{{ adapter.quote(meta.numbers.organisation) }}::text as organisation,
    current.{{ adapter.quote(meta.numbers.reference) }}::text as reference,
    current.feed,
    resolved.number,
    resolved.own_number,
    case resolved.status when 200 then 'numbered' when 301 then 'merged' when 410 then 'retired' else 'unnumbered' end
        as number_state
from {{ ref(entity) }} as current
left join {{ source('reference', 'resolved_numbers') }} as resolved
    on resolved.entity = '{{ entity }}'
    and resolved.organisation = current.{{ adapter.quote(meta.numbers.organisation) }}::text
    and resolved.reference = current.{{ adapter.quote(meta.numbers.reference) }}::text
{% endmacro %}


{% macro entity_meta(entity) %}
    {%- set none_yet = {'numbers': {'organisation': '', 'reference': ''}} -%}
    {{ return(entity_node(entity).config.meta if execute else none_yet) }}
{% endmacro %}
