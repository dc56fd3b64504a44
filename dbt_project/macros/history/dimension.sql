{# The dimension. What the database enforces comes with the first rows, see `enforce_sql`: a load into bare tables costs
   a third of one that keeps indexes. #}
{% macro create_dimension(entity, relation, sql) %}
    {%- set id = entity ~ '_id' -%}
    {%- if not is_there(relation) %}
    create table {{ relation }} as
    select
        masked.*,
        null::timestamptz as valid_from,
        null::timestamptz as valid_to,
        null::bigint as _recorded_in,
        null::bigint as _superseded_in,
        null::bytea[] as _fingerprints,
        null::timestamptz[] as _seen_at
    from ({{ sql }}) as masked
    where false;
    alter table {{ relation }}
        alter {{ id }} set not null,
        alter _feed set not null,
        alter _fingerprint set not null,
        alter _delivery_id set not null,
        alter _row_number set not null,
        alter _line_number set not null,
        alter valid_from set not null,
        alter _recorded_in set not null,
        add constraint {{ entity }}_range_not_empty check (valid_to > valid_from),
        add constraint {{ entity }}_superseded_later check (_superseded_in > _recorded_in),
        set (
            autovacuum_vacuum_scale_factor = 0.01,
            autovacuum_vacuum_insert_scale_factor = 0.05,
            autovacuum_analyze_scale_factor = 0.05
        );
    {%- else %}
    do $shape$
    declare
        new record;
    begin
        {{ remember_all_sets_sql(relation) }}
        create temporary table shape on commit drop as select * from ({{ sql }}) as masked where false;
        for new in
            select attname, format_type(atttypid, atttypmod) as type
            from pg_attribute as a
            where attrelid = 'pg_temp.shape'::regclass and attnum > 0 and not exists (
                select from pg_attribute as b where b.attrelid = '{{ relation }}'::regclass and b.attname = a.attname
            )
            order by attnum
        loop
            execute format('alter table {{ relation }} add column %I %s', new.attname, new.type);
        end loop;
        drop table pg_temp.shape;
    end $shape$;
    {%- endif %}
    {{ remember_column_set_sql(entity) }}
{% endmacro %}


{# Dimensions of before: a version knew its first fingerprint, and the one of the columns that it got later. #}
{% macro remember_all_sets_sql(relation) %}
        if not exists (
            select from pg_attribute where attrelid = '{{ relation }}'::regclass and attname = '_seen_at'
        ) then
            alter table {{ relation }}
                add column if not exists _first_fingerprint bytea,
                add column if not exists _refreshed_at timestamptz,
                add column _fingerprints bytea[],
                add column _seen_at timestamptz[];
            update {{ relation }}
            set _fingerprints = array[_first_fingerprint, _fingerprint], _seen_at = array[valid_from, _refreshed_at]
            where _first_fingerprint is not null;
            alter table {{ relation }} drop column _first_fingerprint, drop column _refreshed_at;
        end if;
{%- endmacro %}


{# What no session can break: ranges that are not empty (above), one open version of a key, one version that begins at a
   time, no overlap. Every current version stands in one of two unique indexes; a trigger looks at the touched keys
   only (FOLD.md: an exclusion constraint costs ten times as much on a load). Made once, with the first rows. Two more are
   for the gate. By run: rows are written in the order of runs, so that an index of a few pages tells where they are. The
   open ones by run: each run stands there once with all its places, in their order, so that counting open versions reads 7
   bytes of each, and the visibility map from front to back (the ids, in the order of hashes: 100 bytes, and to and fro). By
   feed it would count as well, and the planner took it for a way to a feed's rows (0.1 s of a million). #}
{% macro enforce_sql(entity, relation) %}
    {%- set id = entity ~ '_id' -%}
    {%- if not is_there(relation.schema ~ '.' ~ entity ~ '_one_open_version') %}
    create unique index {{ entity }}_one_open_version on {{ relation }} ({{ id }}) include (_fingerprint, _feed, valid_from)
        where _superseded_in is null and valid_to is null;
    create unique index {{ entity }}_one_version_at_a_time on {{ relation }} ({{ id }}, valid_from)
        where _superseded_in is null and valid_to is not null;
    create trigger refuse_overlap_on_insert after insert on {{ relation }}
        referencing new table as touched for each statement execute function history.refuse_overlap('{{ id }}');
    create trigger refuse_overlap_on_update after update on {{ relation }}
        referencing new table as touched for each statement execute function history.refuse_overlap('{{ id }}');
    do $overlap$
    begin
        -- After a first load nothing is closed: the index of closed versions, empty, says so at once. Without statistics
        -- the whole dimension was sorted to find that out (1M rows: 1.3 s).
        set local enable_seqscan = off;
        if not exists (select from {{ relation }} where _superseded_in is null and valid_to is not null) then
            set local enable_seqscan = on;
            return;
        end if;
        set local enable_seqscan = on;
        if exists (
            select from (
                select valid_from < lag(coalesce(valid_to, 'infinity')) over (partition by {{ id }} order by valid_from)
                    as is_overlapping
                from {{ relation }}
                where _superseded_in is null and {{ id }} in (
                    select {{ id }} from {{ relation }} where _superseded_in is null and valid_to is not null
                )
            ) as versions where is_overlapping
        ) then
            raise exclusion_violation using message = 'two current versions of a key overlap in valid time';
        end if;
    end $overlap$;
    {%- endif %}
    {%- if not is_there(relation.schema ~ '.' ~ entity ~ '_recorded') %}
    create index {{ entity }}_recorded on {{ relation }} using brin (_recorded_in) with (autosummarize = on);
    {%- endif %}
    {%- if not is_there(relation.schema ~ '.' ~ entity ~ '_open') %}
    create index {{ entity }}_open on {{ relation }} (_recorded_in) where _superseded_in is null and valid_to is null;
    {%- endif %}
    select;
{% endmacro %}


{% macro is_there(name) %}
    {{ return(run_query("select to_regclass('" ~ name ~ "') is not null").rows[0][0]) }}
{% endmacro %}


{# The columns that were declared once: versions of that time keep their values. #}
{% macro former_columns(entity, relation) %}
    {%- set names = [] -%}
    {%- for row in run_query(
        "select attname as name from pg_attribute where attrelid = '" ~ relation ~ "'::regclass and attnum > 0"
        " and not attisdropped order by attnum"
    ).rows if row.name not in history_columns(entity) + [entity ~ '_id'] and not row.name.startswith('_')
        and row.name not in ('valid_from', 'valid_to') -%}
        {%- do names.append(row.name) -%}
    {%- endfor -%}
    {{ return(names) }}
{% endmacro %}
