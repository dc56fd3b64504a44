{# Split the rows of the deliveries of the session's run: good ones into judged.<entity>, bad ones with all their reasons into
   quarantine.<entity>, the counts into the ledger, in one transaction. The rules are the contract's, as SQL, in
   ledger.rules (written there by checks/). Without a run only the tables are made. #}
{% materialization judged, adapter='postgres' %}
    {%- set entity = model.config.meta.entity -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set id = entity ~ '_id' -%}

    {{ run_hooks(pre_hooks, inside_transaction=false) }}
    {{ run_hooks(pre_hooks, inside_transaction=true) }}

    {% call statement('main') -%}
        set local datestyle = 'ISO, YMD'; set local timezone = 'UTC'; set local extra_float_digits = 1;
        {{ create_judged_tables(entity, target_relation) }}
    {%- endcall %}

    {%- set deliveries = run_query(
        "select run, delivery_id from ledger.judging where entity = '" ~ entity ~ "' order by delivery_id"
    ) -%}
    {% if deliveries.rows %}
        {%- set rules = run_query(
            "select code, predicate from ledger.rules join ledger.runs using (contract_hash)"
            " where run = " ~ deliveries.rows[0].run ~ " order by position"
        ) -%}
        {% call statement('keep') -%}
            {{ keep_settled(entity) }}
        {%- endcall %}
        {% call statement('clear') -%}
            {% for delivery in deliveries.rows -%}
            drop table if exists judged.delivery_{{ delivery.delivery_id }};
            create unlogged table judged.delivery_{{ delivery.delivery_id }}
            partition of {{ target_relation }} for values in ({{ delivery.delivery_id }});
            delete from quarantine.{{ entity }} where delivery_id = {{ delivery.delivery_id }};
            {% endfor %}
        {%- endcall %}
        {% call statement('split') -%}
            {{ without_values(split_sql(entity, target_relation, sql, rules.rows)) }}
        {%- endcall %}
        {% call statement('put_back') -%}
            {{ without_values(put_settled_back(entity, target_relation)) }}
        {%- endcall %}
        {% call statement('advance') -%}
            update ledger.deliveries set state = 'judged'
            where state = 'staged' and delivery_id in (select delivery_id from ledger.judging where entity = '{{ entity }}')
        {%- endcall %}
        {% call statement('analyze') -%}
            {% for delivery in deliveries.rows -%}
            analyze judged.delivery_{{ delivery.delivery_id }};
            {% endfor %}
        {%- endcall %}
        {{ tell_if_trial(entity) }}
    {% endif %}

    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks, inside_transaction=true) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=false) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
