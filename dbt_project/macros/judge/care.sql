{# The way that is taken when the mapping or a rule raises an error for some row: the rows are rated in parts, and those
   for which it raises one by one, rule by rule. What raises is a reason like any other, without the value; it holds the
   row back even where the rule only warns, for Soda could not verify a table in which the row stays. #}
{% macro rate_with_care_sql(entity, judged, sql, rules, delivery, undeclared) %}
    {%- set id = entity ~ '_id' -%}
            create unlogged table {{ judged }} as
            {{ rated_rows_sql(entity, sql, rules, delivery, undeclared, with_cells=false) }}
            with no data;
            create temporary table suspect on commit drop as table {{ judged }};
            create temporary table failing on commit drop as
            select 0::bigint as row_number, ''::text as state where false;
            create index sluice_care_{{ delivery.delivery_id }} on staging.delivery_{{ delivery.delivery_id }} (_row_number);
            set local plan_cache_mode = force_generic_plan;
            {{ forget_prepared('sluice_rate') }}
            execute $prepare$
                prepare sluice_rate (bigint, bigint) as insert into {{ judged }}
                {{ rated_rows_sql(entity, sql, rules, delivery, undeclared, 'where _row_number between $1 and $2', with_cells=false) }}
            $prepare$;
            insert into failing
            select found.row_number, found.state
            from (select max(_row_number) as last from staging.delivery_{{ delivery.delivery_id }}) as staged,
                judged.rows_that_raise('sluice_rate', 1, staged.last, 2147483647) as found;
            deallocate sluice_rate;

            declare
                failing_row record;
                known_id uuid;
            begin
                for failing_row in select * from failing loop
                    begin
                        insert into suspect
                        {{ rated_rows_sql(
                            entity, sql, rules, delivery, undeclared, 'where _row_number = failing_row.row_number', asked=false, with_cells=false
                        ) }};
                    exception when {{ errors_of_values() }} then
                        {{ unmapped_sql(entity, sql, delivery) }}
                    end;
                    {%- for rule in rules %}
                    begin
                        update suspect as candidates
                        set {{ holder(rule) }} = concat_ws(',', {{ holder(rule) }}, '{{ rule.code }}')
                        where ({{ rule.predicate }});
                    exception when {{ errors_of_values() }} then
                        update suspect set _broken = concat_ws(',', _broken, '{{ rule.code }}_error');
                        insert into raised values (
                            failing_row.row_number,
                            '{{ rule.code }}_error',
                            'The rule could not be evaluated: ' || judged.in_words(sqlstate) || '.'
                        );
                    end;
                    {%- endfor %}
                    insert into {{ judged }} table suspect;
                    delete from suspect;
                end loop;
            end;
            reset plan_cache_mode;
            drop index staging.sluice_care_{{ delivery.delivery_id }};
            drop table suspect, failing;
{% endmacro %}

{% macro holder(rule) %}{{ '_warned' if rule.on_fail == 'warn' else '_broken' }}{% endmacro %}

{# A row that cannot be mapped has no values; its id it has where its key can be mapped: its key is there, and stays. #}
{% macro unmapped_sql(entity, sql, delivery) %}
                        insert into raised values (
                            failing_row.row_number,
                            'mapping_error',
                            'The row could not be mapped: ' || judged.in_words(sqlstate) || '.'
                        );
                        known_id := null;
                        begin
                            select {{ surrogate_id(entity, delivery.feed) }} into known_id
                            from ({{ sql }}) as mapped
                            where _delivery_id = {{ delivery.delivery_id }}
                                and _row_number = failing_row.row_number;
                        exception when {{ errors_of_values() }} then
                            null;
                        end;
                        insert into judged.delivery_{{ delivery.delivery_id }}
                            ({{ entity }}_id, _feed, _delivery_id, _row_number, _line_number, _broken)
                        select known_id, '{{ delivery.feed }}', _delivery_id, _row_number, _line_number, 'mapping_error'
                        from staging.delivery_{{ delivery.delivery_id }}
                        where _row_number = failing_row.row_number;
                        continue;
{% endmacro %}

{# A prepared statement outlives the transaction that failed. #}
{% macro forget_prepared(name) %}
            if exists (select from pg_prepared_statements where name = '{{ name }}') then
                deallocate {{ name }};
            end if;
{% endmacro %}
