{# Deliveries that are not whole: their own table has what was judged for them, and what they carry over stands in those
   before (carried.sql; migration 0024). #}

{# Whatever is carried over by the deliveries that `relation` has is brought into their own tables. #}
{% macro make_whole_sql(relation) -%}
    select judged.make_whole(delivery_id) from {{ relation }}
{%- endmacro %}


{# The deliveries of the fold that are not whole, each with those in which its carried rows stand. #}
{% macro contents_with_carried_rows() %}
    {{ return(run_query(
        "select content_id, array_to_string(judged.bases_of(content_id), ',') as bases from (select distinct content_id"
        " from folding) as every where to_regclass('judged.carried_' || content_id) is not null order by 1"
    ).rows) }}
{% endmacro %}

{# Which of some `ids` a delivery has among its carried rows: (id, content_id). What differs from its base it has not. #}
{% macro carried_ids_sql(id, content, ids) -%}
    select base.id, {{ content.content_id }}
    from ({{ ids }} except select id from judged.difference_{{ content.content_id }}) as asked
    join (
        {%- for one in content.bases.split(',') %}
        select {{ id }} as id, _cells as cells from judged.delivery_{{ one }}
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as base on base.id = asked.id
    join {{ carried(content.content_id) }} as carried on carried.cells = base.cells
{%- endmacro %}
