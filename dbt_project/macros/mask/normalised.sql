{# The one spelling of a value that its token is made of. `column`: name, pii, and for phones the region whose numbers
   need no country code (meta `region` of the column, or else of the entity, or else the variable `pii_region`). #}
{% macro normalised(column, relation=none) -%}
    {%- set value = quoted(column, relation) ~ '::text' -%}
    {%- set custom = custom_classes().get(column.pii) -%}
    {%- if custom is not none -%} {{ custom.get('normalised', 'btrim({value})') | replace('{value}', value) }}
    {%- elif column.pii == 'email' -%} {{ normalised_email(value) }}
    {%- elif column.pii == 'government_id' -%} upper(translate({{ value }}, E' \t\r\n\u00a0\ufeff.-/–', ''))
    {%- elif column.pii == 'phone' -%} {{ normalised_phone(value, column.get('region') or var('pii_region', 'US')) }}
    {%- elif column.pii in ('person_name', 'street_address') -%} {{ normalised_line(value) }}
    {%- else -%} btrim({{ value }})
    {%- endif -%}
{%- endmacro %}

{# An address in small letters, without what people write around it: `Ann Lee <ann@example.com>`, `mailto:ann@example.com`,
   `ann@example.com (work)`, full-width letters. What is plain takes the short way. #}
{% macro normalised_email(value) -%}
    case
        when {{ value }} ~ '[^a-zA-Z0-9@._%+-]' then regexp_replace(regexp_replace(regexp_replace(
            lower(btrim(regexp_replace(normalize({{ value }}, NFKC), '[\s\ufeff]+', ' ', 'g'))),
            '^[^<>@]*<(?:mailto:)?([^\s<>@]+@[^\s<>@]+)>[^<>@]*$', '\1'),
            '^mailto: ?', ''),
            '^([^\s<>@]+@[^\s<>@,;()]*[^\s<>@,;().])\.?[ ,;(][^@]*$', '\1')
        else lower({{ value }})
    end
{%- endmacro %}

{# One line in small letters, composed characters, single spaces. ASCII without doubled spaces takes the short way. #}
{% macro normalised_line(value) -%}
    case
        when {{ value }} ~ '[^\x21-\x7e ]|^ |  | $'
            then lower(normalize(btrim(regexp_replace({{ value }}, '[\s\u00a0\ufeff]+', ' ', 'g')), NFC))
        else lower({{ value }})
    end
{%- endmacro %}

{# E.164, as far as that can be told from the digits: +17025550143. A number without a country code is one of `region`.
   An extension is left out. What is no number (a name for a number, fewer than seven digits) stays as it is dialled. #}
{% macro normalised_phone(value, region) -%}
{%- if region not in calling_codes() -%}
    {%- do exceptions.raise_compiler_error(
        'There is no region ' ~ region ~ ' for phones; write one of ' ~ calling_codes() | join(', ')
        ~ ', or add it to calling_codes() in macros/mask/normalised.sql'
    ) -%}
{%- endif -%}
{%- set code, trunk, abroad = calling_codes()[region] -%}
{%- set ways = [['^' ~ abroad ~ '(?=[+0-9]{' ~ (7 - abroad | length) ~ ',}$)', '+']] -%}
{%- if code == '1' -%}
    {%- do ways.extend([['^(?=[0-9][+0-9]{9}$)', '+1'], ['^(?=1[+0-9]{10}$)', '+']]) -%}
{%- else -%}
    {%- if trunk %}{% do ways.append(['^' ~ trunk ~ '(?=[+0-9]{' ~ (7 - trunk | length) ~ ',}$)', '+' ~ code]) %}{% endif -%}
    {%- do ways.append(['^(?=[0-9][+0-9]{6,}$)', '+' ~ code]) -%}
{%- endif -%}
case when {{ value }} ~ '^\+[0-9]+$' then {{ value }} else lower(
    {{ 'regexp_replace(' * ways | length }}translate(
        replace(
            case
                when {{ value }} like '%x%' or {{ value }} like '%X%' or {{ value }} like '%#%'
                    then regexp_replace({{ value }}, '[\s;,]*(?:extension|ext|x|#)[.:=]?\s*\d{1,7}\s*$', '', 'i')
                else {{ value }}
            end,
            '(0)', ''
        ), E' \t\r\n\u00a0().·/–-', ''
    )
    {%- for pattern, prefix in ways %}, '{{ pattern }}', '{{ prefix }}'){% endfor %}
) end
{%- endmacro %}

{# Region -> calling code, what a number within the region is dialled with before it, what one abroad is. #}
{% macro calling_codes() %}
{%- set codes = {'US': ('1', '1', '011'), 'CA': ('1', '1', '011'), 'HU': ('36', '06', '00'), 'RU': ('7', '8', '810')} -%}
{%- set trunk_0 = {
    'AE': '971', 'AT': '43', 'BE': '32', 'BG': '359', 'CH': '41', 'DE': '49', 'EG': '20', 'FI': '358', 'FR': '33',
    'GB': '44', 'HR': '385', 'IE': '353', 'IN': '91', 'NL': '31', 'NZ': '64', 'PH': '63', 'PK': '92', 'RO': '40',
    'SA': '966', 'SE': '46', 'SI': '386', 'SK': '421', 'TR': '90', 'UA': '380', 'VN': '84', 'ZA': '27', 'MY': '60',
} -%}
{%- set trunk_none = {
    'CZ': '420', 'DK': '45', 'EE': '372', 'ES': '34', 'GR': '30', 'IT': '39', 'LU': '352', 'LV': '371', 'MX': '52',
    'NO': '47', 'PL': '48', 'PT': '351',
} -%}
{%- do codes.update({'AU': ('61', '0', '0011'), 'JP': ('81', '0', '010')}) -%}
{%- for region, code in trunk_0.items() %}{% do codes.update({region: (code, '0', '00')}) %}{% endfor -%}
{%- for region, code in trunk_none.items() %}{% do codes.update({region: (code, '', '00')}) %}{% endfor -%}
{{ return(codes) }}
{% endmacro %}
