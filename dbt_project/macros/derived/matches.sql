{# Which rows of two entities are one, by tokens: one row per pair, with the rule that found it. `rules` are asked in their
   order, and a later one only where none before it found anything for the first entity's row. A rule names a class, not
   columns: the tokens held against each other are those of all columns of that class, so that a number is never held
   against a name. (A token also begins with its class.) `and` is what else must agree, `among` narrows the other entity. #}
{% macro token_matches(one, other, rules, among='true') %}
with

{% for rule in rules -%}
found_{{ loop.index }} as (

    select
        one.{{ one }}_id,
        other.{{ other }}_id,
        '{{ rule.rule }}' as rule,
        {{ loop.index }} as place,
        one_token.column_name as {{ one }}_column,
        other_token.column_name as {{ other }}_column

    from ({{ tokens_of(one, rule.class) }}) as one_token
    join ({{ tokens_of(other, rule.class) }}) as other_token on other_token.token = one_token.token
    join {{ ref(one) }} as one on one.{{ one }}_id = one_token.id
    join {{ ref(other) }} as other on other.{{ other }}_id = other_token.id
    where {{ among }} and {{ rule.get('and', 'true') }}

),

{% endfor -%}
found as (

    {% for rule in rules -%}
    select * from found_{{ loop.index }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

pairs as (

    select distinct on ({{ one }}_id, {{ other }}_id) *
    from found
    order by {{ one }}_id, {{ other }}_id, place, {{ one }}_column, {{ other }}_column

),

first_rule as (

    select pairs.*, min(place) over (partition by {{ one }}_id) as first_place
    from pairs

)

select
    {{ one }}_id,
    {{ other }}_id,
    rule,
    {{ one }}_column,
    {{ other }}_column,
    count(*) over (partition by {{ one }}_id) as {{ other }}s

from first_rule
where place = first_place
{% endmacro %}

{# The tokens of all columns of a class, one row each: id, column_name, token. #}
{% macro tokens_of(entity, pii) %}
    {%- if pii not in pii_classes() or not has_token({'pii': pii}) -%}
        {%- do exceptions.raise_compiler_error('rows cannot be matched by the class ' ~ pii ~ ': it has no tokens') -%}
    {%- endif -%}
    {%- set columns = entity_columns(entity) | selectattr('pii', 'equalto', pii) | map(attribute='name') | list -%}
    select subject.{{ entity }}_id as id, of_class.column_name, of_class.token
    from {{ ref(entity) }} as subject
    cross join lateral (
        values
        {%- for column in columns %}
        ('{{ column }}', subject.{{ column }}_token){{ ',' if not loop.last }}
        {%- else %}
        (null::text, null::text)
        {%- endfor %}
    ) as of_class (column_name, token)
    where of_class.token is not null
{% endmacro %}
