{# Records that the feed declares to be no data (`skip`) are left out of what is judged; which they are, and why, stays in
   ledger.skipped. Asked of the cells as they came; of a record that could not be split into cells, of its text. #}
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
        {{ skip_unreadable(says, delivery) }}

        delete from {{ judged }} as judged
        using ledger.skipped
        where skipped.delivery_id = {{ delivery.delivery_id }} and skipped.row_number = judged._row_number;
    {%- endif %}
{% endmacro %}

{# A footer of fewer cells than the header is such a record. A pattern of one column says nothing of it; and of one that goes
   over lines, as behind a quote that is not closed, nobody knows what else is in it. #}
{% macro skip_unreadable(says, delivery) %}
    {%- set patterns = says.skip | rejectattr('column') | list -%}
    {%- if patterns %}
        insert into ledger.skipped (delivery_id, row_number, line_number, why)
        select delivery_id, row_number, line_number, skipped.why
        from staging.unreadable_texts as came
        cross join lateral (
            select case
                {%- for skip in patterns %}
                when came.record ~ {{ text_literal(skip.pattern) }} then {{ text_literal(skip.why) }}
                {%- endfor %}
            end as why
        ) as skipped
        where delivery_id = {{ delivery.delivery_id }} and skipped.why is not null
            and not came.is_cut and came.record !~ '[\r\n]';
        get diagnostics left_unread = row_count;
    {%- endif %}
{% endmacro %}

{# What could not be read and is no data either: the delivery's unreadable records but for those. #}
{% macro unread_rows(delivery) -%}
staging.unreadable as unread
        where delivery_id = {{ delivery.delivery_id }}
            and not exists (
                select from ledger.skipped
                where skipped.delivery_id = unread.delivery_id and skipped.row_number = unread.row_number
            )
{%- endmacro %}

{% macro skip_cell(says, skip) -%}
{%- if skip.column -%} raw.{{ adapter.quote(skip.column) }}
{%- else -%}
concat_ws(
                    ','{% for column in says.columns %}, raw.{{ adapter.quote(column) }}{% endfor %},
                    (select string_agg(value, ',') from jsonb_each_text(raw._extra))
                )
{%- endif -%}
{%- endmacro %}
