{# All staging models of the vendors that fill an entity, one under the other, in the columns that the
   judged model's YAML declares: a new vendor is found by its folder, see `vars: feeds` in dbt_project.yml. #}
{% macro union_of_feeds(entity) %}
{%- set models = var('feeds').get(entity, []) -%}
{%- for name in models %}
select
    {%- for column in entity_columns(entity) %}
    {{ adapter.quote(column.name) }},
    {%- endfor %}
    _unparsed,
    _delivery_id,
    _row_number,
    _line_number
from {{ ref(name) }}
{{ 'union all' if not loop.last }}
{%- else %}
select null::bigint as _delivery_id where false
{%- endfor %}
{% endmacro %}

{# The declared columns of an entity, from the YAML beside its judged model: name, data_type, class, tracked. #}
{% macro entity_columns(entity) %}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for column in entity_node(entity).columns.values() -%}
            {%- set meta = column.config.meta -%}
            {%- if meta.get('pii') not in pii_classes() -%}
                {%- do exceptions.raise_compiler_error(
                    entity_node(entity).patch_path.split('://')[1] ~ ': column ' ~ column.name
                    ~ (' has no PII class' if not meta.get('pii') else ': there is no PII class ' ~ meta.pii)
                    ~ '; write `config: {meta: {pii: ...}}` with one of ' ~ pii_classes() | join(', ')
                ) -%}
            {%- endif -%}
            {%- do found.append({
                'name': column.name, 'data_type': column.data_type, 'pii': meta.pii, 'tracked': meta.get('tracked', true),
                'region': meta.get('region', entity_node(entity).config.meta.get('region'))
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}

{% macro entity_node(entity) %}
    {{ return(graph.nodes['model.sluice.judged_' ~ entity]) }}
{% endmacro %}

{# The columns that identify a row of the entity within a feed. #}
{% macro entity_key(entity) %}
    {{ return(entity_node(entity).config.meta.key) }}
{% endmacro %}
