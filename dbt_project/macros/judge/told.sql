{# The offending values of a row by column, as JSON, masked by the column's class and cut: fit to be told. #}
{% macro told_values(entity, rules, row) -%}
jsonb_build_object(
    {%- for column in told_columns(entity, rules) %}
                '{{ column.name }}', left(
                    (select ({{ told_form(column) }})::text from (select {{ row }}.{{ adapter.quote(column.name) }}) as typed),
                    200
                ){{ ',' if not loop.last }}
    {%- endfor %}
            )
{%- endmacro %}

{# The entity's columns that rules name. #}
{% macro told_columns(entity, rules) %}
    {{ return(entity_columns(entity) | selectattr('name', 'in', rules | map(attribute='column_name') | list) | list) }}
{% endmacro %}

{# As history would show it; a value that its class's form cannot take is hidden. #}
{% macro told_form(column) -%}
    {%- if column.pii == 'ip' -%}
    case when pg_input_is_valid({{ adapter.quote(column.name) }}::text, 'inet') then {{ masked_form(column) }} else '***' end
    {%- else -%} {{ masked_form(column) }}
    {%- endif -%}
{%- endmacro %}

{% macro told_text(column) -%}
    {%- if column.pii in ('date_of_birth', 'ip') -%} case when "told" is not null then '***' end
    {%- else -%} {{ masked_form({'name': 'told', 'pii': column.pii}) }}
    {%- endif -%}
{%- endmacro %}
