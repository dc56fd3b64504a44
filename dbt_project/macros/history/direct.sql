{# One delivery, later than all: where its rows and the open versions disagree, what becomes of them is plain. A full
   delivery is held against all open versions of its feed in one join over ids and fingerprints; a delta against those
   of its own keys. Where it is known how a full delivery differs from the one before, and that is what history has, no
   more is looked at than that. #}
{% macro compared_sql(entity, relation, feed) %}
    {%- set id = entity ~ '_id' -%}
    {%- set delivery = feed.coming[0] -%}
    {%- set is_full = delivery.mode == 'full' -%}
    {%- set difference = difference_of(delivery) if is_full and delivery.delivery_id == delivery.content_id
        and run_query("select ledger.is_difference_to_history(" ~ delivery.delivery_id ~ ")").rows[0][0] -%}
    {% if not difference -%} {{ make_whole_sql("folding where feed = '" ~ feed.key ~ "'") }}; {%- endif %}
    create temporary table compared on commit drop as
    select
        coalesce(told.id, known.id) as id,
        told.fingerprint,
        told.row_number,
        told.place,
        known.valid_from as known_from,
        known.fingerprint as known_fingerprint
    from (
        {%- if difference %}
        select id, fingerprint, row_number, place from {{ difference }} where row_number is not null
        {%- else %}
        select {{ id }} as id, _fingerprint as fingerprint, _row_number as row_number, ctid as place
        from judged.delivery_{{ delivery.content_id }}
        {%- endif %}
    ) as told
    {{ 'full' if is_full else 'left' }} join (
        {%- if difference %}
        select known.*
        from (select distinct id from {{ difference }}) as asked
        cross join lateral (
            {{ open_versions_sql(id, relation, feed) }} and {{ id }} = asked.id
            {{ 'offset 0' if are_few(difference, delivery) }}
        ) as known
        {%- else %}
        {{ open_versions_sql(id, relation, feed if is_full) }}
        {%- endif %}
    ) as known on known.id = told.id
    where told.fingerprint is distinct from known.fingerprint
{% endmacro %}


{% macro open_versions_sql(id, relation, feed) -%}
    select {{ id }} as id, _fingerprint as fingerprint, valid_from
    from {{ relation }}
    where _superseded_in is null and valid_to is null {{- " and _feed = '" ~ feed.key ~ "'" if feed }}
{%- endmacro %}


{# Whether what differs is better looked up one by one. A look took 5 us, and the reading of a million entries of the index
   0.5 s, where the planner thought them equal at 4 looks in 100 entries. #}
{% macro are_few(difference, delivery) %}
    {{ return(run_query(
        "select (select count(*) from " ~ difference ~ ") * 10 < rows_carried from ledger.differences"
        " where delivery_id = " ~ delivery.delivery_id
    ).rows[0][0]) }}
{% endmacro %}


{# Whether rows and open versions speak of different columns: the fold then goes by values. After a column came and went
   versions may know today's columns from before: those that agree are left out. #}
{% macro has_other_columns(entity, relation) %}
    {%- set other = "substr(compared.fingerprint, 1, 4) <> substr(compared.known_fingerprint, 1, 4)" -%}
    {%- set asked = "select exists (select from compared where " ~ other ~ ")" -%}
    {%- if run_query(asked).rows[0][0] -%}
        {% call statement('agreeing') -%}
            delete from compared using {{ relation }} as version
            where {{ other }}
                and version.{{ entity }}_id = compared.id
                and version._superseded_in is null
                and version.valid_to is null
                and compared.fingerprint = any (version._fingerprints)
        {%- endcall %}
        {{ return(run_query(asked).rows[0][0]) }}
    {%- endif -%}
    {{ return(false) }}
{% endmacro %}


{% macro direct_sql(entity, relation, feed) %}
    {%- set id = entity ~ '_id' -%}
    {%- set delivery = feed.coming[0] -%}
    {% if delivery.mode == 'full' %}
    delete from compared
    where place is null and (
        {{ is_present_sql(
            entity, delivery.content_id, delivery.has_unreadable, 'compared.id',
            '(select ' ~ key_as_text(entity, 'version') ~ ' from ' ~ relation ~ ' as version where version.' ~ id
            ~ ' = compared.id and version._superseded_in is null and version.valid_to is null)'
        ) }}
    );
    {%- endif %}

    insert into gone
    select id, known_from, true from compared where known_from is not null;

    insert into writing (id, valid_from, valid_to, fingerprint, is_copy, delivery_id, content_id, row_number, place)
    select
        id, '{{ delivery.at }}'::timestamptz, null::timestamptz, fingerprint, false,
        {{ delivery.delivery_id }}, {{ delivery.content_id }}, row_number, place
    from compared
    where place is not null
    union all
    select id, known_from, '{{ delivery.at }}', known_fingerprint, true, null, null, null, null
    from compared
    where known_from is not null;

    insert into effects
    select
        {{ delivery.delivery_id }},
        count(*) filter (where known_from is null),
        count(*) filter (where known_from is not null and place is not null),
        count(*) filter (where place is null)
    from compared;
{% endmacro %}


{# The first delivery of a feed: every row is a version, and there is nothing to hold it against. #}
{% macro first_load_sql(entity, relation, masked, feed, run) %}
    {%- set delivery = feed.coming[0] -%}
    {%- set columns = [entity ~ '_id'] + history_columns(entity) + ['_feed', '_fingerprint'] -%}
    {%- set insert -%}
    insert into {{ relation }} (
        {% for column in columns %}{{ adapter.quote(column) }}, {% endfor %}
        _delivery_id, _row_number, _line_number, valid_from, _recorded_in
    )
    select
        {% for column in columns %}masked.{{ adapter.quote(column) }}, {% endfor %}
        {{ delivery.delivery_id }}, masked._row_number, masked._line_number, '{{ delivery.at }}', {{ run }}
    from {{ masked }} as masked
    {%- endset -%}
    {{ without_values(insert) }};

    insert into effects values ({{ delivery.delivery_id }}, {{ delivery.rows }}, 0, 0);
{% endmacro %}
