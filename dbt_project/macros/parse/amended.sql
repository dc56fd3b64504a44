{# A feed's rows with what its declaration makes of their cells: concatenations, values of other columns, patches, defaults,
   each step on what those before it made (extract/amend.py). Of a feed that declares nothing of it, just its table.
   The filter by _delivery_id goes below the steps: the deliveries' partitions stay pruned. #}
{% macro amended(vendor, feed) -%}
{%- set says = amendments_of(vendor ~ '.' ~ feed) -%}
{%- if not says.steps -%} {{ source(vendor, feed) }}
{%- else -%}
(
        select
            {%- for column in says.columns %}
            {{ amended_cell(says.steps, column) }} as {{ adapter.quote(column) }},
            {%- endfor %}
            raw._extra,
            raw._delivery_id,
            raw._row_number,
            raw._line_number
        from {{ source(vendor, feed) }} as raw
        {{- amending_steps(says.steps) }}
    )
{%- endif -%}
{%- endmacro %}

{% macro amendments_of(feed) %}
    {{ return(var('amendments', {}).get(feed, {'steps': [], 'columns': [], 'skip': []})) }}
{% endmacro %}

{# One lateral for each step: `step_3.cell` is what the third made of its column. "offset 0": computed once. #}
{% macro amending_steps(steps) %}
    {%- for step in steps %}
        cross join lateral (select {{ amending_step(steps, step) }} as cell offset 0) as step_{{ step.number }}
    {%- endfor %}
{%- endmacro %}

{% macro amending_step(steps, step) -%}
{%- set before = amended_cell(steps, step.column, step.number) -%}
{%- if step.kind == 'patched' -%}
regexp_replace({{ before }}, {{ text_literal(step.pattern) }}, {{ text_literal(step.replacement) }}, 'g')
{%- elif step.kind == 'concat' -%}
concat_ws({{ text_literal(step.separator) }}{% for column in step.columns %}, {{ clean(amended_cell(steps, column, step.number)) }}{% endfor %})
{%- elif step.kind == 'default_from' -%}
case when {{ clean(before) }} is null then {{ amended_cell(steps, step.from, step.number) }} else {{ before }} end
{%- else -%}
case when {{ clean(before) }} is null then {{ text_literal(step.value) }} else {{ before }} end
{%- endif -%}
{%- endmacro %}

{# What the steps before one (or all) have made of a column. #}
{% macro amended_cell(steps, column, number=none) -%}
    {%- set found = namespace(cell='raw.' ~ adapter.quote(column)) -%}
    {%- for step in steps if step.column == column and (number is none or step.number < number) -%}
        {%- set found.cell = 'step_' ~ step.number ~ '.cell' -%}
    {%- endfor -%}
    {{ found.cell }}
{%- endmacro %}

{% macro text_literal(text) -%} '{{ text | replace("'", "''") }}' {%- endmacro %}

{# Whether a step has changed the row's cell: concatenating is mapping, and changes nothing that anybody has written. #}
{% macro step_applies(steps, step) -%}
    {%- set before = amended_cell(steps, step.column, step.number) -%}
    {%- set after = 'step_' ~ step.number ~ '.cell' -%}
    {%- if step.kind == 'patched' -%} {{ after }} <> {{ before }}
    {%- else -%} {{ clean(before) }} is null and {{ clean(after) }} is not null
    {%- endif -%}
{%- endmacro %}

{# Each application as an issue of its value, whatever became of the row, unless it is skipped. A patch tells what stood
   there before, a default what stands there now; both as the column's class shows it. #}
{% macro amendment_issues_sql(entity, judged, delivery) %}
    {%- set steps = amendments_of(delivery.feed).steps -%}
    {%- if steps | rejectattr('kind', 'equalto', 'concat') | list %}
        insert into ledger.issues (
            delivery_id, feed, entity, row_number, line_number, id, code, occurrence, column_name, severity, responsible,
            message, value, run
        )
        select
            {{ delivery.delivery_id }},
            '{{ delivery.feed }}',
            '{{ entity }}',
            raw._row_number,
            raw._line_number,
            coalesce(passed.{{ entity }}_id, held.{{ entity }}_id),
            told.code,
            told.occurrence,
            told.column_name,
            told.severity,
            told.responsible,
            told.message,
            left(told.value, 200),
            {{ delivery.run }}
        from staging.delivery_{{ delivery.delivery_id }} as raw
        {{- amending_steps(steps) }}
        cross join lateral (
            values
            {%- for step in steps if step.kind != 'concat' %}
            {%- set cell = amended_cell(steps, step.column, step.number if step.kind == 'patched' else step.number + 1) %}
            (
                {{ step_applies(steps, step) }},
                {{ text_literal(step.column ~ '_' ~ step.kind) }},
                {{ step.number }},
                {{ text_literal(step.column) }},
                {{ "'warning', 'vendor'" if step.kind == 'patched' else "'info', 'us'" }},
                {{ text_literal(step.why) }},
                (select {{ told_text({'pii': step.pii}) }} from (select {{ cell }} as "told") as came)
            ){{ ',' if not loop.last }}
            {%- endfor %}
        ) as told (applies, code, occurrence, column_name, severity, responsible, message, value)
        left join {{ judged }} as passed on passed._row_number = raw._row_number
        left join quarantine.{{ entity }} as held
            on held.delivery_id = {{ delivery.delivery_id }} and held.row_number = raw._row_number
        where told.applies
            and not exists (
                select from ledger.skipped
                where skipped.delivery_id = {{ delivery.delivery_id }} and skipped.row_number = raw._row_number
            );
    {%- endif %}
{% endmacro %}
