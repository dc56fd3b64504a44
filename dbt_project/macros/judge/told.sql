{# The offending values of a row by column, as JSON, masked by the column's class and cut: fit to be told. A value that
   could not be parsed is taken as it came, where the vendor's column has the entity's name for it. #}
{% macro told_values(entity, rules, row, raw) -%}
    {%- set named = rules | map(attribute='column_name') | list -%}
jsonb_build_object(
    {%- for column in entity_columns(entity) if column.name in named %}
                '{{ column.name }}', left(coalesce(
                    (select ({{ told_form(column) }})::text from (select {{ row }}.{{ adapter.quote(column.name) }}) as typed),
                    (select {{ told_text(column) }} from (select nullif({{ raw }} ->> '{{ column.name }}', '') as "told") as came)
                ), 200){{ ',' if not loop.last }}
    {%- endfor %}
            )
{%- endmacro %}

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
