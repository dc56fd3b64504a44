{# judged.<entity> and quarantine.<entity>, with the columns that the entity declares today. #}
{% macro create_judged_tables(entity, relation) %}
    create table if not exists {{ relation }} (
        {{ entity }}_id uuid not null,
        _feed text not null,
        _fingerprint bytea not null,
        _unparsed jsonb,
        _delivery_id bigint not null,
        _row_number bigint not null,
        _line_number bigint not null
    ) partition by list (_delivery_id);
    {% for column in entity_columns(entity) -%}
    {{ refuse_lengths(entity, column) -}}
    alter table {{ relation }} add column if not exists {{ adapter.quote(column.name) }} {{ column.data_type }};
    {% endfor %}
    alter table {{ relation }} add column if not exists _cells bigint;
    {%- if has_row_times(entity) %}
    alter table {{ relation }} add column if not exists _effective_at timestamptz;
    {%- endif %}
    create table if not exists quarantine.{{ entity }} (
        quarantine_id bigint generated always as identity primary key,
        delivery_id bigint not null references ledger.deliveries,
        feed text not null,
        row_number bigint not null,
        line_number bigint not null,
        kind text not null check (kind in ('judged', 'unreadable')),
        {{ entity }}_id uuid,
        raw jsonb,
        raw_bytes bytea,
        raw_length bigint,
        byte_offset bigint,
        reasons jsonb not null check (jsonb_array_length(reasons) > 0),
        severity text not null default 'error',
        responsible text not null default 'vendor',
        status text not null default 'open',
        settled_at timestamptz,
        settled_by text,
        settled_why text,
        settled_run bigint,
        run bigint not null references ledger.runs,
        quarantined_at timestamptz not null default now(),
        unique (delivery_id, row_number),
        check ((kind = 'judged') = (raw is not null)),
        check ((kind = 'unreadable') = (raw_bytes is not null))
    );
    {{ quarantine_columns(entity) }}
    create index if not exists {{ entity }}_open on quarantine.{{ entity }} (feed, delivery_id) where status = 'open';
    create index if not exists {{ entity }}_present on quarantine.{{ entity }} ({{ entity }}_id, delivery_id);
    comment on table quarantine.{{ entity }} is
        'One row per record that broke a rule or could not be read, with all its reasons. Holds personal data.';
{% endmacro %}

{# What quarantine has learnt to keep since it was first made. Looked at first: ALTER TABLE would shut readers out. #}
{% macro quarantine_columns(entity) %}
    do $columns$
    begin
        if to_regclass('quarantine.{{ entity }}') is null or exists (
            select from pg_constraint
            where conrelid = to_regclass('quarantine.{{ entity }}') and conname = '{{ entity }}_status'
        ) then
            return;
        end if;
        alter table quarantine.{{ entity }}
            add column if not exists severity text not null default 'error',
            add column if not exists responsible text not null default 'vendor',
            add column if not exists settled_at timestamptz,
            add column if not exists settled_by text,
            add column if not exists settled_why text,
            add column if not exists settled_run bigint,
            add constraint {{ entity }}_severity check (severity in ('error', 'critical')),
            add constraint {{ entity }}_responsible check (responsible in ('vendor', 'us')),
            add constraint {{ entity }}_status
                check (status in ('open', 'released', 'replayed', 'superseded', 'discarded'));
    end $columns$;
{% endmacro %}

{# A cast to varchar(9) cuts without a word. #}
{% macro refuse_lengths(entity, column) -%}
    {%- if column.data_type.startswith(('varchar(', 'char(', 'character')) -%}
        {%- do exceptions.raise_compiler_error(
            entity_node(entity).patch_path.split('://')[1] ~ ': column ' ~ column.name ~ ': ' ~ column.data_type
            ~ ' would cut long values; write text, and a rule on its length in the contract'
        ) -%}
    {%- endif -%}
{%- endmacro %}

{# A column of another type than its table has: said when the project is built, before any data moves. A delivery could not
   become a part of the table: "child table has different type". #}
{% macro refuse_retyped(entity, relation) %}
    {% call statement('declared') -%}
        create temporary table declared (
            {%- for column in entity_columns(entity) %}
            {{ adapter.quote(column.name) }} {{ column.data_type }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) on commit drop
    {%- endcall %}
    {%- set retyped = run_query(
        "select attname, format_type(kept.atttypid, kept.atttypmod) as kept, format_type(told.atttypid, told.atttypmod) as told"
        " from pg_attribute as kept join pg_attribute as told using (attname)"
        " where kept.attrelid = '" ~ relation ~ "'::regclass and told.attrelid = 'pg_temp.declared'::regclass"
        " and kept.attnum > 0 and (kept.atttypid, kept.atttypmod) <> (told.atttypid, told.atttypmod) order by told.attnum"
    ).rows -%}
    {% call statement('declared') -%} drop table pg_temp.declared {%- endcall %}
    {%- for column in retyped -%}
        {%- set dimension = 'history.dim_' ~ entity -%}
        {%- set remedy -%}
            {%- if is_there(dimension) and run_query('select exists (table ' ~ dimension ~ ')').rows[0][0] -%}
            A column keeps its type as long as it has a history: declare one of another name, which is filled with the next
            file, or write {{ column.kept }} again
            {%- else -%}
            Nothing of it is in history yet: drop table judged.{{ entity }}, {{ dimension }} cascade; the next run makes them anew
            {%- endif -%}
        {%- endset -%}
        {%- do exceptions.raise_compiler_error(
            entity_node(entity).patch_path.split('://')[1] ~ ': column ' ~ column.attname ~ ': it is declared ' ~ column.told
            ~ ', and ' ~ relation ~ ' has it as ' ~ column.kept ~ '. ' ~ remedy.split() | join(' ')
        ) -%}
    {%- endfor -%}
{% endmacro %}
