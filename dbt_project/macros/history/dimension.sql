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
        alter _line_number set not null,
        alter valid_from set not null,
        alter _recorded_in set not null,
        add constraint {{ entity }}_range_not_empty check (valid_to > valid_from),
        add constraint {{ entity }}_superseded_later check (_superseded_in > _recorded_in);
    create unique index {{ entity }}_one_open_version on {{ relation }} ({{ id }}) include (_fingerprint, _feed)
        where _superseded_in is null and valid_to is null;
    create unique index {{ entity }}_one_version_at_a_time on {{ relation }} ({{ id }}, valid_from)
        where _superseded_in is null;
    create index {{ entity }}_begun on {{ relation }} (valid_from) where _superseded_in is null;
    create index {{ entity }}_ended on {{ relation }} (valid_to) where _superseded_in is null and valid_to is not null;
    create trigger refuse_overlap_on_insert after insert on {{ relation }}
        referencing new table as touched for each statement execute function history.refuse_overlap('{{ id }}');
    create trigger refuse_overlap_on_update after update on {{ relation }}
        referencing new table as touched for each statement execute function history.refuse_overlap('{{ id }}');
    {%- else %}
    do $shape$
    declare
        new record;
    begin
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
{% endmacro %}
