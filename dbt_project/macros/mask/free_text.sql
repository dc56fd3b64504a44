{# Free text without what looks like an e-mail, a payment card, a telephone or identity number, or an IP address. Dates
   (29.11.2016, 2016-11-29 10:15), amounts and reference numbers (REF-20161129-0001, 123456789) stay. #}
{% macro redacted(name, patterns=none) -%}
    {%- set patterns = patterns or free_text_patterns() -%}
    case when {{ name }} ~ '{{ may_name_somebody() }}' then
        {%- for _ in patterns %} regexp_replace({% endfor -%}
        {{ name }}
        {%- for pattern, put, _ in patterns %}, '{{ pattern }}', '{{ put }}', 'g'){% endfor %}
    else {{ name }} end
{%- endmacro %}

{% macro may_name_somebody() -%} @|\d[^\d]{0,3}\d {%- endmacro %}

{# (pattern, what stands in its place, the class of what it finds), applied from first to last. A number begins where no
   letter, digit or hyphen stands before it, which is how reference numbers go free. Phones have a plus, or brackets, or
   groups, and perhaps an extension behind them; a date is none. Behind a card may stand the day of its end. #}
{% macro free_text_patterns() %}
{%- set begins = '(?<![[:alnum:]_.,/#-])' -%}
{%- set ends = '(?![[:alnum:]_]|[-.,/]\\d)' -%}
{%- set card_begins = '(?<![[:alnum:]_.-])' -%}
{%- set card_ends = '(?![[:alnum:]_]|[-.]\\d)' -%}
{%- set phone_ends = '(?!(?![xX]\\d|[eE][xX][tT])[[:alnum:]_]|[-.,/]\\d)' -%}
{%- set nine_digits = '(?=(?:[() ./-]{0,3}\\d){9})' -%}
{%- set no_date = '(?!(?:\\d{4}[-./]\\d{1,2}[-./]\\d{1,2}|\\d{1,2}[-./]\\d{1,2}[-./](?:\\d{4}|\\d{2}))(?!\\d))' -%}
{%- set of_america = '(?:1[ ./-]{1,2}(?=\\(?[2-9]\\d{2}))?' -%}
{{ return([
    ("[[:alnum:]._%+''-]+@[[:alnum:].-]+\\.[[:alpha:]]{2,}", '[e-mail]', 'email'),
    (card_begins ~ '\\d{4}([ -]?)\\d{4}\\1\\d{4}\\1\\d{1,7}' ~ card_ends, '[card]', none),
    (card_begins ~ '\\d{4}[ -]?\\d{6}[ -]?\\d{5}' ~ card_ends, '[card]', none),
    (begins ~ '\\d{3}-\\d{2}-\\d{4}' ~ ends, '[id]', 'government_id'),
    (begins ~ '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)(?:\\.(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}' ~ ends, '[ip]', 'ip'),
    ('(?<![[:alnum:]])\\+\\d(?:[() ./-]{0,2}\\d){6,14}' ~ phone_ends, '[number]', 'phone'),
    (begins ~ no_date ~ nine_digits ~ of_america
        ~ '\\(?\\d{2,5}(?:\\)[ ./-]{0,2}|[ ./-]{1,2})\\d{2,5}(?:[ ./-]{1,2}\\d{2,5}){1,3}' ~ phone_ends, '[number]', 'phone'),
    (begins ~ no_date ~ of_america ~ '\\(\\d{2,5}\\)[ ./-]{0,2}\\d{4,9}' ~ phone_ends, '[number]', 'phone'),
    (begins ~ '0\\d{2,5}[ /-]\\d{4,9}' ~ phone_ends, '[number]', 'phone'),
    (begins ~ '(?:1[ -]?)?[2-9]\\d{2}[ -]?[2-9]\\d{6}' ~ phone_ends, '[number]', 'phone'),
]) }}
{% endmacro %}
