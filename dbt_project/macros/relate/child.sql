{# Parents and children. An entity whose judged model says `parent: {entity: ..., 'on': [columns]}` is shown where its
   parent is, and while it is: a pure function of both histories, so that it does not matter which came first. #}

{# What consumers see of a child: each of its versions, cut to the times in which its parent was published. #}
{% macro published_child(entity, history=false) %}
{%- set parent = parent_of(entity) -%}
{%- if history %}{{ config(post_hook='{{ child_as_of_functions("' ~ entity ~ '") }}') }}{% endif -%}
with

children as (

    {{ published(entity, history) | indent(4) }}

),

parents as (

    select * from {{ ref(parent.entity ~ '_history') }}

)

{{ cut_to_parents(entity, parent, history) }}
{% endmacro %}


{# The rows of the CTE `children` in the times of the CTE `parents`. A parent is there when any of its feeds says so. #}
{% macro cut_to_parents(entity, parent, history=true) %}
select
    children.{{ entity }}_id,
    {%- for column in history_columns(entity) %}
    children.{{ adapter.quote(column) }},
    {%- endfor %}
    children.feed,
    lower(piece) as valid_from,
    upper(piece) as valid_to
from children
join (
    select
        {{ quoted_columns(parent.on) | join(', ') }},
        range_agg(tstzrange(valid_from, valid_to)) as present
    from parents
    group by {{ quoted_columns(parent.on) | join(', ') }}
) as times using ({{ quoted_columns(parent.on) | join(', ') }})
cross join lateral unnest(tstzmultirange(tstzrange(children.valid_from, children.valid_to)) * times.present) as piece
{%- if not history %}
where upper_inf(piece)
{%- endif %}
{% endmacro %}


{# The open rows of a child that are held back, with why. They are good: nothing is wrong with them but their parent. #}
{% macro published_orphan(entity) %}
{%- set parent = parent_of(entity) -%}
{%- set grandparent = parent_of(parent.entity) -%}
{%- set key = entity_key(entity) if execute else [] -%}
with

children as (

    {{ published(entity) | indent(4) }}

)

select
    children.{{ entity }}_id,
    {%- for column in key %}
    children.{{ adapter.quote(column) }},
    {%- endfor %}
    children.feed,
    children.valid_from,
    case
        {%- if grandparent.entity %}
        when exists (
            select from {{ ref(parent.entity ~ '_orphan') }} as held where {{ same_values('held', 'children', parent.on) }}
        ) then 'parent_held_back'
        {%- endif %}
        when exists (
            select from {{ ref(parent.entity ~ '_history') }} as past where {{ same_values('past', 'children', parent.on) }}
        ) then 'parent_closed'
        else 'parent_missing'
    end as reason
from children
where not exists (
    select from {{ ref(parent.entity) }} as parents where {{ same_values('parents', 'children', parent.on) }}
)
{% endmacro %}


{# The bitemporal functions of a child (see as_of_function) in the place of those that know no parent. #}
{% macro child_as_of_functions(entity) %}
    {%- set parent = parent_of(entity) %}
    create or replace function published.{{ entity }}_history_known_at(known_at timestamptz)
    returns setof published.{{ entity }}_history
    language sql stable security definer set search_path = pg_catalog, pg_temp
    as $$
        with children as (
            select dimension.*, dimension._feed as feed
            from history.dim_{{ entity }} as dimension,
                (select ledger.run_known_at('{{ entity }}', known_at) as run) as published
            where dimension._recorded_in <= published.run
                and (dimension._superseded_in is null or dimension._superseded_in > published.run)
                {{- of_entitled_vendors(entity, 'dimension._feed') }}
        ),
        parents as (select * from published.{{ parent.entity }}_history_known_at(known_at))
        {{ cut_to_parents(entity, parent) }}
    $$;
{% endmacro %}


{# {entity, on} of an entity's parent; without one its entity is none. `sluice` tells dbt, as it does with the feeds: what
   a model refers to has to be known before the models' YAML can be looked at. #}
{% macro parent_of(entity) %}
    {{ return(var('parents').get(entity, {'entity': none, 'on': []})) }}
{% endmacro %}

{% macro quoted_columns(columns) %}
    {%- set found = [] -%}
    {%- for column in columns %}{% do found.append(adapter.quote(column)) %}{% endfor -%}
    {{ return(found) }}
{% endmacro %}

{% macro same_values(one, other, columns) -%}
    {%- for column in columns -%}
    {{ one }}.{{ adapter.quote(column) }} = {{ other }}.{{ adapter.quote(column) }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
