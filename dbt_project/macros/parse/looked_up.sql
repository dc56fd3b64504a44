{# Values that are looked up in a list: exactly, by a declared spelling, else named in `_unparsed` with the nearest one as a
   proposal, never guessed. The lists are seeds; a join on an equal spelling is hashed once, however many rows there are. #}

{# The row of a closed list (seed category_values) that a cell stands for, to be joined: `<alias>.code`. #}
{% macro join_category(alias, category, cell) -%}
left join {{ ref('known_category_values') }} as {{ alias }}
        on {{ alias }}.category = '{{ category }}' and {{ alias }}.spelling = lower({{ cell }})
{%- endmacro %}

{# The code of a joined category; of a cell that was cut short, at least eight characters that begin one code only. #}
{% macro category_code(alias, category, cell) -%}
coalesce({{ alias }}.code, case when {{ alias }}.code is null and length({{ cell }}) >= 8 then (
        select min(list.code)
        from {{ ref('known_category_values') }} as list
        where list.category = '{{ category }}' and starts_with(list.spelling, lower({{ cell }}))
        having count(distinct list.code) = 1
    ) end)
{%- endmacro %}

{# The code whose spelling is nearest to a cell that stands for none. #}
{% macro category_near(category, cell, code) -%}
case when {{ code }} is null and {{ cell }} is not null then {{ nearest(
        cell, ref('known_category_values'), 'spelling', "list.category = '" ~ category ~ "'", gives='code'
    ) }} end
{%- endmacro %}

{# The organisation that a cell names, by identifier, name, or address of which the last part counts, to be joined:
   `<alias>.organisation`. #}
{% macro join_organisation(alias, cell) -%}
left join {{ ref('known_organisation_spellings') }} as {{ alias }} on {{ alias }}.spelling = {{ organisation_spelling(cell) }}
{%- endmacro %}

{% macro organisation_spelling(cell) -%} lower(substring({{ cell }} from '([^/]+)/*$')) {%- endmacro %}

{# The organisation whose spelling is nearest to a cell that names none. #}
{% macro organisation_near(cell, organisation) -%}
case when {{ organisation }} is null and {{ cell }} is not null then {{ nearest(
        organisation_spelling(cell), ref('known_organisation_spellings'), 'spelling', gives='organisation'
    ) }} end
{%- endmacro %}
