{# What is current and not in the fold's result is superseded; its rows are kept aside, for a version that only ends
   elsewhere is a copy of one of them ... #}
{% macro supersede_sql(entity, relation, run) %}
    {%- set id = entity ~ '_id' -%}
    create temporary table superseded (like {{ relation }}) on commit drop;

    with gone as (
        update {{ relation }} as dimension
        set _superseded_in = {{ run }}
        from concerned, since
        where dimension.{{ id }} = concerned.{{ id }}
            and since.feed = dimension._feed
            and dimension._superseded_in is null
            and (dimension.valid_to is null or dimension.valid_to >= since.at)
            and not exists (
                select from folded
                where folded.id = dimension.{{ id }}
                    and folded.valid_from = dimension.valid_from
                    and folded.valid_to is not distinct from dimension.valid_to
                    and folded.fingerprint = dimension._fingerprint
            )
        returning dimension.*
    )

    insert into superseded
    select * from gone;

    analyze superseded;

    create temporary table writing on commit drop as
    select folded.*, old.{{ id }} is not null as is_copy
    from folded
    left join superseded as old
        on old.{{ id }} = folded.id
        and old.valid_from = folded.valid_from
        and old._fingerprint = folded.fingerprint
    where not exists (
        select from {{ relation }} as dimension
        where dimension.{{ id }} = folded.id
            and dimension.valid_from = folded.valid_from
            and dimension._superseded_in is null
    );

    analyze writing;
{% endmacro %}


{# ... and what is in the result and not current is inserted, new versions masked on their way. #}
{% macro insert_sql(entity, relation, sql, run) %}
    {%- set id = entity ~ '_id' -%}
    {%- set columns = [id] + history_columns(entity) + ['_feed', '_fingerprint'] -%}
    insert into {{ relation }} (
        {% for column in columns %}{{ adapter.quote(column) }}, {% endfor %}
        _delivery_id, _row_number, _line_number, valid_from, valid_to, _recorded_in
    )
    select
        {% for column in columns %}old.{{ adapter.quote(column) }}, {% endfor %}
        old._delivery_id, old._row_number, old._line_number, writing.valid_from, writing.valid_to, {{ run }}
    from superseded as old
    join writing
        on writing.is_copy
        and writing.id = old.{{ id }}
        and writing.valid_from = old.valid_from
    union all
    select
        {% for column in columns %}masked.{{ adapter.quote(column) }}, {% endfor %}
        writing.delivery_id, writing.row_number, writing.line_number, writing.valid_from, writing.valid_to, {{ run }}
    from ({{ sql }}) as masked
    join writing
        on not writing.is_copy
        and writing.content_id = masked._delivery_id
        and writing.row_number = masked._row_number
    where masked._delivery_id = any (array(select content_id from folding))
{% endmacro %}


{# The judged rows of the versions that were inserted, as a sub-select. #}
{% macro written_rows(entity) %}
(
        select judged.*
        from judged.{{ entity }} as judged
        join writing
            on not writing.is_copy
            and writing.content_id = judged._delivery_id
            and writing.row_number = judged._row_number
        where judged._delivery_id = any (array(select content_id from folding))
    )
{%- endmacro %}


{# The planner must know a table that grew by a tenth: with the statistics of before it joined 5,000 keys by nested loops
   over 200,000 rows. #}
{% macro refresh_statistics(relation) %}
    {%- set grown = run_query(
        "select (select count(*) from writing) > 0.1 * greatest(reltuples, 0) from pg_class where oid = '"
        ~ relation ~ "'::regclass"
    ).rows[0][0] -%}
    {% if grown %}
        {% call statement('statistics') -%}
            analyze {{ relation }}
        {%- endcall %}
    {% endif %}
{% endmacro %}
