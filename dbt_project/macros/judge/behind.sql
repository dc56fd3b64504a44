{# behind: the vendor's cells on which the columns stand that rules name, by what they are called in the file: a value that
   could not be parsed is told as it came. The mapping is asked (staging.cells_behind) with rows of four kinds at most,
   of the first 1,000 that are `wanted`: 25 ms. A cell is masked by its own class, or by that of the column that is made of it. #}
{% macro find_cells_behind(entity, judged, wanted, rules, delivery) %}
    {%- set feed = source_of(delivery.feed) -%}
        drop table if exists pg_temp.behind;
        create temporary table behind on commit drop as
        with classes (cell, pii) as (
            values
            {%- for column in feed.columns.values() %}
            ('{{ column.name }}', '{{ column.config.meta.pii }}'){{ ',' if not loop.last }}
            {%- endfor %}
        ),

        feed_columns as (
            select column_of.key as cell, column_of.value ->> 'header' as header, head.place, classes.pii
            from ledger.deliveries
            cross join jsonb_each(deliveries.found #> '{mapping,columns}') as column_of
            cross join lateral (
                select min(named.place) as place
                from jsonb_array_elements_text(deliveries.found -> 'header') with ordinality as named (header, place)
                where named.header = column_of.value ->> 'header'
            ) as head
            left join classes on classes.cell = column_of.key
            where deliveries.delivery_id = {{ delivery.delivery_id }}
        ),

        entity_columns (column_name, pii) as (
            values (null, null)
            {%- for column in told_columns(entity, rules) %}, ('{{ column.name }}', '{{ column.pii }}'){% endfor %}
        ),

        kinds as (
            select distinct on ({{ wanted }}) _row_number
            from (select _row_number, {{ wanted }} from {{ judged }} where {{ wanted }} is not null limit 1000) as first_ones
            limit 4
        ),

        asked as (
            select distinct told.column_name, told.cell
            from (
                select jsonb_agg(jsonb_build_object('row_number', _row_number, 'raw', raw)) as samples
                from staged
                join kinds using (_row_number)
            ) as bad
            cross join staging.cells_behind(
                '{{ feed.identifier }}',
                'stg_{{ feed.identifier }}',
                {{ delivery.delivery_id }},
                (select array_agg(cell) from feed_columns),
                bad.samples
            ) as told
            where bad.samples is not null
        )

        select
            entity_columns.column_name,
            feed_columns.cell,
            feed_columns.place,
            feed_columns.header,
            case when feed_columns.pii = 'none' then entity_columns.pii else feed_columns.pii end as pii
        from entity_columns
        join feed_columns on
            exists (select from asked where asked.column_name = entity_columns.column_name and asked.cell = feed_columns.cell)
            or (
                feed_columns.cell = entity_columns.column_name
                and not exists (select from asked where asked.column_name = entity_columns.column_name)
            );
{% endmacro %}

{# The vendor's headers behind a rule's column. #}
{% macro headers_behind(rules) -%}
(select jsonb_agg(header order by place) from behind where behind.column_name = {{ rules }}.column_name)
{%- endmacro %}

{# What stands in a row's cells behind a rule's column, masked: of several each with its header. #}
{% macro value_behind(entity, rules, raw, delivery) -%}
(
                    select string_agg(case when several then header || ': ' else '' end || shown, '; ' order by place)
                    from (
                        select behind.header, behind.place, count(*) over () > 1 as several, masked.shown
                        from behind
                        cross join lateral (select nullif({{ raw }} ->> behind.cell, '') as "told") as came
                        cross join lateral (
                            select case behind.pii
                                {%- for pii in (['none'] + source_of(delivery.feed).columns.values() | map(attribute='config.meta.pii') | list
                                    + entity_columns(entity) | map(attribute='pii') | list) | unique %}
                                when '{{ pii }}' then {{ told_text({'pii': pii}) }}
                                {%- endfor %}
                                else case when "told" is not null then '***' end
                            end as shown
                        ) as masked
                        where behind.column_name = {{ rules }}.column_name
                    ) as cells
                )
{%- endmacro %}

{# The source that declares a feed. #}
{% macro source_of(feed) %}
    {{ return(
        graph.sources.values() | selectattr('resource_type', 'equalto', 'source')
            | selectattr('source_name', 'equalto', feed.split('.')[0]) | selectattr('name', 'equalto', feed.split('.')[1]) | first
    ) }}
{% endmacro %}
