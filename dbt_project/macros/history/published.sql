{# What consumers see of an entity: history as of the publication pointer. Moving the pointer is the publish. #}
{% macro published(entity, history=false) %}
select
    dimension.{{ entity }}_id,
    {%- for column in history_columns(entity) %}
    dimension.{{ adapter.quote(column) }},
    {%- endfor %}
    dimension._feed as feed,
    dimension.valid_from,
    dimension.valid_to
from {{ ref('dim_' ~ entity) }} as dimension
join {{ source('ledger', 'pointers') }} as pointer on pointer.entity = '{{ entity }}'
where dimension._recorded_in <= pointer.run
    and (dimension._superseded_in is null or dimension._superseded_in > pointer.run)
    {{- of_entitled_vendors(entity, 'dimension._feed') }}
    {%- if not history %}
    and dimension.valid_to is null
    {%- endif %}
{% endmacro %}
