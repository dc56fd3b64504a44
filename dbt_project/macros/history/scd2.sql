{# Fold the judged deliveries of the session's run into a bitemporal dimension, in one transaction with the ledger.
   The model's SQL gives the masked rows; this gives them valid_from, valid_to (what was true when) and _recorded_in,
   _superseded_in (which run said so). Nothing is rewritten: a version that ends is superseded by a copy with its end. #}
{% materialization scd2, adapter='postgres' %}
    {%- set entity = model.name[4:] -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=false) }}
    {{ run_hooks(pre_hooks, inside_transaction=true) }}

    {% call statement('main') -%}
        set local datestyle = 'ISO, YMD'; set local timezone = 'UTC'; set local extra_float_digits = 1;
        {{ create_dimension(entity, target_relation, sql, adapter.get_relation(this.database, this.schema, this.identifier)) }}
    {%- endcall %}

    {%- set running = run_query(
        "select run from ledger.runs where entity = '" ~ entity ~ "' and state = 'running'"
        " and run = nullif(current_setting('sluice.run', true), '')::bigint for update"
    ) -%}
    {% if running.rows %}
        {%- set run = running.rows[0].run -%}
        {% call statement('folding') -%}
            {{ folding_sql(run) }}
        {%- endcall %}
        {%- set in_order = run_query(
            "select not exists (select from folding where effect = 'context') and not exists (select from removed)"
        ).rows[0][0] -%}
        {% call statement('concerned') -%}
            {%- if in_order %} {{ concerned_in_order_sql(entity, target_relation) }}
            {%- else %} {{ concerned_out_of_order_sql(entity, target_relation) }}
            {%- endif %}
        {%- endcall %}
        {% call statement('fold') -%}
            {{ fold_sql(entity, target_relation) }}
        {%- endcall %}
        {% call statement('supersede') -%}
            {{ supersede_sql(entity, target_relation, run) }}
        {%- endcall %}
        {% call statement('insert') -%}
            {{ without_values(insert_sql(entity, target_relation, sql, run)) }}
        {%- endcall %}
        {{ refresh_statistics(target_relation) }}
        {% call statement('account') -%}
            {{ merge_account_sql(entity, target_relation, run) }}
            {{ quarantine_settle(entity, run) }}
            {%- if has_supplements(entity) %}{{ quarantine_release(entity, run) }}{% endif %}
        {%- endcall %}
    {% endif %}

    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks, inside_transaction=true) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=false) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
