{# Age bands of childcare in months, as the vendors word them: "Infants (0-11 months)", "Toddlers (12-23 months; 1yr.)",
   "Preschool (24-48 months; 2-4 yrs.)" up to the fifth birthday, "School-age (5 years-older)" up to the thirteenth. #}
{% macro age_bands() %}
{{ return([('infant', 0, 11), ('toddler', 12, 23), ('preschool', 24, 59), ('school', 60, 155)]) }}
{% endmacro %}

{# The accepted bands as a text, "infant, toddler". `flags`: a boolean expression for each band, in the bands' order. #}
{% macro ages_served(flags) -%}
nullif(concat_ws(', '
    {%- for name, _, _ in age_bands() %},
    case when {{ flags[loop.index0] }} then '{{ name }}' end
    {%- endfor %}
), '')
{%- endmacro %}

{# The youngest and the oldest accepted age in months. #}
{% macro min_age(flags) -%}
least(
    {%- for _, low, _ in age_bands() %}
    case when {{ flags[loop.index0] }} then {{ low }} end{{ ',' if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}

{% macro max_age(flags) -%}
greatest(
    {%- for _, _, high in age_bands() %}
    case when {{ flags[loop.index0] }} then {{ high }} end{{ ',' if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}

{# What kind of place it is, from the vendor's wording; NULL where the wording does not tell. #}
{% macro facility_type(wording) -%}
case
    when {{ has_word(wording, ['before or after', 'after-school', 'after school', 'school-age', 'school age']) }}
        then 'school_age_program'
    when {{ has_word(wording, ['home', 'family', 'residence']) }} then 'home'
    when {{ has_word(wording, ['center', 'centre', 'nursery', 'preschool', 'facility']) }} then 'center'
end
{%- endmacro %}

{# The licence's status on the day that the delivery speaks of. `wording` is the vendor's status, `expires` and `day` are
   dates; a licence that is still called active after its last day has expired. A wording that is not known is unknown. #}
{% macro license_status(wording, expires, day) -%}
case
    when {{ has_word(wording, ['revoked', 'revocation', 'denied']) }} then 'revoked'
    when {{ has_word(wording, ['suspended', 'suspension']) }} then 'suspended'
    when {{ has_word(wording, [
            'closed', 'inactive', 'not active', 'unlicensed', 'not licensed', 'surrendered', 'withdrawn', 'relinquished',
            'cancel',
        ]) }}
        or lower({{ wording }}) in ('n', 'no') then 'closed'
    when {{ has_word(wording, ['expired', 'lapsed']) }} or {{ expires }} < {{ day }} then 'expired'
    when {{ has_word(wording, ['pending', 'applicant', 'application']) }} then 'pending'
    when {{ has_word(wording, ['probation', 'conditional']) }} then 'probation'
    when {{ has_word(wording, ['active', 'current', 'licensed', 'open', 'issued', 'renewed', 'permit', 'provisional']) }}
        or lower({{ wording }}) in ('y', 'yes') then 'active'
    else 'unknown'
end
{%- endmacro %}

{# Whether one of the words (in lower case) occurs in a text. #}
{% macro has_word(text, words) -%}
lower({{ text }}) like any (array[{% for word in words %}'%{{ word }}%'{{ ', ' if not loop.last }}{% endfor %}])
{%- endmacro %}
