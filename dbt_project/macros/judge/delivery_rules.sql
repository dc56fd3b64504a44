{# Rules that look at more than the row itself, one statement each, which touches the rows that break it only. The key's
   own uniqueness is asked of the repeated keys alone; what no rule of the contract holds back there is key_repeated:
   history could not tell the rows apart. #}
{% macro delivery_rules_sql(entity, judged, rules, delivery) %}
    {%- set id = entity ~ '_id' -%}
    {%- set unique_codes = rules | selectattr('unique_columns') | rejectattr('on_fail', 'equalto', 'warn')
        | map(attribute='code') | list -%}
    {%- for rule in rules if rule.scope == 'delivery' %}
        {%- set few = id ~ ' is null or ' ~ id ~ ' in (select ' ~ id ~ ' from repeated)' if is_of_key(entity, rule) else 'true' %}
        if {{ 'true' if few == 'true' else 'exists (select from repeated)' }} then
        begin
            with candidates as not materialized (
                select * from {{ judged }} where {{ few }}
            )

            update {{ judged }} as candidates
            set {{ holder(rule) }} = concat_ws(',', candidates.{{ holder(rule) }}, '{{ rule.code }}')
            where ({{ few }}) and ({{ rule.predicate }});
        exception when {{ errors_of_values() }} then
            {{ ask_with_care_sql(judged, rule, delivery) }}
        end;
        end if;
    {%- endfor %}

        if exists (select from repeated) then
            with conflicting as (
                select {{ id }} {{- and_its_time(delivery.feed) }}
                from {{ judged }}
                where {{ id }} in (select {{ id }} from repeated)
                group by {{ id }} {{- and_its_time(delivery.feed) }}
                having count(*) > 1
            )

            update {{ judged }}
            set _broken = concat_ws(',', _broken, 'key_repeated')
            where ({{ id }} {{- and_its_time(delivery.feed) }}) in (select * from conflicting)
                and not coalesce(string_to_array(_broken, ',') && array[{{ "'" ~ unique_codes | join("', '") ~ "'" if unique_codes }}]::text[], false);

            update {{ judged }} set _broken = 'key_missing' where {{ id }} is null and _broken is null;
        end if;
{% endmacro %}

{# Whether a rule is that the entity's key stands once. #}
{% macro is_of_key(entity, rule) %}
    {%- set unique = (rule.unique_columns or '').split(',') | reject('in', ['_delivery_id', '_effective_at']) | sort -%}
    {{ return(unique == entity_key(entity) | sort) }}
{% endmacro %}

{# As rate_with_care_sql, for a rule that looks at more than the row. One that raises everywhere is given up. #}
{% macro ask_with_care_sql(judged, rule, delivery) %}
            if to_regclass('{{ judged }}_by_row_number') is null then
                create index delivery_{{ delivery.delivery_id }}_by_row_number on {{ judged }} (_row_number);
            end if;
            {{ forget_prepared('sluice_ask') }}
            execute $prepare$
                prepare sluice_ask (bigint, bigint) as
                with candidates as not materialized (select * from {{ judged }})
                update {{ judged }} as candidates
                set {{ holder(rule) }} = concat_ws(',', candidates.{{ holder(rule) }}, '{{ rule.code }}')
                where candidates._row_number between $1 and $2 and ({{ rule.predicate }})
            $prepare$;
            insert into raised
            select
                found.row_number,
                '{{ rule.code }}_error',
                'The rule could not be evaluated: ' || judged.in_words(found.state) || '.'
            from (select max(_row_number) as last from {{ judged }}) as staged,
                judged.rows_that_raise('sluice_ask', 1, staged.last, 5000) as found;
            deallocate sluice_ask;
            update {{ judged }} as judged
            set _broken = concat_ws(',', judged._broken, '{{ rule.code }}_error')
            from raised
            where raised.row_number = judged._row_number and raised.code = '{{ rule.code }}_error';
{% endmacro %}

{# A broken rule with on_fail: refuse ends the judgement of the delivery: nothing of it goes on. What history holds
   already is not refused, but judged row by row: taking it out is a person's decision. #}
{% macro refusals_sql(judged, rules, delivery) %}
    {%- set refusing = rules | selectattr('on_fail', 'equalto', 'refuse') | map(attribute='code') | list -%}
    {%- if refusing and delivery.state == 'staged' %}
        insert into ledger.delivery_checks (delivery_id, "check", outcome, value, bound, message)
        select
            {{ delivery.delivery_id }},
            'rule:' || rules.code,
            'refuse',
            count(*),
            0,
            rules.code || ': ' || count(*) || ' rows break it, the first on line ' || min(judged._line_number)
                || '. ' || {{ without_proposal('rules') }}
        from {{ judged }} as judged
        cross join lateral unnest(string_to_array(judged._broken, ',')) as broken (code)
        join ledger.rules on rules.code = broken.code
        join ledger.runs on runs.contract_hash = rules.contract_hash and runs.run = {{ delivery.run }}
        where rules.on_fail = 'refuse'
        group by rules.code, rules.message;
        if found then
            drop table if exists {{ judged }}, {{ carried(delivery.delivery_id) }};
            return;
        end if;
    {%- endif %}
{% endmacro %}
