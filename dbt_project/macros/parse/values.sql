{# A date, or NULL. Day and month come in `order` (mdy or dmy), with / . or - between, the year with four digits or with
   two (70-99 are 19xx). What can be read in one way only is taken too: ISO dates, 2026/01/05, 20260105, and months by their
   English names (5 January 2026, 5-Jan-26, January 5, 2026). A midnight behind the date is ignored. The usual shapes are
   taken apart by place, at 3 µs a cell; other spellings by regular expressions, at 12. #}
{% macro parse_date(cell, order='mdy') -%}
{%- set month, day = (1, 2) if order == 'mdy' else (2, 1) -%}
(
    select case when pg_input_is_valid(iso, 'date') then iso::date end
    from (
        select case
            when shape in ('00/00/0000', '00-00-0000', '00.00.0000') then
                substr({{ cell }}, 7) || '-' || substr({{ cell }}, {{ 3 * month - 2 }}, 2)
                || '-' || substr({{ cell }}, {{ 3 * day - 2 }}, 2)
            when shape in ('0000-00-00', '00000000') then {{ cell }}
            when {{ cell }} is not null then (
                select coalesce(
                    case when length(part[3]) = 2 then case when part[3] < '70' then '20' else '19' end else '' end
                    || part[3] || '-' || part[{{ month }}] || '-' || part[{{ day }}],
                    substring({{ cell }} from '^(\d{4}([-/])\d{1,2}\2\d{1,2})(?:[ T]0?0:00(?::00(?:\.0+)?)?Z?)?$'),
                    named.day || ' ' || named.month || ' '
                    || case when length(named.year) = 2 then case when named.year < '70' then '20' else '19' end else '' end
                    || named.year
                )
                from (
                    select regexp_match(
                        {{ cell }}, '^(\d{1,2})[/.-](\d{1,2})[/.-](\d{2}|\d{4})(?: 0?0:00(?::00)?)?$'
                    ) as part
                    offset 0
                ) as parts
                left join lateral (
                    select coalesce(found[1], found[5]) as day, coalesce(found[2], found[4]) as month,
                        coalesce(found[3], found[6]) as year
                    from regexp_match(
                        {{ cell }},
                        '^(?:(\d{1,2})(?:[snrt][tdh])?[ -]([[:alpha:]]{3,9}),?[ -](\d{2}|\d{4})'
                        || '|([[:alpha:]]{3,9}) (\d{1,2})(?:[snrt][tdh])?,? (\d{4}))$'
                    ) as found
                ) as named on part is null
            )
        end as iso
        from (select translate({{ cell }}, '123456789', '000000000') as shape) as shaped
        offset 0
    ) as spelled
)
{%- endmacro %}

{# A whole number of up to nine digits, thousands commas allowed, or NULL. #}
{% macro parse_integer(cell) -%}
case when {{ cell }} ~ '^-?(\d{1,9}|\d{1,3}(,\d{3}){1,2})(\.0+)?$' then
    replace(split_part({{ cell }}, '.', 1), ',', '')::integer
end
{%- endmacro %}

{# A decimal number without exponent, or NULL. Floats that were printed have up to 17 digits behind the point. #}
{% macro parse_numeric(cell) -%}
case when {{ cell }} ~ '^-?(\d{1,15}(\.\d{0,30})?|\.\d{1,30})$' then ({{ cell }})::numeric end
{%- endmacro %}

{# yes or no in the usual spellings, or NULL. `also_yes` is the wording of a column that repeats its own name for yes. #}
{% macro parse_boolean(cell, also_yes=none) -%}
case
    when lower({{ cell }}) in ('y', 'yes', 'true', 't', '1', 'x'{{ ", '" ~ also_yes ~ "'" if also_yes }}) then true
    when lower({{ cell }}) in ('n', 'no', 'false', 'f', '0') then false
end
{%- endmacro %}

{# The names of the target columns whose value is there and could not be parsed, as a jsonb array, or NULL.
   `pairs`: (target column, the cleaned cell, the parsed value). #}
{% macro unparsed(pairs) -%}
nullif(to_jsonb(array_remove(array[
    {%- for target, cell, parsed in pairs %}
    case when {{ cell }} is not null and {{ parsed }} is null then '{{ target }}' end{{ ',' if not loop.last }}
    {%- endfor %}
], null)), '[]')
{%- endmacro %}
