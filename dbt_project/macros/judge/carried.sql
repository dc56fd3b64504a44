{# Records that are as they were in their feed's full delivery before, its `base`, are not judged again: what was found of
   them is carried over. A record is known again by the hash of its cells, which is seeded with all that it is judged by
   (flows/carried.py): another mapping, contract or list, and nothing is known. Only good rows that no rule warns of vouch
   for others, and only rules over a row's own values are spared; the others are asked of every row, as always.

   64 bits tell records apart. Of a million of which a hundredth is new, the chance that a new one is taken for one of the
   base is 10^10 / 2^64, under 10^-9. Where that one is there as well, as nearly all are, it is noticed: records that are
   known by the same row are all judged. #}

{# The delivery whose judged rows may be carried over, or none: (content_id, run that judged it, rows that it has, records
   that come). Where rows were erased, there is none. #}
{% macro base_of(delivery) %}
    {%- if not delivery.cells_seed -%} {{ return(none) }} {%- endif -%}
    {{ return(run_query(
        "select base.delivery_id as content_id, account.good - account.duplicate as rows, came.staged as records,"
        " case when judging.delivery_id is not null then judging.run else judged_by.run end as run"
        " from ledger.deliveries as d"
        " join ledger.row_accounts as came using (delivery_id)"
        " join ledger.deliveries as before on before.feed = d.feed"
        " join ledger.deliveries as base on base.delivery_id = coalesce(before.sighting_of, before.delivery_id)"
        " join ledger.row_accounts as account on account.delivery_id = base.delivery_id"
        " left join ledger.judging on judging.delivery_id = base.delivery_id"
        " left join ledger.judged_by on judged_by.delivery_id = base.delivery_id"
        " where d.delivery_id = " ~ delivery.delivery_id ~ " and d.mode = 'full' and d.mends is null"
        " and before.mode = 'full' and before.mends is null and base.mends is null"
        " and (before.effective_at, before.delivery_id) < (d.effective_at, d.delivery_id)"
        " and (base.effective_at, base.delivery_id) < (d.effective_at, d.delivery_id)"
        " and (before.in_history or judging.delivery_id is not null)"
        " and account.good > 0 and came.staged > 0"
        " and coalesce(judging.run, judged_by.run) is not null"
        " and to_regclass('judged.delivery_' || base.delivery_id) is not null"
        " and not exists (select from pii.erased_rows where erased_rows.delivery_id in (d.delivery_id, base.delivery_id))"
        " order by before.effective_at desc, before.delivery_id desc limit 1"
    ).rows | first) }}
{% endmacro %}


{# The hash of each staged record's cells. A table of its own: narrow, it is what a join keeps in memory (1M rows: 1.0 s,
   where the base's wide rows took 1.9), and, unlike a temporary one, several processes read it. #}
{% macro came_sql(delivery) %}
        {%- if delivery.cells_seed %}
        drop table if exists {{ came(delivery) }};
        create unlogged table {{ came(delivery) }} as
        select _row_number as row_number, _line_number as line_number, {{ cells(delivery) }} as cells
        from staging.delivery_{{ delivery.delivery_id }};
        get diagnostics rows_came = row_count;
        analyze {{ came(delivery) }};
        {%- endif %}
{% endmacro %}

{% macro came(delivery) -%} judged.came_{{ delivery.delivery_id }} {%- endmacro %}


{# Fills the delivery's table from its base and from what is judged; where fewer than half of a sample are known, it does
   nothing, and `is_carried` stays false. Afterwards `ids_apart` are those of which something may differ from the base: ids
   that only one of the two has, that have a row which is judged anew, or one that was held back in the base. (An array:
   several processes may ask whether an id is in it, which they may not of a temporary table.) #}
{% macro carry_sql(entity, judged, sql, rules, delivery, undeclared, base) %}
    {%- set id = entity ~ '_id' -%}
    {%- set asked = rules | rejectattr('of_cells') | list -%}
    {%- set values = entity_columns(entity) | map(attribute='name') | list -%}
    {%- set names = bookkeeping_columns(entity) + values + undeclared | map(attribute='attname') | list -%}
            if (
                with sample as materialized (
                    select distinct cells
                    from {{ came(delivery) }} tablesample system ({{ [100.0, 200000.0 / base.records] | min }}) repeatable (0)
                )

                select count(base._cells) >= 0.5 * count(*) and count(base._cells) > 0
                from sample
                left join judged.delivery_{{ base.content_id }} as base on base._cells = sample.cells
            ) then
                create temporary table apart ({{ id }} uuid, row_number bigint, cells bigint) on commit drop;
                set local work_mem = '48MB';  -- with more, a join keeps the wide side, which is the slower one by half
                create unlogged table {{ judged }} as
                select
                    candidates.*,
                    case when _is_carried then {{ codes_of_broken(asked | rejectattr('on_fail', 'equalto', 'warn') | list) }} end as _broken,
                    case when _is_carried then {{ codes_of_broken(asked | selectattr('on_fail', 'equalto', 'warn') | list) }} end as _warned
                from (
                    {{ fence() }}
                    select
                        base.{{ id }},
                        base._feed,
                        base._fingerprint,
                        base._unparsed,
                        {{ delivery.delivery_id }}::bigint as _delivery_id,
                        came.row_number as _row_number,
                        came.line_number as _line_number,
                        came.cells as _cells
                        {%- if has_row_times(entity) %},
                        null::timestamptz as _effective_at
                        {%- endif %}
                        {%- for name in values %},
                        base.{{ adapter.quote(name) }}
                        {%- endfor %}
                        {%- for column in undeclared %},
                        null::{{ column.type }} as {{ adapter.quote(column.attname) }}
                        {%- endfor %},
                        came.row_number is not null and base._row_number is not null as _is_carried
                    from {{ came(delivery) }} as came
                    full join ({{ rows_that_vouch(base, rules) }}) as base on base.known_cells = came.cells
                ) as candidates;
                get diagnostics rows_carried = row_count;
                set local work_mem = '{{ work_mem_of_the_split() }}';

                with others as (
                    delete from {{ judged }} where not _is_carried returning {{ id }}, _row_number, _cells
                )

                insert into apart select * from others;
                get diagnostics rows_apart = row_count;
                rows_carried := rows_carried - rows_apart;

                if rows_carried <> {{ base.rows }} - (select count(*) from apart where row_number is null) then
                    with alike as (
                        delete from {{ judged }}
                        where _cells in (select _cells from {{ judged }} group by 1 having count(*) > 1)
                        returning {{ id }}, _row_number, _cells
                    )

                    insert into apart select * from alike;
                    get diagnostics rows_apart = row_count;
                    rows_carried := rows_carried - rows_apart;
                end if;

                rows_to_judge := array(select row_number from apart where row_number is not null);
                if rows_carried + cardinality(rows_to_judge) <> rows_came then
                    drop table {{ judged }};
                else
                    create temporary table anew on commit drop as
                    {{ rated_rows_sql(entity, sql, rules, delivery, undeclared, only='rows_to_judge') }};
                    insert into {{ judged }} ({% for name in names %}{{ adapter.quote(name) }}, {% endfor %}_broken, _warned)
                    table anew;
                    is_carried := true;
                    ids_apart := array(
                        select {{ id }} from anew where {{ id }} is not null
                        union
                        select {{ id }} from apart where {{ id }} is not null
                        union
                        select {{ id }} from quarantine.{{ entity }}
                        where delivery_id = {{ base.content_id }} and {{ id }} is not null
                    );
                end if;
            end if;
{% endmacro %}


{# The base's rows, each with the cells that it vouches for; none where a rule that only warns was told of it, for it is to
   be told again. (Of patches and defaults all rows of a delivery are asked anyway.) #}
{% macro rows_that_vouch(base, rules) -%}
    {%- set warning = rules | selectattr('on_fail', 'equalto', 'warn') | map(attribute='code') | list -%}
select
                            *,
                            {% if warning -%}
                            case when _row_number not in (
                                select row_number from ledger.issues
                                where delivery_id = {{ base.content_id }} and row_number is not null
                                    and code in ('{{ warning | join("', '") }}')
                            ) then _cells end
                            {%- else -%} _cells
                            {%- endif %} as known_cells
                        from judged.delivery_{{ base.content_id }}
{%- endmacro %}


{# The hash of a staged record's cells, as they came. #}
{% macro cells(delivery) -%}
    {%- set vendor, name = delivery.feed.split('.') -%}
    {%- set feed = graph.sources.values() | selectattr('source_name', 'equalto', vendor) | selectattr('name', 'equalto', name) | first -%}
hash_record_extended(row({% for column in feed.columns %}{{ adapter.quote(column) }}, {% endfor %}_extra), {{ delivery.cells_seed }})
{%- endmacro %}

{% macro join_cells(delivery, only) -%}
    {%- if delivery.cells_seed -%}
    join {{ 'apart' if only else came(delivery) }} as came on came.row_number = mapped._row_number
    {%- endif -%}
{%- endmacro %}


{# As the split asks of all rows; ids that only rows which are carried over have stand there once, as in the base. #}
{% macro repeated_among_new_sql(id, judged) %}
            create temporary table repeated on commit drop as
            select {{ id }} from {{ judged }} where {{ id }} = any (ids_apart) group by 1 having count(*) > 1
            union all
            select null where exists (select from anew where {{ id }} is null);
{% endmacro %}


{# What may differ from the base, for those who come after: each id, with the delivery's good row of it where it has one. #}
{% macro keep_difference_sql(entity, judged, delivery, base) %}
    {%- set id = entity ~ '_id' %}
        if is_carried then
            create table {{ difference_of(delivery) }} as
            select {{ id }} as id, _fingerprint as fingerprint, _row_number as row_number, ctid as place,
                _is_carried is not true as is_new
            from {{ judged }}
            where {{ id }} = any (ids_apart);
            insert into {{ difference_of(delivery) }} (id)
            select unnest(ids_apart) except select id from {{ difference_of(delivery) }};
            analyze {{ difference_of(delivery) }};
            insert into ledger.differences
            values ({{ delivery.delivery_id }}, {{ base.content_id }}, {{ base.run }}, rows_carried);
        end if;
{% endmacro %}

{% macro difference_of(delivery) -%} judged.difference_{{ delivery.delivery_id }} {%- endmacro %}
