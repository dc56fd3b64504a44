{# The offending value of a row, in the column that a rule names, masked by its class and cut: fit to be told. What cannot
   be told of the typed value is told of the cells behind it. Neither is looked for before it is needed: of 10,000 rows
   the values of all columns took 0.3 s. In a row whose columns are shifted an e-mail stands in any of them: what is told is
   told as a free text is, but for ten bare digits, which are as often a reference number. #}
{% macro told_value(entity, rules, row, raw, delivery) -%}
(select left({{ redacted('value', free_text_patterns()[:-1]) }}, 200) from (select coalesce(
                {%- if told_columns(entity, rules) %}
                case rules.column_name
                    {%- for column in told_columns(entity, rules) %}
                    when '{{ column.name }}' then (
                        select ({{ told_form(column) }})::text from (select {{ row }}.{{ adapter.quote(column.name) }}) as typed
                    )
                    {%- endfor %}
                end,
                {%- endif %}
                {{ value_behind(entity, 'rules', raw, delivery) }}
            ) as value) as told)
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
