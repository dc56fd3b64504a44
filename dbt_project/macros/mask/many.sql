{# Masks are made once, into a table from which both the dimension and the vault take the tokens. Of many rows it is made by
   all cores, which INSERT does not use, and CREATE TABLE AS does: the tables for that (`pii.made_...`) are gone before the
   merge's transaction ends, so nobody else ever sees them.

   masked_rows() gives what a relation of judged rows, `judged`, is in history:
   masked: where the model's SQL reads from, in place of all judged rows;
   tokens: for the vault, a relation of the values and tokens of a column, where there is one: (given, token). #}
{% macro masked_rows(entity, sql, judged, rows, number) %}
    {%- set all_judged = judged_relation(entity, sql) -%}
    {%- set made = namespace(sql=sql | replace(all_judged, judged)) -%}
    {%- set tokens = {} -%}
    {%- if rows < many_rows() -%}
        {%- set masked = 'pg_temp.made_' ~ number -%}
        {% call statement('masked') -%}
            {{ without_values('create temporary table made_' ~ number ~ ' on commit drop as ' ~ made.sql) }};
            analyze {{ masked }} (_delivery_id, _row_number)
        {%- endcall %}
        {%- for column in personal_columns(entity) if has_token(column) -%}
            {%- do tokens.update({column.name: tokens_of_rows(judged, masked, column)}) -%}
        {%- endfor -%}
        {{ return({'judged': judged, 'masked': masked, 'tokens': tokens, 'tables': []}) }}
    {%- endif -%}
    {%- set masked = 'pii.made_' ~ number -%}
    {%- set tables = [masked] -%}
    {% call statement('cores') -%} set local parallel_setup_cost = 100; set local min_parallel_table_scan_size = 0 {%- endcall %}
    {%- set repeated = repeated_columns(entity, judged) -%}
    {%- for together in columns_together(judged, repeated, rows, masked ~ '_of_1') -%}
        {%- set table = masked ~ '_of_' ~ loop.index -%}
        {% call statement('tokens') -%} {{ without_values(mask_values_sql(judged, together, table)) }} {%- endcall %}
        {%- do tables.append(table) -%}
        {%- for column in together -%}
            {%- set alias = mask_aliases(entity)[column.name] -%}
            {%- do tokens.update({column.name: tokens_of_values(table, loop.index)}) -%}
            {%- set made.sql = made.sql | replace(
                mask_of(column, 'judged', alias), mask_of_values(table, together, loop.index, alias)
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for column in personal_columns(entity) if column not in repeated -%}
        {%- set alias = mask_aliases(entity)[column.name] -%}
        {%- if has_token(column) %}{% do tokens.update({column.name: tokens_of_rows(judged, masked, column)}) %}{% endif -%}
        {%- set made.sql = made.sql | replace(mask_of(column, 'judged', alias), mask_of(column, 'judged', alias, fence='')) -%}
    {%- endfor -%}
    {% call statement('masked') -%}
        set local parallel_tuple_cost = 0;
        {{ without_values('create unlogged table ' ~ masked ~ ' as ' ~ made.sql) }}
    {%- endcall %}
    {% call statement('cores') -%}
        {{ session_of_the_fold() }}
        set local parallel_setup_cost = default; set local min_parallel_table_scan_size = default
    {%- endcall %}
    {{ return({'judged': judged, 'masked': masked, 'tokens': tokens, 'tables': tables}) }}
{% endmacro %}

{# From here on the tables are worth their making. #}
{% macro many_rows() %} {{ return(var('many_rows', 50000)) }} {% endmacro %}

{# The columns whose values are masked once each. #}
{% macro repeated_columns(entity, judged) %}
    {%- set repeated = [] -%}
    {%- for column in personal_columns(entity) if has_token(column) and custom_classes().get(column.pii) is none -%}
        {%- if is_repeated(judged, column.name) %}{% do repeated.append(column) %}{% endif -%}
    {%- endfor -%}
    {{ return(repeated) }}
{% endmacro %}

{# Lists of columns, each of which is looked up at once: all of them where they repeat together, as a keeper's name and
   e-mail do (a million rows: one search and one join less, 2 of 7.5 s of CPU), else each by itself. #}
{% macro columns_together(judged, repeated, rows, table) %}
    {%- if repeated | length > 1 -%}
        {% call statement('together') -%} {{ given_values_sql(judged, repeated, table) }} {%- endcall %}
        {%- if run_query('select count(*) from ' ~ table ~ '_given').rows[0][0] * 4 <= rows %}{{ return([repeated]) }}{% endif -%}
        {% call statement('together') -%} drop table {{ table }}_given {%- endcall %}
    {%- endif -%}
    {{ return(repeated | batch(1) | list) }}
{% endmacro %}

{% macro given_values_sql(judged, together, table) -%}
    create unlogged table if not exists {{ table }}_given as
    select distinct {% for column in together %}{{ adapter.quote(column.name) }} as given_{{ loop.index }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ judged }}
{%- endmacro %}

{# By what a row's values are found among those of a table, NULL among them or not. The hash of a record took 0.5 us more. #}
{% macro hash_of_values(relation, together, as_given=false) -%}
    {%- for column in together -%}
    {%- set name = 'given_' ~ loop.index if as_given else adapter.quote(column.name) -%}
    coalesce(hashtextextended({{ relation }}.{{ name }}::text, {{ loop.index }}), 0){{ ' # ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# The masks of what repeats, each made once. #}
{% macro mask_values_sql(judged, together, table) %}
    {{ given_values_sql(judged, together, table) }};
    create unlogged table {{ table }} as
    select
        given.*,
        {{ hash_of_values('given', together, as_given=true) }} as hash
        {%- for column in together %},
        mask_{{ loop.index }}.masked as masked_{{ loop.index }},
        mask_{{ loop.index }}.token as token_{{ loop.index }}
        {%- endfor %}
    from {{ table }}_given as given
    {%- for column in together %}
    {{ mask_of(dict(column, name='given_' ~ loop.index), 'given', 'mask_' ~ loop.index, fence='') }}
    {%- endfor %};
    drop table {{ table }}_given;
    analyze {{ table }}
{%- endmacro %}

{# What stands in the place of the mask of the nth of columns that are looked up together. #}
{% macro mask_of_values(table, together, nth, alias) -%}
    {%- if nth == 1 -%}
    left join {{ table }}
        on {{ table }}.hash = {{ hash_of_values('judged', together) }}
        {%- for column in together %}
        and {{ table }}.given_{{ loop.index }} is not distinct from judged.{{ adapter.quote(column.name) }}
        {%- endfor %}
    {% endif -%}
    cross join lateral (select {{ table }}.masked_{{ nth }} as masked, {{ table }}.token_{{ nth }} as token) as {{ alias }}
{%- endmacro %}

{# The values of the nth of them, with their tokens. #}
{% macro tokens_of_values(table, nth) %}
    (select given_{{ nth }} as given, token_{{ nth }} as token from {{ table }} where given_{{ nth }} is not null)
{%- endmacro %}

{# The values of a column of judged rows, with the tokens that the masked rows have. #}
{% macro tokens_of_rows(judged, masked, column) %}
    (
        select judged.{{ adapter.quote(column.name) }} as given, masked.{{ adapter.quote(column.name ~ '_token') }} as token
        from {{ judged }} as judged
        join {{ masked }} as masked using (_delivery_id, _row_number)
        where judged.{{ adapter.quote(column.name) }} is not null
    )
{%- endmacro %}

{# Whether the values of a column stand four times each, or more, as far as the statistics know. #}
{% macro is_repeated(judged, name) %}
    {{ return(run_query(
        "select coalesce(bool_or(case when n_distinct < 0 then -n_distinct else n_distinct / nullif(reltuples, 0) end < 0.25), false)"
        " from pg_class join pg_namespace as n on n.oid = relnamespace"
        " join pg_stats on pg_stats.schemaname = nspname and tablename = relname"
        " where pg_class.oid = '" ~ judged ~ "'::regclass and attname = '" ~ name ~ "'"
    ).rows[0][0]) }}
{% endmacro %}

{% macro forget_masked_rows(written, picked) %}
    {%- set tables = written | map(attribute='tables') | sum(start=[]) + ([picked.judged] if picked.is_many else []) -%}
    {%- if tables %}{% call statement('forget') -%} drop table {{ tables | join(', ') }} {%- endcall %}{% endif -%}
{% endmacro %}
