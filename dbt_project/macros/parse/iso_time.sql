{# A moment in ISO 8601, with Z, an offset or (UTC, then) none, or a day; NULL for anything else. #}
{% macro parse_iso_time(cell) -%}
case
    when {{ cell }} ~ '^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,6})?)?\s?(Z|[+-]\d{2}:?\d{2})?)?$'
        and pg_input_is_valid(replace({{ cell }}, ',', '.'), 'timestamptz')
    then (
        replace({{ cell }}, ',', '.')
        || case when {{ cell }} ~ '(Z|\d[+-]\d{2}:?\d{2})$' and {{ cell }} ~ ':' then '' else ' UTC' end
    )::timestamptz
end
{%- endmacro %}
