{# Masks of many rows: by all cores, which INSERT does not use, and CREATE TABLE AS does. The tables that are made for it
   (`pii.made_...`) are gone before the merge's transaction ends, so nobody else ever sees them.

   masked_rows() gives what a relation of judged rows, `judged`, is in history:
   masked: where the model's SQL reads from, in place of all judged rows;
   tokens: for the vault, a relation of the values and tokens of a column, where there is one: (given, token). #}
{% macro masked_rows(entity, sql, judged, rows, number) %}
    {%- set all_judged = judged_relation(entity, sql) -%}
    {%- if rows < many_rows() -%}
        {{ return({'judged': judged, 'masked': '(' ~ sql | replace(all_judged, judged) ~ ')', 'tokens': {}, 'tables': []}) }}
    {%- endif -%}
    {%- set masked = 'pii.made_' ~ number -%}
    {%- set made = namespace(sql=sql | replace(all_judged, judged)) -%}
    {%- set tokens, tables = {}, [masked] -%}
    {% call statement('cores') -%} set local parallel_setup_cost = 100; set local min_parallel_table_scan_size = 0 {%- endcall %}
    {%- for column in personal_columns(entity) -%}
        {%- set alias = mask_aliases(entity)[column.name] -%}
        {%- set mask = mask_of(column, 'judged', alias) -%}
        {%- if has_token(column) and is_repeated(judged, column.name) and custom_classes().get(column.pii) is none -%}
            {%- set table = masked ~ '_' ~ alias -%}
            {% call statement('tokens') -%} {{ without_values(mask_values_sql(judged, column, table)) }} {%- endcall %}
            {%- do tables.append(table) -%}
            {%- do tokens.update({column.name: table}) -%}
            {%- set joined = 'left join ' ~ table ~ ' as ' ~ alias ~ ' on ' ~ alias ~ '.given = judged.' ~ adapter.quote(column.name) -%}
            {%- set made.sql = made.sql | replace(mask, joined) -%}
        {%- else -%}
            {%- if has_token(column) %}{% do tokens.update({column.name: tokens_of_rows(judged, masked, column)}) %}{% endif -%}
            {%- set made.sql = made.sql | replace(mask, mask_of(column, 'judged', alias, fence='')) -%}
        {%- endif -%}
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

{# The masks of a column whose values repeat, each made once. #}
{% macro mask_values_sql(judged, column, table) %}
    {%- set name = adapter.quote(column.name) -%}
    create unlogged table {{ table }}_given as select distinct {{ name }} as given from {{ judged }} where {{ name }} is not null;
    create unlogged table {{ table }} as
    select given.given, made.masked, made.token
    from {{ table }}_given as given
    {{ mask_of(dict(column, name='given'), 'given', 'made', fence='') }};
    drop table {{ table }}_given;
    analyze {{ table }}
{%- endmacro %}

{# The values of a column whose values hardly repeat, with the tokens that the masked rows have. #}
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
