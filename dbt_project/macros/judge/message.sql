{# A rule's message for a row: where it says {proposal}, what the mapping found to be near, see `with_proposals`. `rules` are
   those of `rules_of_run`, which has the message without a proposal ready: made for each row it took half of the telling. #}
{% macro told_message(rules, row) -%}
coalesce(
    case when {{ rules }}.message <> {{ rules }}.plain_message then replace({{ rules }}.message, '{proposal}', (
        select part.value -> 'near' ->> {{ rules }}.column_name
        from jsonb_array_elements({{ row }}._unparsed) as part
        where jsonb_typeof(part.value) = 'object'
    )) end,
    {{ rules }}.plain_message
)
{%- endmacro %}

{# A rule's message where nothing is near: without the sentence that would say what is. #}
{% macro without_proposal(rules) -%}
replace(
    coalesce(
        nullif(ltrim(regexp_replace({{ rules }}.message, '(^|(?<=[.!?])\s+)(?:[^.!?]|[.!?](?!\s))*\{proposal\}[^.!?]*[.!?]?', '')), ''),
        {{ rules }}.message
    ), '{proposal}', 'none'
)
{%- endmacro %}
