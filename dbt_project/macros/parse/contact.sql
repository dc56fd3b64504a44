{# A telephone number in E.164 (+17025550143), or NULL. Without a + it is North American: ten digits, or eleven with a
   leading 1, area code and exchange from 2xx on. An extension is left out. #}
{% macro parse_phone(cell) -%}
(
    select case
        when left(dialled, -10) in ('', '1', '+1') and length(dialled) >= 10
            and translate(right(dialled, 10), '0123456789', '') = ''
            and substr(right(dialled, 10), 1, 1) >= '2' and substr(right(dialled, 10), 4, 1) >= '2'
            then '+1' || right(dialled, 10)
        when dialled like '+%' and length(dialled) between 9 and 16
            and translate(substr(dialled, 2), '0123456789', '') = '' and substr(dialled, 2, 1) >= '2'
            then dialled
    end
    from (
        select translate(
            case
                when lower({{ cell }}) like any (array['%x%', '%#%'])
                then regexp_replace({{ cell }}, '\s*(?:extension|ext|x|#)[.:]?\s*\d{1,6}$', '', 'i')
                else {{ cell }}
            end, E' \t\r\n\u00a0().·/–-', ''
        ) as dialled
        offset 0
    ) as phone
)
{%- endmacro %}

{# One person's name as [first, last]: "Maria Lopez", "Lopez, Maria", "Jose de la Cruz", "Ann Lee Hart Jr."; the last name
   is NULL where there is one word only. #}
{% macro person(name) -%}
case
    when {{ name }} like '%,%' and {{ name }} !~* ',\s*(jr|sr|ii|iii|iv)\.?$'
    then array[btrim(split_part({{ name }}, ',', 2)), btrim(split_part({{ name }}, ',', 1))]
    else coalesce(
        regexp_match(
            {{ name }},
            '^(.+?)\s+((?:(?:de|del|da|di|la|las|los|van|von|der|den|le|st\.?)\s+)*\S+(?:,?\s+(?:jr|sr|ii|iii|iv)\.?)?)$', 'i'
        ),
        array[{{ name }}, null]
    )
end
{%- endmacro %}

{# The persons of one cell, split at & or "and": an array for `first_person` and `second_person`. #}
{% macro name_parts(cell) -%}
array_remove(regexp_split_to_array({{ cell }}, '\s*(?:&|\mand\M)\s*', 'i'), '')
{%- endmacro %}

{# [first, last] of the first of one or two persons. Two persons come as "Maria & Jose Lopez & Ruiz" (two first names, then
   two last names), "Maria Lopez & Jose Ruiz", or "Maria & Jose Lopez" (one last name). NULL if it cannot be told. #}
{% macro first_person(parts) -%}
case cardinality({{ parts }})
    when 1 then {{ person(parts ~ '[1]') }}
    when 2 then
        case
            when {{ parts }}[1] like any (array['% %', '%,%']) then {{ person(parts ~ '[1]') }}
            else array[{{ parts }}[1], ({{ person(parts ~ '[2]') }})[2]]
        end
    when 3 then array[{{ parts }}[1], ({{ person(parts ~ '[2]') }})[2]]
end
{%- endmacro %}

{# [first, last] of the second person; NULL where there is none. #}
{% macro second_person(parts) -%}
case cardinality({{ parts }})
    when 2 then {{ person(parts ~ '[2]') }}
    when 3 then array[({{ person(parts ~ '[2]') }})[1], {{ parts }}[3]]
end
{%- endmacro %}

{# "Maria Lopez; Jose Ruiz" from two pairs of first and last name. #}
{% macro full_names(first, second) -%}
nullif(concat_ws('; ',
    nullif(array_to_string({{ first }}, ' '), ''), nullif(array_to_string({{ second }}, ' '), '')
), '')
{%- endmacro %}
