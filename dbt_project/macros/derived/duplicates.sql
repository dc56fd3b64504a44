{# Which rows of an entity are one, by the key and the winner that its judged model declares (`meta: duplicates`): of the
   rows that agree in `key` the first by `winner` stands for all. `priority` among these is that of the feed. It is a
   function of what is published, so a winner that goes leaves its place to the next one. A row without a part of its key
   is nobody's duplicate. #}
{% macro cross_source_duplicates(entity) %}
{%- set rule = entity_node(entity).config.meta.duplicates if execute else {'key': ['1'], 'winner': ['1']} -%}
{%- set id = entity ~ '_id' -%}
select
    {{ id }},
    first_value({{ id }}) over agreeing as stands_for,
    count(*) over (partition by {{ same(rule.key, id) }}) as sources

from {{ ref(entity) }}
window agreeing as (
    partition by {{ same(rule.key, id) }}
    order by
        {%- for term in rule.winner %}
        {{ by_feed(entity, 'feed', 'priority', 100) if term == 'priority' else winner_term(term) }},
        {%- endfor %}
        feed, {{ id }}
)
{% endmacro %}

{% macro same(key, id) -%}
{{ key | join(', ') }}, case when num_nulls({{ key | join(', ') }}) > 0 then {{ id }} end
{%- endmacro %}

{% macro winner_term(term) -%}
{{ term }}{{ ' nulls last' if term.endswith(' desc') }}
{%- endmacro %}
