{# A map of days to whole numbers, {"20210829": "3", "20210830": ""}, as {"2021-08-29": 3}: days without a report and
   days with 0 are left out, so that a row whose numbers stand still stays as it is while its file grows by a column a
   day. NULL where a key is no day, two are the same one, or a value is no whole number. #}
{% macro parse_day_map(cell) -%}
case when pg_input_is_valid({{ cell }}, 'jsonb') then case when jsonb_typeof(({{ cell }})::jsonb) = 'object' then (
    select case when count(*) filter (where day is null or number is null) = 0 and count(*) = count(distinct day) then
        coalesce(jsonb_object_agg(coalesce(day, ''), number) filter (where number <> 0), '{}')
    end
    from (
        select
            case when pg_input_is_valid(pair.key, 'date') then pair.key::date::text end as day,
            {{ parse_integer('btrim(pair.value)') }} as number

        from jsonb_each_text(({{ cell }})::jsonb) as pair
        where btrim(pair.value) <> ''
    ) as reported
) end end
{%- endmacro %}
