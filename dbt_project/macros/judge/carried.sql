{# Records that are as they were in their feed's full delivery before, its `base`, are not judged again, nor kept twice:
   what was found of them is carried over. A record is known again by the hash of its cells, which is seeded with all that
   it is judged by (flows/carried.py): another mapping, contract or list, and nothing is known. Only good rows that no rule
   warns of vouch for others, and only rules over a row's own values are spared; the others are asked of every row.

   The delivery's own table has what is judged for it. What is carried over stays where it is, and judged.carried_<id>
   tells where that belongs (migration 0024): a million rows that stay cost 50 MB instead of 350, and no copying. Whoever
   has to read all of them calls judged.make_whole() first.

   64 bits tell records apart. Of a million of which a hundredth is new, the chance that a new one is taken for one of the
   base is 10^10 / 2^64, under 10^-9. Where that one is there as well, as nearly all are, it is noticed: records that are
   known by the same row are all judged. #}

{# The delivery whose judged rows may be carried over, or none: (content_id, run that judged it, rows that it has, bases:
   where its own carried rows stand). Where rows were erased, there is none. #}
{% macro base_of(delivery) %}
    {%- if not delivery.cells_seed -%} {{ return(none) }} {%- endif -%}
    {{ return(run_query(
        "select base.delivery_id as content_id, account.good - account.duplicate as rows,"
        " array_to_string(judged.bases_of(base.delivery_id), ',') as bases,"
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
        " and judged.bases_of(base.delivery_id) is not null"
        " and not exists (select from pii.erased_rows where erased_rows.delivery_id in (d.delivery_id, base.delivery_id))"
        " order by before.effective_at desc, before.delivery_id desc limit 1"
    ).rows | first) }}
{% endmacro %}


{# The hash of each staged record's cells. A table of its own: narrow, it is what a join keeps in memory, and, unlike a
   temporary one, several processes read it. #}
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

{% macro carried(delivery_id) -%} judged.carried_{{ delivery_id }} {%- endmacro %}


{# Judges the records that the base does not know, and lets the others stay there; where it knows fewer than half of them,
   it does nothing, and `is_carried` stays false. Afterwards `ids_apart` are those of which something may differ from the
   base: ids that only one of the two has, that have a row which is judged anew, or one that was held back in the base.
   All rows of such ids are in the delivery's own table. (Arrays: several processes may ask whether something is in them,
   which they may not of a temporary table.) #}
{% macro carry_sql(entity, judged, sql, rules, delivery, undeclared, base) %}
    {%- set id = entity ~ '_id' -%}
    {%- set row_rules = rules | selectattr('scope', 'equalto', 'row') | list -%}
    {%- set asked = row_rules | rejectattr('of_cells') | list -%}
    {%- set bases = [base.content_id] + ((base.bases or '').split(',') | select | list) -%}
            drop table if exists {{ apart(delivery) }};
            create unlogged table {{ apart(delivery) }} as
            select came.row_number, coalesce(came.cells, known.cells) as cells, known.id, came.ctid as place
            from {{ came(delivery) }} as came
            full join ({{ known_cells(id, base, rules) }}) as known on known.cells = came.cells
            where came.row_number is null or known.cells is null;

            select count(row_number), count(*) - count(row_number) into rows_apart, rows_gone from {{ apart(delivery) }};
            analyze {{ apart(delivery) }};
            if rows_apart * 2 <= rows_came then
                -- Records with the same cells, as exact repetitions: all of them are judged.
                if rows_came - rows_apart <> {{ base.rows }} - rows_gone then
                    insert into {{ apart(delivery) }} (row_number, cells, place)
                    select row_number, cells, ctid
                    from {{ came(delivery) }}
                    where cells in (
                        select cells from {{ came(delivery) }} group by 1 having count(*) > 1
                        except
                        select cells from {{ apart(delivery) }}
                    );
                end if;
                rows_to_judge := array(select row_number from {{ apart(delivery) }} where row_number is not null);
                create unlogged table {{ judged }} as
                {{ rated_rows_sql(entity, sql, row_rules, delivery, undeclared, only='rows_to_judge') }};

                cells_apart := array(
                    select cells from {{ apart(delivery) }} where row_number is null and id is null and cells is not null
                );
                ids_apart := array(
                    select {{ id }} from {{ judged }} where {{ id }} is not null
                    union
                    select id from {{ apart(delivery) }} where id is not null
                    union
                    select {{ id }} from quarantine.{{ entity }}
                    where delivery_id = {{ base.content_id }} and {{ id }} is not null
                );
                create temporary table held on commit drop as
                {%- for one in bases %}
                select {{ id }} as id, _cells as cells
                from judged.delivery_{{ one }}
                where {{ id }} = any (ids_apart) {{- ' or _cells = any (cells_apart)' if bases | length > 1 }}
                {{ 'union all' if not loop.last }}
                {%- endfor %};
                ids_apart := array(select unnest(ids_apart) union select id from held where cells = any (cells_apart));

                -- Rows that would be carried over, though their id has another row that is not.
                cells_apart := array(select cells from held except select cells from {{ apart(delivery) }});
                rows_to_judge := array(
                    select row_number from {{ came(delivery) }} where cells = any (cells_apart)
                );
                if cardinality(rows_to_judge) > 0 then
                    insert into {{ apart(delivery) }} (row_number, cells, place)
                    select row_number, cells, ctid from {{ came(delivery) }} where row_number = any (rows_to_judge);
                    insert into {{ judged }}
                    {{ rated_rows_sql(entity, sql, row_rules, delivery, undeclared, only='rows_to_judge') }};
                end if;

                delete from {{ came(delivery) }} where ctid = any (array(select place from {{ apart(delivery) }}));
                get diagnostics rows_apart = row_count;
                rows_carried := rows_came - rows_apart;
                alter table {{ came(delivery) }} rename to carried_{{ delivery.delivery_id }};
                insert into ledger.differences
                values ({{ delivery.delivery_id }}, {{ base.content_id }}, {{ base.run }}, rows_carried);
                is_carried := true;

                {%- if asks_every_row(entity, rules, delivery) %}
                {%- set is_needed = 'true' %}
                {%- else %}
                {%- set is_needed -%}
                    exists (select from kept where kept.delivery_id = {{ delivery.delivery_id }} and kept.status = 'discarded')
                {%- endset %}
                {%- endif %}
                if {{ is_needed }} then
                    perform judged.make_whole({{ delivery.delivery_id }});
                    {%- if asked %}
                    update {{ judged }} as candidates
                    set
                        _broken = {{ codes_of_broken(asked | rejectattr('on_fail', 'equalto', 'warn') | list) }},
                        _warned = {{ codes_of_broken(asked | selectattr('on_fail', 'equalto', 'warn') | list) }}
                    where _row_number not in (select row_number from {{ apart(delivery) }} where row_number is not null)
                        and ({% for rule in asked %}({{ rule.predicate }}){{ ' or ' if not loop.last }}{% endfor %});
                    {%- endif %}
                end if;
            end if;
            drop table {{ apart(delivery) }};
{% endmacro %}

{# What stands on one side only: records that came, and cells that the base knows. #}
{% macro apart(delivery) -%} judged.apart_{{ delivery.delivery_id }} {%- endmacro %}


{# Whether a rule, or what is told of amended cells, looks at rows that are carried over. #}
{% macro asks_every_row(entity, rules, delivery) %}
    {%- set told = [] -%}
    {%- for rule in rules -%}
        {%- if (rule.scope == 'row' and not rule.of_cells) or (rule.scope == 'delivery' and not is_of_key(entity, rule)) -%}
            {%- do told.append(rule.code) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(told or amendments_of(delivery.feed).steps | rejectattr('kind', 'equalto', 'concat') | list) }}
{% endmacro %}


{# The cells that the base's rows vouch for, with their ids where the base itself holds them; without the cells where a
   rule that only warns was told of a row, for it is to be told again. #}
{% macro known_cells(id, base, rules) -%}
    {%- set warning = rules | selectattr('on_fail', 'equalto', 'warn') | map(attribute='code') | list -%}
select
                    {% if warning -%}
                    case when _row_number not in (
                        select row_number from ledger.issues
                        where delivery_id = {{ base.content_id }} and row_number is not null
                            and code in ('{{ warning | join("', '") }}')
                    ) then _cells end as cells
                    {%- else -%} _cells as cells
                    {%- endif %},
                    {{ id }} as id
                from judged.delivery_{{ base.content_id }}
                {%- if base.bases %}
                union all
                select cells, null from {{ carried(base.content_id) }}
                {%- endif %}
{%- endmacro %}


{# The hash of a staged record's cells, as they came. #}
{% macro cells(delivery) -%}
    {%- set vendor, name = delivery.feed.split('.') -%}
    {%- set feed = graph.sources.values() | selectattr('source_name', 'equalto', vendor) | selectattr('name', 'equalto', name) | first -%}
hash_record_extended(row({% for column in feed.columns %}{{ adapter.quote(column) }}, {% endfor %}_extra), {{ delivery.cells_seed }})
{%- endmacro %}

{% macro join_cells(delivery, only) -%}
    {%- if delivery.cells_seed -%}
    join (  -- under names that no column of an entity has
            select row_number as _came, cells as _came_cells from {{ apart(delivery) if only else came(delivery) }}
        ) as came on came._came = mapped._row_number
    {%- endif -%}
{%- endmacro %}


{# As the split asks of all rows; ids that only rows which are carried over have stand there once, as in the base. #}
{% macro repeated_among_new_sql(id, judged) %}
            create temporary table repeated on commit drop as
            select {{ id }} from {{ judged }} where {{ id }} = any (ids_apart) group by 1 having count(*) > 1
            union all
            select null where exists (select from {{ judged }} where {{ id }} is null);
{% endmacro %}


{# What may differ from the base, for those who come after: each id, with the delivery's good row of it where it has one. #}
{% macro keep_difference_sql(entity, judged, delivery) %}
    {%- set id = entity ~ '_id' %}
        if is_carried then
            create table {{ difference_of(delivery) }} as
            select {{ id }} as id, _fingerprint as fingerprint, _row_number as row_number, ctid as place
            from {{ judged }}
            where {{ id }} = any (ids_apart);
            insert into {{ difference_of(delivery) }} (id)
            select unnest(ids_apart) except select id from {{ difference_of(delivery) }};
            analyze {{ difference_of(delivery) }};
        end if;
{% endmacro %}

{% macro difference_of(delivery) -%} judged.difference_{{ delivery.delivery_id }} {%- endmacro %}
