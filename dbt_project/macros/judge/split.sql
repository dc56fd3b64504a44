{# One delivery, in one block. Its rows are typed and rated in one statement, straight into the table that becomes its
   part of judged.<entity>: CREATE TABLE AS runs on several cores, where INSERT does not, and nothing wide is written
   twice. What is bad moves on from there. `repeated` are the ids that several rows have, and null where a row has none:
   nearly always there are none, and nothing more is asked about them. Rules about several rows look at the relation
   `candidates`: the delivery's rows without exact repetitions. The counts go to the ledger, whose constraint
   `every_row_is_judged` refuses a split that loses a row. #}
{% macro split_sql(entity, relation, sql, rules, delivery, undeclared, base) %}
    {%- set id = entity ~ '_id' -%}
    {%- set judged = 'judged.delivery_' ~ delivery.delivery_id -%}
    {%- set row_rules = rules | selectattr('scope', 'equalto', 'row') | list -%}
    declare
        found_again bigint := 0;
        held_back bigint;
        let_pass bigint;
        left_out bigint := 0;
        left_unread bigint := 0;
        unread bigint;
        rows_came bigint;
        is_carried boolean := false;
        rows_carried bigint := 0;
        rows_apart bigint;
        rows_gone bigint;
        rows_to_judge bigint[];
        cells_apart bigint[];
        ids_apart uuid[];
        rows_wanted bigint[];
    begin
        drop table if exists {{ judged }}, {{ difference_of(delivery) }}, {{ carried(delivery.delivery_id) }};
        delete from ledger.differences where {{ delivery.delivery_id }} in (delivery_id, base_id);
        drop table if exists pg_temp.repeated, pg_temp.raised, pg_temp.held, pg_temp.bad, pg_temp.passed;
        create temporary table raised (row_number bigint, code text, message text) on commit drop;

        {{ came_sql(delivery) }}
        begin
            {%- if base %}
            {{ carry_sql(entity, judged, sql, rules, delivery, undeclared, base) }}
            {%- endif %}
            if not is_carried then
                create unlogged table {{ judged }} as
                {{ rated_rows_sql(entity, sql, row_rules, delivery, undeclared) }};
            end if;
        exception when {{ errors_of_values() }} then
            is_carried := false;
            {{ rate_with_care_sql(entity, judged, sql, row_rules, delivery, undeclared) }}
        end;
        {%- if delivery.cells_seed %}
        drop table if exists {{ came(delivery) }};
        {%- endif %}

        {{ leave_out_skipped(judged, delivery) }}
        {{ put_erased_sql(entity, judged, delivery) }}
        analyze {{ judged }};
        set local enable_hashagg = off;  -- a million ids: 0.45 s hashed by one process, 0.2 s sorted by three
        {%- if base %}
        if is_carried then
            {{- repeated_among_new_sql(id, judged) }}
        else
        {%- endif %}
        create temporary table repeated on commit drop as
        select {{ id }} from {{ judged }} group by 1 having count(*) > 1 or {{ id }} is null;
        {%- if base %}
        end if;
        {%- endif %}
        set local enable_hashagg = on;
        analyze repeated;

        if exists (select from repeated) then
            with occurrences as (
                select ctid as place, row_number() over (partition by {{ id }}, _fingerprint {{- and_its_time(delivery.feed) }} order by _row_number) as nth
                from {{ judged }}
                where {{ id }} in (select {{ id }} from repeated) and _fingerprint is not null
            )

            delete from {{ judged }} as judged
            using occurrences
            where judged.ctid = occurrences.place and occurrences.nth > 1;
            get diagnostics found_again = row_count;
        end if;

        {{ delivery_rules_sql(entity, judged, rules, delivery) }}
        {{ judge_erased_sql(judged, delivery) }}

        delete from quarantine.{{ entity }} where delivery_id = {{ delivery.delivery_id }} and status <> 'discarded';
        delete from ledger.issues where delivery_id = {{ delivery.delivery_id }};
        delete from ledger.delivery_checks where delivery_id = {{ delivery.delivery_id }} and "check" like 'rule:%';

        {{ refusals_sql(judged, rules, delivery) }}

        {{ set_aside_sql(entity, judged, rules, delivery) }}
        {{ set_erased_aside_sql(entity, delivery) }}
        select count(*) into held_back
        from quarantine.{{ entity }}
        where delivery_id = {{ delivery.delivery_id }} and kind = 'judged';
        if held_back > 100 then
            analyze quarantine.{{ entity }} (delivery_id, {{ id }});  -- or the merge compares each of 10,000 with each: 1.3 s
        end if;

        {{ issues_sql(entity, judged, rules, delivery) }}
        {{ amendment_issues_sql(entity, judged, delivery) }}
        {%- if base %}
        {{ keep_difference_sql(entity, judged, delivery) }}
        {%- endif %}
        {{ attach_sql(entity, relation, judged, delivery) }}
        select count(*) into let_pass from {{ judged }};
        if to_regclass('{{ carried(delivery.delivery_id) }}') is not null then
            let_pass := let_pass + rows_carried;
        end if;

        select count(*) into unread from {{ unread_rows(delivery) }};

        update ledger.row_accounts
        set
            staged = staged + unreadable - unread,
            unreadable = unread,
            quarantined = held_back,
            good = let_pass + found_again,
            duplicate = found_again,
            skipped = left_out + left_unread,
            opened = null,
            changed = null,
            unchanged = null,
            closed = null
        where delivery_id = {{ delivery.delivery_id }};

        update ledger.deliveries set state = 'judged'
        where state = 'staged' and delivery_id = {{ delivery.delivery_id }};
    end
{% endmacro %}

{# Errors that a value can be the cause of; any other stops the run. #}
{% macro errors_of_values() -%}
data_exception or cardinality_violation or program_limit_exceeded or plpgsql_error
            or external_routine_exception or external_routine_invocation_exception
{%- endmacro %}

{# The filled table becomes the delivery's part of judged.<entity>. #}
{% macro attach_sql(entity, relation, judged, delivery) %}
        alter table {{ judged }}
            drop column _broken,
            drop column _warned,
            {%- for name in bookkeeping_columns(entity) if name not in ('_unparsed', '_cells', '_effective_at') %}
            alter {{ name }} set not null,
            {%- endfor %}
            add constraint of_one_delivery check (_delivery_id = {{ delivery.delivery_id }});
        analyze {{ judged }};
        alter table {{ relation }} attach partition {{ judged }} for values in ({{ delivery.delivery_id }});
        alter table {{ judged }} drop constraint of_one_delivery;
{% endmacro %}
