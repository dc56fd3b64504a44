{# What is gone is superseded; its rows are kept aside, for a version that only ends elsewhere is a copy of one of
   them ... #}
{% macro supersede_sql(entity, relation, run, former, picked) %}
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

    -- By name: after a column came and one went, a delivery's table has them in another order than its parent.
    create {{ 'unlogged' if picked.is_many else 'temporary' }} table {{ picked.judged }} (like judged.{{ entity }})
    {{- '' if picked.is_many else ' on commit drop' }};
    {%- for content in contents_to_pick() %}

    insert into {{ picked.judged }} ({{ judged_columns(entity, former) }})
    select {{ judged_columns(entity, former, 'told') }}
    from judged.delivery_{{ content.content_id }} as told
    {%- if content.by_place %}
    where told.ctid = any (array(select place from {{ judged_rows_needed() }} where content_id = {{ content.content_id }}))
    {%- else %}
    where told._row_number in (select row_number from {{ judged_rows_needed() }} where content_id = {{ content.content_id }})
    {%- endif %};
    {%- endfor %}

    analyze {{ picked.judged }} {{- '' if picked.is_many else ' (_delivery_id, _row_number)' }};
    analyze superseded ({{ id }}, valid_from);
{% endmacro %}


{# Where the judged rows that history lacks are gathered: where they are many, all cores have to see it. #}
{% macro rows_to_pick(run) %}
    {%- set rows = run_query("select count(*) from " ~ judged_rows_needed()).rows[0][0] -%}
    {%- set is_many = rows >= many_rows() -%}
    {{ return({'judged': 'pii.picked_' ~ run if is_many else 'pg_temp.picked', 'rows': rows, 'is_many': is_many}) }}
{% endmacro %}


{# Judged rows that history lacks. #}
{% macro judged_rows_needed() -%}
    (
        select content_id, row_number, place from writing where not is_copy
        union all
        select content_id, row_number, place from extending
    ) as needed
{%- endmacro %}


{# The declared columns of judged rows, and the `former` ones, by name: a part that was made after a column came has
   another order of them. #}
{% macro judged_columns(entity, former=(), relation=none) -%}
    {%- for name in bookkeeping_columns(entity) + (entity_columns(entity) + former | list) | map(attribute='name') | list -%}
    {{ relation ~ '.' if relation }}{{ adapter.quote(name) }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{# The contents of which history lacks rows. A few are fetched by their places; of many, all are read. #}
{% macro contents_to_pick() %}
    {{ return(run_query(
        "select content_id, count(*) = count(place) and count(*) < 100000 as by_place from " ~ judged_rows_needed()
        ~ " group by 1 order by 1"
    ).rows) }}
{% endmacro %}


{# ... and what is in the result and not current is inserted, new versions masked on their way. The masked rows come
   from `picked` instead of the whole deliveries. What a version knows of other columns than today's is laid over it. #}
{% macro insert_sql(entity, relation, masked, run, foreign) %}
    {%- set id = entity ~ '_id' -%}
    {%- set columns = [id] + history_columns(entity) + ['_feed', '_fingerprint'] -%}
    {%- set former = former_columns(entity, relation) -%}
    insert into {{ relation }} (
        {% for column in columns + former %}{{ adapter.quote(column) }}, {% endfor %}
        _delivery_id, _row_number, _line_number, valid_from, valid_to, _recorded_in, _fingerprints, _seen_at
    )
    select
        {% for column in columns + former %}old.{{ adapter.quote(column) }}, {% endfor %}
        old._delivery_id, old._row_number, old._line_number, writing.valid_from, writing.valid_to, {{ run }},
        old._fingerprints, old._seen_at
    from superseded as old
    join writing
        on writing.is_copy
        and writing.told is null
        and writing.id = old.{{ id }}
        and writing.valid_from = old.valid_from
    union all
    select
        {% for column in columns %}masked.{{ adapter.quote(column) }}, {% endfor %}
        {%- for _ in former %}null, {% endfor %}
        writing.delivery_id, masked._row_number, masked._line_number, writing.valid_from, writing.valid_to, {{ run }},
        null, null
    from {{ masked }} as masked
    join writing
        on not writing.is_copy
        and writing.told is null
        and writing.content_id = masked._delivery_id
        and writing.row_number = masked._row_number
    {%- if foreign %}
    union all
    select
        {% for column in columns + former %}whole.{{ adapter.quote(column) }}, {% endfor %}
        whole._delivery_id, whole._row_number, whole._line_number, version.valid_from, version.valid_to, {{ run }},
        version.fingerprints, version.seen_at
    from (
        select writing.*, to_jsonb(old) as base
        from superseded as old
        join writing
            on writing.is_copy
            and writing.told is not null
            and writing.id = old.{{ id }}
            and writing.valid_from = old.valid_from
        union all
        select writing.*, to_jsonb(masked) || jsonb_build_object('_delivery_id', writing.delivery_id)
        from {{ masked }} as masked
        join writing
            on not writing.is_copy
            and writing.told is not null
            and writing.content_id = masked._delivery_id
            and writing.row_number = masked._row_number
    ) as version
    cross join lateral jsonb_populate_record(
        null::{{ relation }},
        version.base || {{ nothing_told(entity) }} || version.told || jsonb_build_object('_fingerprint', version.fingerprint)
    ) as whole
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


{# Whether a tenth of the dimension is new to the planner and to the visibility map, which spares a full delivery the
   reading of all rows. Smaller changes are autovacuum's. #}
{% macro has_grown(relation) %}
    {{ return(run_query(
        "select (select coalesce(sum(opened + changed), 0) from effects) > 0.1 * greatest(reltuples, 0) from pg_class"
        " where oid = '" ~ relation ~ "'::regclass"
    ).rows[0][0]) }}
{% endmacro %}
