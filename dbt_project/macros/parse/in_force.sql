{# A list as it is in force: what is `published` of it; until anything is, the seed that is delivered to it. #}
{% macro in_force(seed, columns) -%}
select {{ columns | join(', ') }} from published
union all
select {{ columns | join(', ') }} from {{ ref(seed) }}
where not exists (select from published)
{%- endmacro %}
