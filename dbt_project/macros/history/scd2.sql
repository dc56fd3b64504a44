{# Fold the judged deliveries of the running run into a bitemporal dimension, in one transaction with the ledger.
   The model's SQL gives the masked rows; this gives them valid_from, valid_to (what was true when) and _recorded_in,
   _superseded_in (which run said so). Nothing is rewritten: a version that ends is superseded by a copy with its end. #}
{% materialization scd2, adapter='postgres' %}
    {%- set entity = model.name[4:] -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=false) }}
    {{ run_hooks(pre_hooks, inside_transaction=true) }}

    {% call statement('main') -%}
        set local datestyle = 'ISO, YMD'; set local timezone = 'UTC'; set local extra_float_digits = 1;
        {{ create_dimension(entity, target_relation, sql, adapter.get_relation(this.database, this.schema, this.identifier)) }}
    {%- endcall %}

    {%- set running = run_query(
        "select run, state from ledger.runs where entity = '" ~ entity ~ "' and state = 'running' for update"
    ) -%}
    {% if running.rows %}
        {%- set run = running.rows[0].run -%}
        {% call statement('concerned') -%}
            {{ concerned_sql(entity, target_relation, run) }}
        {%- endcall %}
        {% call statement('fold') -%}
            {{ fold_sql(entity, target_relation) }}
        {%- endcall %}
        {% call statement('supersede') -%}
            {{ supersede_sql(entity, target_relation, run) }}
        {%- endcall %}
        {% call statement('insert') -%}
            {{ insert_sql(entity, target_relation, sql, run) }}
        {%- endcall %}
        {% call statement('account') -%}
            {{ merge_account_sql(entity, run) }}
        {%- endcall %}
    {% endif %}

    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks, inside_transaction=true) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=false) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{# The dimension with what the database enforces: ranges that are not empty, one open version of a key, one version
   that begins at a time, no overlap. FOLD.md's measurements speak for two partial indexes and a trigger that looks
   at the touched keys only (an exclusion constraint costs ten times as much on a load). #}
{% macro create_dimension(entity, relation, sql, existing) %}
    {%- set id = entity ~ '_id' -%}
    {%- if existing is none %}
    create table {{ relation }} as
    select
        masked.*,
        null::timestamptz as valid_from,
        null::timestamptz as valid_to,
        null::bigint as _recorded_in,
        null::bigint as _superseded_in
    from ({{ sql }}) as masked
    where false;
    alter table {{ relation }}
        alter {{ id }} set not null,
        alter _feed set not null,
        alter _fingerprint set not null,
        alter _delivery_id set not null,
        alter _row_number set not null,
        alter valid_from set not null,
        alter _recorded_in set not null,
        add constraint {{ entity }}_range_not_empty check (valid_to > valid_from),
        add constraint {{ entity }}_superseded_later check (_superseded_in > _recorded_in);
    create unique index {{ entity }}_one_open_version on {{ relation }} ({{ id }}) include (_fingerprint, _feed)
        where _superseded_in is null and valid_to is null;
    create unique index {{ entity }}_one_version_at_a_time on {{ relation }} ({{ id }}, valid_from)
        where _superseded_in is null;
    create index {{ entity }}_versions on {{ relation }} ({{ id }});
    create trigger refuse_overlap_on_insert after insert on {{ relation }}
        referencing new table as touched for each statement execute function history.refuse_overlap('{{ id }}');
    create trigger refuse_overlap_on_update after update on {{ relation }}
        referencing new table as touched for each statement execute function history.refuse_overlap('{{ id }}');
    {%- else %}
    {%- for column in get_column_schema_from_query(sql) if column.name not in existing_names(existing) %}
    alter table {{ relation }} add column {{ adapter.quote(column.name) }} {{ column.data_type }};
    {%- else %}
    select 1;
    {%- endfor %}
    {%- endif %}
{% endmacro %}

{% macro existing_names(relation) %}
    {{ return(adapter.get_columns_in_relation(relation) | map(attribute='name') | list) }}
{% endmacro %}


{# folding: the run's deliveries in order. concerned: the keys for which they can change anything, found by one join
   over ids and fingerprints; all other keys are unchanged and are not looked at again. #}
{% macro concerned_sql(entity, relation, run) %}
    {%- set id = entity ~ '_id' -%}
    create temporary table folding on commit drop as
    select delivery_id, feed, effective_at, mode, row_number() over (order by effective_at, revision, delivery_id) as seq
    from ledger.judging
    where run = {{ run }};

    create temporary table concerned on commit drop as
    with open_versions as (
        select {{ id }}, _fingerprint, _feed from {{ relation }}
        where _superseded_in is null and valid_to is null
    ),

    judged as (
        select {{ id }}, _fingerprint, _feed, _delivery_id
        from judged.{{ entity }}
        where _delivery_id = any (array(select delivery_id from folding))
    ),

    different as (
        select judged.{{ id }}
        from judged
        left join open_versions using ({{ id }})
        where open_versions._fingerprint is distinct from judged._fingerprint
    ),

    full_deliveries as (
        select feed, count(*) as deliveries from folding where mode = 'full' group by feed
    ),

    sightings as (
        select judged.{{ id }}, count(*) as deliveries
        from judged
        join folding on folding.delivery_id = judged._delivery_id and folding.mode = 'full'
        group by 1
    ),

    missing as (
        select open_versions.{{ id }}
        from open_versions
        join full_deliveries on full_deliveries.feed = open_versions._feed
        left join sightings using ({{ id }})
        where coalesce(sightings.deliveries, 0) < full_deliveries.deliveries
    )

    select {{ id }} from different
    union
    select {{ id }} from missing;

    create unique index on concerned ({{ id }});
    analyze concerned;
{% endmacro %}


{# Per key, observations in order, with the open version as observation zero: a version starts where the fingerprint
   differs from the one before, or where the key was absent in between; it ends where the next starts, or at the first
   full delivery of its feed that lacks it. A quarantined row is proof that its key is there, and so is the key's text
   in a record that could not be read: neither changes the key, neither closes it. #}
{% macro fold_sql(entity, relation) %}
    {%- set id = entity ~ '_id' -%}
    {%- set key = entity_key(entity) -%}
    {%- set personal = entity_columns(entity) | rejectattr('pii', 'equalto', 'none')
        | selectattr('name', 'in', key) | list -%}
    create temporary table folded on commit drop as
    with observations as (
        select
            dimension.{{ id }} as id,
            dimension._feed as feed,
            dimension._fingerprint as fingerprint,
            0::bigint as seq,
            dimension.valid_from as at,
            dimension._delivery_id as delivery_id,
            dimension._row_number as row_number,
            array[{% for part in key %}dimension.{{ adapter.quote(part) }}::text{{ ', ' if not loop.last }}{% endfor %}] as key
        from {{ relation }} as dimension
        join concerned using ({{ id }})
        where dimension._superseded_in is null and dimension.valid_to is null
        union all
        select
            judged.{{ id }},
            judged._feed,
            judged._fingerprint,
            folding.seq,
            folding.effective_at,
            judged._delivery_id,
            judged._row_number,
            array[{% for part in key %}judged.{{ adapter.quote(part) }}::text{{ ', ' if not loop.last }}{% endfor %}]
        from judged.{{ entity }} as judged
        join folding on folding.delivery_id = judged._delivery_id
        join concerned using ({{ id }})
        where judged._delivery_id = any (array(select delivery_id from folding))
    ),

    neighbours as (
        select
            observations.*,
            lag(seq) over in_order as previous_seq,
            lag(fingerprint) over in_order as previous_fingerprint,
            lead(seq) over in_order as next_seq
        from observations
        window in_order as (partition by id order by seq)
    ),

    absences as (
        select neighbours.*, absence.delivery_id as gone_by, absence.effective_at as gone_at
        from neighbours
        left join lateral (
            select folding.delivery_id, folding.effective_at
            from folding
            where folding.mode = 'full'
                and folding.feed = neighbours.feed
                and folding.seq > neighbours.seq
                and (neighbours.next_seq is null or folding.seq < neighbours.next_seq)
                and not exists (
                    select from quarantine.{{ entity }} as present
                    where present.{{ id }} = neighbours.id and present.delivery_id = folding.delivery_id
                )
                and not exists (
                    select from quarantine.{{ entity }} as present
                    where present.kind = 'unreadable' and present.delivery_id = folding.delivery_id
                    {%- if not personal %}
                        and (
                            present.raw_length > length(present.raw_bytes)
                            or exists (
                                select from unnest(neighbours.key) as part
                                where position(lower(part) in lower(encode(present.raw_bytes, 'escape'))) > 0
                            )
                        )
                    {%- endif %}
                )
            order by folding.seq
            limit 1
        ) as absence on true
    ),

    starts as (
        select
            absences.*,
            previous_seq is null or lag(gone_at) over in_order is not null as is_opening,
            previous_seq is not null and lag(gone_at) over in_order is null
                and fingerprint is distinct from previous_fingerprint as is_change
        from absences
        window in_order as (partition by id order by seq)
    ),

    numbered as (
        select starts.*, count(*) filter (where is_opening or is_change) over (partition by id order by seq) as version
        from starts
    )

    select
        id,
        (array_agg(seq order by seq))[1] as seq,
        (array_agg(delivery_id order by seq))[1] as delivery_id,
        (array_agg(row_number order by seq))[1] as row_number,
        bool_or(is_opening) as is_opening,
        min(at) as valid_from,
        coalesce(max(gone_at), lead(min(at)) over (partition by id order by version)) as valid_to,
        max(gone_by) as gone_by
    from numbered
    group by id, version;

    analyze folded;
{% endmacro %}


{# Open versions that end now: the row that said "open" is superseded ... #}
{% macro supersede_sql(entity, relation, run) %}
    {%- set id = entity ~ '_id' -%}
    update {{ relation }} as dimension
    set _superseded_in = {{ run }}
    from folded
    where folded.seq = 0
        and folded.valid_to is not null
        and dimension.{{ id }} = folded.id
        and dimension._superseded_in is null
        and dimension.valid_to is null
{% endmacro %}


{# ... by a copy with its end; and the versions that begin in this run are inserted, masked on their way. #}
{% macro insert_sql(entity, relation, sql, run) %}
    {%- set id = entity ~ '_id' -%}
    {%- set columns = [id] + history_columns(entity) + ['_feed', '_fingerprint', '_delivery_id', '_row_number'] -%}
    insert into {{ relation }}
        ({% for column in columns %}{{ adapter.quote(column) }}, {% endfor %}valid_from, valid_to, _recorded_in)
    select
        {% for column in columns %}dimension.{{ adapter.quote(column) }}, {% endfor %}
        dimension.valid_from, folded.valid_to, {{ run }}
    from {{ relation }} as dimension
    join folded on folded.id = dimension.{{ id }} and folded.seq = 0
    where dimension._superseded_in = {{ run }}
    union all
    select
        {% for column in columns %}masked.{{ adapter.quote(column) }}, {% endfor %}
        folded.valid_from, folded.valid_to, {{ run }}
    from ({{ sql }}) as masked
    join folded on folded.delivery_id = masked._delivery_id and folded.row_number = masked._row_number
    where folded.seq > 0 and masked._delivery_id = any (array(select delivery_id from folding))
{% endmacro %}


{# What each delivery did; a delivery that does not add up breaks the constraint every_good_row_is_merged. #}
{% macro merge_account_sql(entity, run) %}
    with begun as (
        select
            delivery_id,
            count(*) filter (where is_opening) as opened,
            count(*) filter (where not is_opening) as changed
        from folded
        where seq > 0
        group by delivery_id
    ),

    closed as (
        select gone_by as delivery_id, count(*) as versions from folded where gone_by is not null group by 1
    ),

    unchanged as (
        select judged._delivery_id as delivery_id, count(*) as rows
        from judged.{{ entity }} as judged
        where judged._delivery_id = any (array(select delivery_id from folding))
            and not exists (
                select from folded
                where folded.seq > 0
                    and folded.delivery_id = judged._delivery_id
                    and folded.row_number = judged._row_number
            )
        group by 1
    )

    update ledger.row_accounts as account
    set
        opened = coalesce(begun.opened, 0),
        changed = coalesce(begun.changed, 0),
        unchanged = coalesce(unchanged.rows, 0),
        closed = coalesce(closed.versions, 0)
    from folding
    left join begun using (delivery_id)
    left join closed using (delivery_id)
    left join unchanged using (delivery_id)
    where account.delivery_id = folding.delivery_id;

    update ledger.deliveries set state = 'merged' where delivery_id in (select delivery_id from folding);
    update ledger.runs set state = 'merged', finished_at = clock_timestamp() where run = {{ run }};

    -- A sighting of what is merged now: all of its good rows are unchanged.
    insert into ledger.row_accounts
    select
        sighting.delivery_id, account.read, account.blank, account.banner, account.unreadable, account.staged,
        account.quarantined, account.good, account.duplicate, 0, 0, account.good - account.duplicate, 0
    from ledger.deliveries as sighting
    join ledger.row_accounts as account on account.delivery_id = sighting.sighting_of
    join folding on folding.delivery_id = sighting.sighting_of
    where sighting.state = 'sighted'
    on conflict (delivery_id) do nothing;
{% endmacro %}
