{# Records that the feed declares to be no data (`skip`) are left out of what is judged; which they are, and why, stays in
   ledger.skipped. Asked of the cells as they came. #}
{% macro leave_out_skipped(judged, delivery) %}
    {%- set says = amendments_of(delivery.feed) %}
        delete from ledger.skipped where delivery_id = {{ delivery.delivery_id }};
    {%- if says.skip %}
        insert into ledger.skipped (delivery_id, row_number, line_number, why)
        select {{ delivery.delivery_id }}, raw._row_number, raw._line_number, skipped.why
        from staging.delivery_{{ delivery.delivery_id }} as raw
        cross join lateral (
            select case
                {%- for skip in says.skip %}
                when {{ skip_cell(says, skip) }} ~ {{ text_literal(skip.pattern) }} then {{ text_literal(skip.why) }}
                {%- endfor %}
            end as why
        ) as skipped
        where skipped.why is not null;
        get diagnostics left_out = row_count;

        delete from {{ judged }} as judged
        using ledger.skipped
        where skipped.delivery_id = {{ delivery.delivery_id }} and skipped.row_number = judged._row_number;
    {%- endif %}
{% endmacro %}

{% macro skip_cell(says, skip) -%}
{%- if skip.column -%} raw.{{ adapter.quote(skip.column) }}
{%- else -%}
concat_ws(
                    ','{% for column in says.columns %}, raw.{{ adapter.quote(column) }}{% endfor %},
                    (select string_agg(value, ',') from jsonb_each_text(raw._extra))
                )
{%- endif -%}
{%- endmacro %}
