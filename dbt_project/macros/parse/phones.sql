{# A telephone number of a country with numbers of one length, in E.164, or NULL: with the country's code or without, with
   the trunk prefix 0 or without, spaced as it likes ("98101 43999", "09839410777"). `free`: numbers that cost nothing and
   are of another length; `short`: codes that are dialled as they are (108) and stay so. #}
{% macro parse_national_phone(cell, code='91', length=10, free='1800\\d{6,7}', short='1\\d{2,4}') -%}
(
    select case
        when dialled ~ '^(\+|00)?{{ code }}[1-9]\d{ {{- length - 1 -}} }$' then '+{{ code }}' || right(dialled, {{ length }})
        when dialled ~ '^0?[1-9]\d{ {{- length - 1 -}} }$' then '+{{ code }}' || right(dialled, {{ length }})
        when dialled ~ '^{{ free }}$' then '+{{ code }}' || dialled
        when dialled ~ '^{{ short }}$' then dialled
    end
    from (select translate({{ cell }}, E' \t\u00a0().·–-', '') as dialled offset 0) as phone
)
{%- endmacro %}

{# All the numbers of one cell, in its order, as an array; NULL stands for one that cannot be read. They are parted by a
   comma, a semicolon, a slash, a bar, a line break, & or a word. #}
{% macro parse_phones(cell) -%}
array(
    select {{ parse_national_phone('part.part') }}
    from unnest(regexp_split_to_array({{ cell }}, '\s*(?:[,;/|&\n]|\m(?:or|and)\M)\s*', 'i')) with ordinality
        as part (part, place)
    where btrim(part.part) <> ''
    order by part.place
)
{%- endmacro %}
