{# What is left of erased rows takes their place when a delivery is judged again: staging holds markers there. Other rows
   are asked what they were asked before (a key that stands twice still does), the fold finds the ids and fingerprints
   that history has, and the verdict on an erased row stays what it was. Each statement ends at once where nobody is
   erased. #}
{% macro put_erased_sql(entity, judged, delivery) %}
    {%- set open = entity_columns(entity) | selectattr('pii', 'equalto', 'none') | map(attribute='name') | list
        + (['_effective_at'] if has_row_times(entity) else []) %}
        delete from {{ judged }} as judged
        using pii.erased_rows as erased
        where erased.delivery_id = {{ delivery.delivery_id }} and erased.row_number = judged._row_number;

        insert into {{ judged }} (
            {{ entity }}_id, _feed, _fingerprint, _delivery_id, _row_number, _line_number
            {%- for name in open %}, {{ adapter.quote(name) }}{% endfor %}
        )
        select
            erased.id,
            '{{ delivery.feed }}',
            erased.fingerprint,
            erased.delivery_id,
            erased.row_number,
            erased.line_number
            {%- for name in open %},
            kept.{{ adapter.quote(name) }}
            {%- endfor %}
        from pii.erased_rows as erased
        cross join lateral jsonb_populate_record(null::judged.{{ entity }}, erased.attributes) as kept
        where erased.delivery_id = {{ delivery.delivery_id }}
            and erased.fate <> 'unreadable';
        {{ note_unknown_sql(entity, delivery) }}
{% endmacro %}


{# `_unknown`: today's personal columns of which an erased row says nothing, because they were not declared on the day of
   the erasure. The row is judged by them now as the others are, and nobody knows its value any more. #}
{% macro note_unknown_sql(entity, delivery) %}
    {%- set compared = [] -%}
    {%- for column in personal_columns(entity) if column.tracked %}{% do compared.append(compared_name(column)) %}{% endfor %}
        {%- if compared %}
        update pii.erased_rows
        set attributes = jsonb_set(attributes, '{_unknown}', (
            select coalesce(jsonb_agg(name), '[]')
            from unnest(array['{{ compared | join("', '") }}']) as name
            where not attributes -> '_told' ? name
        ))
        where delivery_id = {{ delivery.delivery_id }} and attributes ? '_told';
        {%- endif %}
{% endmacro %}


{% macro judge_erased_sql(judged, delivery) %}
        update {{ judged }} as judged
        set _broken = case when erased.fate = 'quarantined' then 'erased_person' end, _warned = null
        from pii.erased_rows as erased
        where erased.delivery_id = {{ delivery.delivery_id }} and erased.row_number = judged._row_number;

        insert into raised
        select row_number, 'erased_person', 'The person whom this row was about is erased.'
        from pii.erased_rows
        where delivery_id = {{ delivery.delivery_id }} and fate = 'quarantined';
{% endmacro %}


{% macro set_erased_aside_sql(entity, delivery) %}
        update quarantine.{{ entity }} as held
        set raw = case when kind = 'judged' then '{}'::jsonb end, status = 'discarded'
        from pii.erased_rows as erased
        where held.delivery_id = {{ delivery.delivery_id }}
            and erased.delivery_id = held.delivery_id
            and erased.row_number = held.row_number;
{% endmacro %}
