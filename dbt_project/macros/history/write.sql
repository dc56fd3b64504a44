{# What is gone is superseded; its rows are kept aside, for a version that only ends elsewhere is a copy of one of
   them ... #}
{% macro supersede_sql(entity, relation, run) %}
    {%- set id = entity ~ '_id' -%}
    analyze gone;
    analyze writing;

    -- Each row is looked up by itself, then updated at its place: what the planner knows of closed versions is out of
    -- date in a table that has just got its first ones, and a join of 20,000 by 10,000 rows took minutes.
    with superseding as (
        update {{ relation }} as dimension
        set _superseded_in = {{ run }}
        from (
            {%- for is_open in (true, false) %}
            select version.place
            from gone
            cross join lateral (
                select known.ctid as place
                from {{ relation }} as known
                where known.{{ id }} = gone.id
                    and known.valid_from = gone.valid_from
                    and known._superseded_in is null
                    and known.valid_to is {{ 'null' if is_open else 'not null' }}
                offset 0
            ) as version
            where {{ 'gone.is_open' if is_open else 'not gone.is_open' }}
            {{ 'union all' if not loop.last }}
            {%- endfor %}
        ) as version
        where dimension.ctid = version.place
        returning dimension.*
    )

    insert into superseded
    select * from superseding;

    -- A delivery that brought new columns is gone: the version is again what it was without them.
    do $former$
    begin
        create temporary table former on commit drop as
        select id, valid_from, fingerprint
        from writing
        where is_copy and not exists (
            select from superseded as there
            where there.{{ id }} = writing.id
                and there.valid_from = writing.valid_from
                and there._fingerprint = writing.fingerprint
        );

        if exists (select from former) then
            insert into superseded
            select distinct on (version.{{ id }}, version.valid_from) version.*
            from former
            join {{ relation }} as version
                on version.{{ id }} = former.id
                and version.valid_from = former.valid_from
                and version._fingerprint = former.fingerprint
            order by version.{{ id }}, version.valid_from, version._recorded_in desc;
        end if;
    end $former$;

    -- By name: after a column came and one went, a delivery's table has them in another order than its parent.
    create temporary table picked (like judged.{{ entity }}) on commit drop;
    {%- for content in contents_to_pick() %}

    insert into picked ({{ judged_columns(entity) }})
    select {{ judged_columns(entity, 'told') }}
    from judged.delivery_{{ content.content_id }} as told
    {%- if content.by_place %}
    where told.ctid = any (array(select place from writing where content_id = {{ content.content_id }} and not is_copy))
    {%- else %}
    join writing
        on not writing.is_copy
        and writing.content_id = {{ content.content_id }}
        and writing.row_number = told._row_number
    {%- endif %};
    {%- endfor %}

    analyze picked;
    analyze superseded;
{% endmacro %}


{# The declared columns of judged rows, by name: a part that was made after a column came has another order of them. #}
{% macro judged_columns(entity, relation=none) -%}
    {%- for name in bookkeeping_columns(entity) + entity_columns(entity) | map(attribute='name') | list -%}
    {{ relation ~ '.' if relation }}{{ adapter.quote(name) }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{# The contents of which history lacks rows. A few are fetched by their places; of many, all are read. #}
{% macro contents_to_pick() %}
    {{ return(run_query(
        "select content_id, count(*) = count(place) and count(*) < 100000 as by_place from writing"
        " where not is_copy group by 1 order by 1"
    ).rows) }}
{% endmacro %}


{# ... and what is in the result and not current is inserted, new versions masked on their way. The masked rows come
   from `picked` instead of the whole deliveries. #}
{% macro insert_sql(entity, relation, sql, run) %}
    {%- set id = entity ~ '_id' -%}
    {%- set columns = [id] + history_columns(entity) + ['_feed', '_fingerprint'] -%}
    {%- set former = former_columns(entity, relation) -%}
    insert into {{ relation }} (
        {% for column in columns + former %}{{ adapter.quote(column) }}, {% endfor %}
        _delivery_id, _row_number, _line_number, valid_from, valid_to, _recorded_in, _first_fingerprint, _refreshed_at
    )
    select
        {% for column in columns + former %}old.{{ adapter.quote(column) }}, {% endfor %}
        old._delivery_id, old._row_number, old._line_number, writing.valid_from, writing.valid_to, {{ run }},
        old._first_fingerprint, old._refreshed_at
    from superseded as old
    join writing
        on writing.is_copy
        and writing.id = old.{{ id }}
        and writing.valid_from = old.valid_from
        and writing.fingerprint = old._fingerprint
    union all
    select
        {% for column in columns %}masked.{{ adapter.quote(column) }}, {% endfor %}
        {%- for column in former %}old.{{ adapter.quote(column) }}, {% endfor %}
        writing.delivery_id, coalesce(writing.first_row, masked._row_number),
        coalesce(writing.first_line, masked._line_number), writing.valid_from, writing.valid_to, {{ run }},
        writing.first_fingerprint, writing.refreshed_at
    from ({{ sql | replace(judged_relation(entity, sql), 'pg_temp.picked') }}) as masked
    join writing
        on not writing.is_copy
        and writing.content_id = masked._delivery_id
        and writing.row_number = masked._row_number
    {%- if former %}
    left join superseded as old
        on writing.refreshed_at is not null
        and old.{{ id }} = writing.id
        and old.valid_from = writing.valid_from
    {%- endif %}
{% endmacro %}


{# How the model's SQL names the judged rows: the fold puts the few that it needs in their place. #}
{% macro judged_relation(entity, sql) %}
    {%- set judged = ref('judged_' ~ entity) | string -%}
    {%- if judged not in sql -%}
        {%- do exceptions.raise_compiler_error(model.original_file_path ~ ": it has to select from ref('judged_" ~ entity ~ "')") -%}
    {%- endif -%}
    {{ return(judged) }}
{% endmacro %}


{# The judged rows of the versions that this run wrote, as a sub-select. #}
{% macro written_rows(entity, feeds) %}
    (
        select {{ judged_columns(entity) }} from pg_temp.picked
        {%- for feed in feeds if feed.road == 'first' %}
        union all
        select {{ judged_columns(entity) }} from judged.delivery_{{ feed.coming[0].content_id }}
        {%- endfor %}
    )
{%- endmacro %}


{# Whether a tenth of the dimension is new to the planner and to the visibility map, which spares a full delivery the
   reading of all rows. Smaller changes are autovacuum's. #}
{% macro has_grown(relation) %}
    {{ return(run_query(
        "select (select coalesce(sum(opened + changed), 0) from effects) > 0.1 * greatest(reltuples, 0) from pg_class"
        " where oid = '" ~ relation ~ "'::regclass"
    ).rows[0][0]) }}
{% endmacro %}
