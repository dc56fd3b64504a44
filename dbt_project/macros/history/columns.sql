{# Tracked columns come, go and come again: no version more, no version less. A version knows, of each set of columns by
   which it was seen, the fingerprint and since when (_fingerprints, _seen_at), and in its row the values of all of them.
   It goes on while nothing is said that differs from what is known of it; what is said of a column for the first time
   is known of it from then on. What was judged by which columns stays so: a column that went keeps its values. #}

{# Today's set of tracked columns, and how they are masked: for the day on which one of them is not declared any more. #}
{% macro remember_column_set_sql(entity) %}
    {%- set declared = [] -%}
    {%- for column in tracked_columns(entity) -%}
        {%- do declared.append(
            {'name': column.name, 'data_type': column.data_type, 'pii': column.pii, 'region': column.region}
        ) -%}
    {%- endfor %}
    insert into history.column_sets as known (entity, prefix, columns, declared)
    values (
        '{{ entity }}',
        decode('{{ column_set(entity) }}', 'hex'),
        array[{% for name in masked_names(tracked_columns(entity)) %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %}]::text[],
        '{{ tojson(declared) }}'
    )
    on conflict (entity, prefix) do update set columns = excluded.columns, declared = excluded.declared
    where known.declared is distinct from excluded.declared;
{% endmacro %}


{# Whether a version or an observation of the fold speaks of other columns than today's. #}
{% macro has_foreign_columns(entity) %}
    {{ return(run_query(
        "select exists (select from standing where fingerprints is not null) or exists (select from observations"
        " where substr(fingerprint, 1, 4) <> decode('" ~ column_set(entity) ~ "', 'hex'))"
    ).rows[0][0]) }}
{% endmacro %}


{# The tracked columns of former days that judged rows and history still have: as they were declared last. #}
{% macro former_tracked_columns(entity, relation) %}
    {%- set found = run_query(
        "select distinct on (column_of ->> 'name') column_of from history.column_sets"
        " cross join jsonb_array_elements(declared) as column_of where entity = '" ~ entity ~ "'"
        " and exists (select from pg_attribute where attrelid = to_regclass('judged." ~ entity ~ "')"
        " and attname = column_of ->> 'name' and not attisdropped"
        " and atttypid = to_regtype(column_of ->> 'data_type'))"
        " order by column_of ->> 'name', first_seen desc"
    ) -%}
    {%- set former = former_columns(entity, relation) -%}
    {%- set columns = [] -%}
    {%- for row in found.rows -%}
        {%- set column = row[0] if row[0] is mapping else fromjson(row[0]) -%}
        {%- if column.name in former -%} {%- do columns.append(column) -%} {%- endif -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}


{# observations.told: what history holds, or would hold, of the columns that each speaks of. #}
{% macro values_sql(entity, relation, sql, feed) %}
    {%- set id = entity ~ '_id' -%}
    {%- set former = former_tracked_columns(entity, relation) -%}
    alter table observations add column told jsonb;

    update observations
    set told = {{ values_of_set('version') }}
    from standing
    join {{ relation }} as version
        on version.{{ id }} = standing.id
        and version.valid_from = standing.valid_from
        and version._superseded_in is null,
        history.column_sets as known
    where observations.seq <= 0
        and standing.id = observations.id
        and standing.valid_from < '{{ feed.since }}'
        and {{ is_set_of_observation(entity) }};
    {%- for content in feed.deliveries | map(attribute='content_id') | unique %}
    {%- set judged -%}
        (
            select * from judged.delivery_{{ content }}
            where _row_number in (select row_number from observations where content_id = {{ content }})
        )
    {%- endset %}

    update observations
    set told = {{ values_of_set('masked') }}
    from (
        select today.*
            {%- for column in former %},
            former{{ loop.index }}.masked as {{ adapter.quote(column.name) }}
            {%- if has_token(column) %},
            former{{ loop.index }}.token as {{ adapter.quote(column.name ~ '_token') }}
            {%- endif %}
            {%- endfor %}
        from ({{ sql | replace(judged_relation(entity, sql), judged) }}) as today
        {%- if former %}
        join {{ judged }} as judged using (_row_number)
        {%- for column in former %}
        {{ mask_of(column, 'judged', 'former' ~ loop.index) }}
        {%- endfor %}
        {%- endif %}
    ) as masked,
        history.column_sets as known
    where observations.content_id = {{ content }}
        and observations.row_number = masked._row_number
        and {{ is_set_of_observation(entity) }};
    {%- endfor %}
    {%- if run_query("select exists (select from pii.erased_rows where entity = '" ~ entity ~ "')").rows[0][0] %}
    {{ stand_ins_sql(entity, personal_columns(entity) | selectattr('tracked') | list + former) }}
    {%- endif %}

    create index on observations (id, seq);
    analyze observations;
{% endmacro %}


{# Erased values are compared by what stands for them, with each other and with those that are not erased. One that nobody
   knows, because its column was not declared when it was erased, is told from every other value but one like it. #}
{% macro stand_ins_sql(entity, columns) %}
    {%- set personal = columns | rejectattr('pii', 'equalto', 'none') | list -%}
    update observations
    set told = told - array['{{ masked_names(personal) | join("', '") }}'] || (
        select coalesce(jsonb_object_agg('erased ' || name, value), '{}')
        from jsonb_each(erased.attributes -> '_told') as stand_in (name, value)
        where name = any (known.columns)
    ) || (
        select coalesce(jsonb_object_agg('erased ' || name, 'unknown'), '{}')
        from jsonb_array_elements_text(erased.attributes -> '_unknown') as untold (name)
    )
    from pii.erased_rows as erased, ledger.deliveries as d, history.column_sets as known
    where d.delivery_id = observations.delivery_id
        and erased.delivery_id = coalesce(d.sighting_of, d.delivery_id)
        and erased.row_number = observations.row_number
        and {{ is_set_of_observation(entity) }};

    update observations
    set told = told || (
        select coalesce(
            jsonb_object_agg('erased ' || name, {{ stand_in('observations.id', 'name', 'told ->> name') }}), '{}'
        )
        from unnest(array[
            {%- for column in personal %}'{{ compared_name(column) }}'{{ ', ' if not loop.last }}{% endfor -%}
        ]::text[]) as name
        where told ? name
    )
    where id in (select erased.id from pii.erased_rows as erased where erased.entity = '{{ entity }}');
{% endmacro %}


{% macro values_of_set(row) -%}
    (
        select coalesce(jsonb_object_agg(name, held -> name), '{}')
        from to_jsonb({{ row }}) as held
        cross join unnest(known.columns) as name
        where held ? name
    )
{%- endmacro %}


{% macro is_set_of_observation(entity) -%}
    known.entity = '{{ entity }}' and known.prefix = substr(observations.fingerprint, 1, 4)
{%- endmacro %}


{# All columns that any version may know. #}
{% macro nothing_told(entity) -%}
    (
        select jsonb_object_agg(name, null)
        from history.column_sets
        cross join unnest(columns) as name
        where entity = '{{ entity }}'
    )
{%- endmacro %}
