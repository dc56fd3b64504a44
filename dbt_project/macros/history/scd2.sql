{# Fold the judged deliveries of the session's run into a bitemporal dimension, in one transaction with the ledger.
   The model's SQL gives the masked rows; this gives them valid_from, valid_to (what was true when) and _recorded_in,
   _superseded_in (which run said so). Nothing is rewritten: a version that ends is superseded by a copy with its end. #}
{% materialization scd2, adapter='postgres' %}
    {%- set entity = model.name[4:] -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=false) }}
    {{ run_hooks(pre_hooks, inside_transaction=true) }}

    {% call statement('main') -%}
        {{ session_of_the_fold() }}
        {{ create_dimension(entity, target_relation, sql) }}
    {%- endcall %}

    {%- set running = run_query(
        "select run from ledger.runs where entity = '" ~ entity ~ "' and state = 'running'"
        " and run = nullif(current_setting('sluice.run', true), '')::bigint for update"
    ) -%}
    {%- set grown, foreign, written = [], [], [] -%}
    {% if running.rows %}
        {%- set run = running.rows[0].run -%}
        {% call statement('folding') -%}
            {{ folding_sql(run) }}
            {{ working_tables_sql(entity, target_relation) }}
        {%- endcall %}
        {%- set feeds = feeds_of_the_fold() -%}
        {%- set loaded = feeds | selectattr('road', 'equalto', 'first') | sum(attribute='rows') %}
        {% if run_query("select exists (table " ~ target_relation ~ ")").rows[0][0] -%}
            {% call statement('enforce') -%} {{ enforce_sql(entity, target_relation) }} {%- endcall %}
        {%- endif %}
        {% for feed in feeds -%}
            {%- set road = namespace(taken=feed.road) -%}
            {%- if road.taken == 'direct' -%}
                {% call statement('compare') -%} {{ compared_sql(entity, target_relation, feed) }} {%- endcall %}
                {%- if has_other_columns(entity, target_relation) %}{% set road.taken = 'fold' %}{% endif -%}
            {%- endif -%}
            {%- if road.taken == 'fold' -%}
                {% call statement('observe') -%}
                    {{ make_whole_sql("folding where feed = '" ~ feed.key ~ "'") }};
                    {{ concerned_sql(entity, target_relation, feed) }}
                    {{ observations_sql(entity, target_relation, feed) }}
                {%- endcall %}
                {%- set is_foreign = has_foreign_columns(entity) -%}
                {%- if is_foreign -%}
                    {%- do foreign.append(feed.key) -%}
                    {% call statement('values') -%} {{ values_sql(entity, target_relation, sql, feed) }} {%- endcall %}
                {%- endif -%}
                {% call statement('fold') -%} {{ fold_sql(entity, target_relation, feed, is_foreign) }} {%- endcall %}
            {%- else -%}
                {%- if road.taken == 'first' -%}
                    {%- set judged = 'judged.delivery_' ~ feed.coming[0].content_id -%}
                    {%- do written.append(masked_rows(entity, sql, judged, feed.rows, run ~ '_' ~ loop.index)) -%}
                {%- endif -%}
                {% call statement(road.taken) -%}
                    {%- if road.taken == 'first' %} {{ first_load_sql(entity, target_relation, written[-1].masked, feed, run) }}
                    {%- else %} {{ direct_sql(entity, target_relation, feed) }}
                    {%- endif %}
                {%- endcall %}
            {%- endif -%}
            {% call statement('clear') -%}
                drop table if exists pg_temp.compared, pg_temp.concerned, pg_temp.standing, pg_temp.observations, pg_temp.folded
            {%- endcall %}
        {%- endfor %}
        {%- set former = former_tracked_columns(entity, target_relation) if foreign else [] -%}
        {%- set picked = rows_to_pick(run) -%}
        {% call statement('supersede') -%}
            {{ supersede_sql(entity, target_relation, run, former, picked) }}
        {%- endcall %}
        {%- do written.append(masked_rows(entity, sql, picked.judged, picked.rows, run)) -%}
        {% call statement('insert') -%}
            {{ without_values(insert_sql(entity, target_relation, written[-1].masked, run, foreign)) }}
        {%- endcall %}
        {{ keep_in_vault(entity, written, personal_columns(entity), before='superseded') }}
        {%- if former %}{{ keep_in_vault(entity, written[-1:], former, before='superseded') }}{% endif %}
        {{ forget_masked_rows(written, picked) }}
        {% call statement('account') -%}
            {{ merge_account_sql(entity, target_relation, run, loaded) }}
            {{ quarantine_settle(entity, run) }}
            {%- if has_supplements(entity) %}{{ quarantine_release(entity, run) }}{% endif %}
        {%- endcall %}
        {% call statement('enforce') -%}
            {{ enforce_sql(entity, target_relation) }}
        {%- endcall %}
        {%- if has_grown(target_relation) %} {%- do grown.append(true) %} {%- endif %}
    {% endif %}

    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks, inside_transaction=true) }}
    {% do adapter.commit() %}
    {% if grown %}
        {% call statement('vacuum', auto_begin=false) -%} vacuum (analyze) {{ target_relation }} {%- endcall %}
    {% endif %}
    {{ run_hooks(post_hooks, inside_transaction=false) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{# Fingerprints hash dates and floats as text. The rest is for the planner: a page of an index costs hardly more than the
   next one of a table (else a delta of 10,000 rows read the whole dimension), and workers are welcome. #}
{% macro session_of_the_fold() %}
    set local datestyle = 'ISO, YMD'; set local timezone = 'UTC'; set local extra_float_digits = 1;
    set local random_page_cost = 1.1; set local parallel_tuple_cost = 0.01; set local jit = off;
    set local default_statistics_target = 10;
{% endmacro %}
