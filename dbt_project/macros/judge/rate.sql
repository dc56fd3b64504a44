{# A delivery's rows, typed, with id and fingerprint, and the codes of the rules that each breaks: those that hold it back
   in _broken, those that let it pass in _warned. `only` names an array of the row numbers that are wanted. #}
{% macro rated_rows_sql(entity, sql, rules, delivery, undeclared, where='', asked=true, only=none, with_cells=true) %}
    {%- set warning = rules | selectattr('on_fail', 'equalto', 'warn') | list -%}
    {%- set holding = rules | rejectattr('on_fail', 'equalto', 'warn') | list -%}
    select
        candidates.*,
        {{ codes_of_broken(holding) if asked else 'null::text' }} as _broken,
        {{ codes_of_broken(warning) if asked else 'null::text' }} as _warned
    from (
        {{ fence() }}
        select
            {{ surrogate_id(entity, delivery.feed) }} as {{ entity }}_id,
            '{{ delivery.feed }}'::text as _feed,
            {{ fingerprint(entity) }} as _fingerprint,
            _unparsed,
            _delivery_id,
            _row_number,
            _line_number,
            {{ 'came._came_cells' if delivery.cells_seed and with_cells else 'null::bigint' }} as _cells
            {%- if has_row_times(entity) %},
            {{ row_time(delivery.feed).sql if row_time(delivery.feed) else 'null::timestamptz' }} as _effective_at
            {%- endif %}
            {%- for column in entity_columns(entity) %},
            cast({{ adapter.quote(column.name) }} as {{ column.data_type }}) as {{ adapter.quote(column.name) }}
            {%- endfor %}
            {%- for column in undeclared %},
            null::{{ column.type }} as {{ adapter.quote(column.attname) }}
            {%- endfor %}
        from ({{ fence() }} select * from ({{ sql }}) as mapping where _delivery_id = {{ delivery.delivery_id }}) as mapped
        {{ join_own_time(delivery) }}
        {{ join_cells(delivery, only) if with_cells }}
        {{ where }} {{- 'where mapped._row_number = any (' ~ only ~ ')' if only }}
    ) as candidates
{% endmacro %}

{# A query with a WITH is not merged into the one around it: an expression of the mapping is computed once, not once for
   each place that names it. OFFSET 0 would do the same, and keep the outer expressions from other cores. #}
{% macro fence() -%} with fence as (select) {%- endmacro %}

{# First whether anything is broken at all: a good row pays for its rules, and for no list of them. #}
{% macro codes_of_broken(rules) -%}
{%- if not rules %} null::text {%- else -%}
case
            when {% for rule in rules %}({{ rule.predicate }}){{ ' or ' if not loop.last }}{% endfor %}
            then concat_ws(
                ','
                {%- for rule in rules %},
                case when ({{ rule.predicate }}) then '{{ rule.code }}' end
                {%- endfor %}
            )
        end
{%- endif -%}
{%- endmacro %}
