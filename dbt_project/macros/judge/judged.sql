{# Split the rows of the deliveries of the session's run: good ones into judged.<entity>, bad ones with all their reasons
   into quarantine.<entity>, the counts into the ledger, in one transaction. The rules are the contract's, as SQL, in
   ledger.rules (written there by checks/). Without a run only the tables are made. #}
{% materialization judged, adapter='postgres' %}
    {%- set entity = model.config.meta.entity -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=false) }}
    {{ run_hooks(pre_hooks, inside_transaction=true) }}

    {% call statement('main') -%}
        set local datestyle = 'ISO, YMD'; set local timezone = 'UTC'; set local extra_float_digits = 1;
        {{ create_judged_tables(entity, target_relation) }}
    {%- endcall %}

    {%- set deliveries = run_query(
        "select run, delivery_id, feed, state, cells_seed from ledger.judging"
        " join ledger.run_deliveries using (run, delivery_id) where entity = '" ~ entity ~ "'"
        " order by effective_at, delivery_id"
    ) -%}
    {% if deliveries.rows %}
        {%- set rules = run_query(
            "select code, column_name, predicate, on_fail, scope, of_cells, array_to_string(unique_columns, ',') as unique_columns"
            " from ledger.rules join ledger.runs using (contract_hash) where run = " ~ deliveries.rows[0].run ~ " order by position"
        ).rows -%}
        {%- set undeclared = undeclared_columns(entity, target_relation) -%}
        {% call statement('settings') -%}
            {{ settings_of_the_split() }}
        {%- endcall %}
        {% call statement('keep') -%}
            {{ keep_settled(entity) }};
            {{ make_whole_sql(
                "ledger.run_deliveries where run = " ~ deliveries.rows[0].run ~ " and not judge and effect <> 'remove'"
            ) }}
        {%- endcall %}
        {% for delivery in deliveries.rows %}
            {%- set base = base_of(delivery) -%}
            {% call statement('split') -%}
                {{ without_values(split_sql(entity, target_relation, sql, rules, delivery, undeclared, base)) }}
            {%- endcall %}
        {% endfor %}
        {% call statement('put_back') -%}
            {{ without_values(put_settled_back(entity, target_relation)) }}
        {%- endcall %}
        {{ tell_if_trial(entity) }}
    {% else %}
        {{ refuse_retyped(entity, target_relation) }}
    {% endif %}

    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks, inside_transaction=true) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=false) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# The planner takes a million expressions of a microsecond for cheap, and would leave the other cores idle. #}
{% macro settings_of_the_split() %}
    set local parallel_tuple_cost = 0;
    set local parallel_setup_cost = 100;
    set local jit = off;
    set local default_statistics_target = 10;
    set local work_mem = '128MB';
{% endmacro %}

{# Columns that judged.<entity> still has and its YAML does not declare any more: [name, type]. #}
{% macro undeclared_columns(entity, relation) %}
    {%- set declared = entity_columns(entity) | map(attribute='name') | list + bookkeeping_columns(entity) -%}
    {%- set found = run_query(
        "select attname, format_type(atttypid, atttypmod) as type from pg_attribute"
        " where attrelid = '" ~ relation ~ "'::regclass and attnum > 0 and not attisdropped"
    ) -%}
    {{ return(found.rows | rejectattr('attname', 'in', declared) | list) }}
{% endmacro %}

{% macro bookkeeping_columns(entity) %}
    {{ return(
        [entity ~ '_id', '_feed', '_fingerprint', '_unparsed', '_delivery_id', '_row_number', '_line_number', '_cells']
        + (['_effective_at'] if has_row_times(entity) else [])
    ) }}
{% endmacro %}
