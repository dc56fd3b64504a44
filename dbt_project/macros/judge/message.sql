{# A rule's message for a row: where it says {proposal}, what the mapping found to be near, see `with_proposals`. #}
{% macro told_message(rules, row) -%}
replace({{ rules }}.message, '{proposal}', coalesce((
    select part.value -> 'near' ->> {{ rules }}.column_name
    from jsonb_array_elements({{ row }}._unparsed) as part
    where jsonb_typeof(part.value) = 'object'
), 'nothing'))
{%- endmacro %}
