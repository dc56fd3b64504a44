{# What is bad leaves the delivery's table for quarantine, each row with all its reasons; what could not be read comes
   beside it. A row that a person has discarded, and that is judged again, stays discarded. #}
{% macro set_aside_sql(entity, judged, rules, delivery) %}
    {%- set id = entity ~ '_id' %}
        create temporary table bad (like {{ judged }}) on commit drop;
        with gone as (
            delete from {{ judged }} where _broken is not null returning *
        )

        insert into bad select * from gone;

        if found then
        analyze bad;
        {{ find_staged_rows(delivery, 'bad') }}
        {{ find_cells_behind(entity, 'bad', '_broken', rules, delivery) }}
        with rules as materialized (
            {{ rules_of_run(delivery) }}
        ),

        verdicts as (  -- of all rows at once: a sub-select for each row took 44 us of it, most of that to begin and end
            select
                bad._row_number,
                jsonb_agg(
                    jsonb_build_object(
                        'code', reason.code,
                        'column', rules.column_name,
                        'message', coalesce(raised.message, {{ told_message('rules', 'bad') }}),
                        'headers', rules.headers,
                        'value', {{ told_value(entity, rules, 'bad', 'staged.raw', delivery) }}
                    )
                    order by rules.position nulls last, reason.code
                ) as reasons,
                bool_or(rules.severity = 'critical' and raised.code is null) as is_critical,
                bool_or(raised.code is null and rules.responsible = 'vendor') as is_vendors
            from bad
            join staged using (_row_number)
            cross join lateral unnest(string_to_array(bad._broken, ',')) as reason (code)
            left join raised on raised.code = reason.code and raised.row_number = bad._row_number
            left join rules on rules.code = case
                when raised.code is null then reason.code else regexp_replace(reason.code, '_error$', '')
            end
            group by bad._row_number
        )

        insert into quarantine.{{ entity }}
            (delivery_id, feed, row_number, line_number, kind, {{ id }}, raw, reasons, severity, responsible, run)
        select
            {{ delivery.delivery_id }},
            '{{ delivery.feed }}',
            bad._row_number,
            bad._line_number,
            'judged',
            bad.{{ id }},
            staged.raw,
            verdicts.reasons,
            case when verdicts.is_critical then 'critical' else 'error' end,
            case when verdicts.is_vendors then 'vendor' else 'us' end,
            {{ delivery.run }}
        from verdicts
        join bad using (_row_number)
        join staged using (_row_number)
        {{ keep_discarded() }};
        end if;

        insert into quarantine.{{ entity }} (
            delivery_id, feed, row_number, line_number, kind, raw_bytes, raw_length, byte_offset, reasons, severity,
            responsible, run
        )
        select
            delivery_id,
            '{{ delivery.feed }}',
            row_number,
            line_number,
            'unreadable',
            raw_bytes,
            raw_length,
            byte_offset,
            jsonb_build_array(jsonb_build_object('code', code, 'column', null, 'message', message, 'headers', null, 'value', null)),
            'error',
            'vendor',
            {{ delivery.run }}
        from {{ unread_rows(delivery) }}
        {{ keep_discarded() }};
        delete from quarantine.{{ entity }} where delivery_id = {{ delivery.delivery_id }} and run <> {{ delivery.run }};
{% endmacro %}

{% macro keep_discarded() -%}
on conflict (delivery_id, row_number) do update set
            {{ adapter.quote('run') }} = excluded.run,
            raw = excluded.raw,
            raw_bytes = excluded.raw_bytes,
            reasons = excluded.reasons,
            severity = excluded.severity,
            responsible = excluded.responsible
{%- endmacro %}

{# Rows that pass though they break a rule with on_fail: warn, one issue for each rule. #}
{% macro issues_sql(entity, judged, rules, delivery) %}
    {%- if rules | selectattr('on_fail', 'equalto', 'warn') | list %}
        create temporary table passed on commit drop as select * from {{ judged }} where _warned is not null;
        if exists (select from passed) then
        {{ find_staged_rows(delivery, 'passed') }}
        {{ find_cells_behind(entity, 'passed', '_warned', rules, delivery) }}
        with rules as materialized (
            {{ rules_of_run(delivery) }}
        )

        insert into ledger.issues (
            delivery_id, feed, entity, row_number, line_number, id, code, column_name, severity, responsible, message,
            value, run
        )
        select
            {{ delivery.delivery_id }},
            '{{ delivery.feed }}',
            '{{ entity }}',
            passed._row_number,
            passed._line_number,
            passed.{{ entity }}_id,
            rules.code,
            rules.column_name,
            rules.severity,
            rules.responsible,
            {{ told_message('rules', 'passed') }},
            {{ told_value(entity, rules, 'passed', 'staged.raw', delivery) }},
            {{ delivery.run }}
        from passed
        join staged on staged._row_number = passed._row_number
        cross join lateral unnest(string_to_array(passed._warned, ',')) as issue (code)
        join rules on rules.code = issue.code;
        end if;
    {%- endif %}
{% endmacro %}

{% macro rules_of_run(delivery) -%}
select
                rules.position, rules.code, rules.column_name, rules.message, rules.severity, rules.responsible,
                {{ without_proposal('rules') }} as plain_message,
                {{ headers_behind('rules') }} as headers
            from ledger.rules
            join ledger.runs using (contract_hash)
            where runs.run = {{ delivery.run }}
{%- endmacro %}

{# staged: the rows of `wanted` as they came, as JSON by the columns of staging. #}
{% macro find_staged_rows(delivery, wanted) %}
        drop table if exists pg_temp.staged;
        rows_wanted := array(select _row_number from {{ wanted }});
        create temporary table staged on commit drop as
        select _row_number, to_jsonb(came) - array['_delivery_id', '_row_number', '_line_number'] as raw
        from staging.delivery_{{ delivery.delivery_id }} as came
        where _row_number = any (rows_wanted);
        analyze staged;
{% endmacro %}
