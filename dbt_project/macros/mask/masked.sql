{# What history holds of an entity's judged rows: a personal column becomes its masked form under its own name and a
   keyed token under `<column>_token`. The classes come from the judged model's YAML, so no model can forget one. #}
{% macro masked(entity) %}
select
    {{ entity }}_id,
    {%- for column in entity_columns(entity) %}
    {{ masked_form(column) }} as {{ adapter.quote(column.name) }},
    {%- if has_token(column) %}
    {{ token(column) }} as {{ adapter.quote(column.name ~ '_token') }},
    {%- endif %}
    {%- endfor %}
    _feed,
    _fingerprint,
    _delivery_id,
    _row_number,
    _line_number
from {{ ref('judged_' ~ entity) }}
{% endmacro %}

{% macro pii_classes() %}
    {{ return([
        'email', 'phone', 'person_name', 'street_address', 'date_of_birth', 'government_id', 'ip', 'free_text', 'none'
    ]) }}
{% endmacro %}

{% macro has_token(column) %}
    {{ return(column.pii not in ('none', 'free_text')) }}
{% endmacro %}

{# The names of the columns that `masked` gives for an entity's declared columns. #}
{% macro history_columns(entity) %}
    {%- set names = [] -%}
    {%- for column in entity_columns(entity) -%}
        {%- do names.append(column.name) -%}
        {%- if has_token(column) -%} {%- do names.append(column.name ~ '_token') -%} {%- endif -%}
    {%- endfor -%}
    {{ return(names) }}
{% endmacro %}

{# HMAC-SHA256 of the class and the normalised value: equal people join across vendors, classes never do. #}
{% macro token(column) -%}
    {%- set value = adapter.quote(column.name) ~ '::text' -%}
    '{{ column.pii }}:' || left(encode(pii.hmac_sha256(
        (select inner_key from pii.token_key),
        (select outer_key from pii.token_key),
        convert_to('{{ column.pii }}:' || {{ normalised(column.pii, value) }}, 'UTF8')
    ), 'hex'), 32)
{%- endmacro %}

{% macro normalised(pii, value) -%}
    {%- if pii in ('email', 'person_name', 'street_address') -%}
        lower(btrim(regexp_replace({{ value }}, '\s+', ' ', 'g')))
    {%- else -%}
        btrim({{ value }})
    {%- endif -%}
{%- endmacro %}

{% macro masked_form(column) -%}
    {%- set name = adapter.quote(column.name) -%}
    {%- if column.pii == 'none' -%} {{ name }}
    {%- elif column.pii == 'email' -%} case
        when {{ name }} ~ '^[^@]+@[^@]+$' then regexp_replace({{ name }}, '^(.).*@', '\1***@')
        when {{ name }} is not null then '***'
    end
    {%- elif column.pii == 'phone' -%} case
        when length({{ name }}) > 7 then '***' || right({{ name }}, 4)
        when {{ name }} is not null then '***'
    end
    {%- elif column.pii == 'person_name' -%} left({{ name }}, 1) || '***'
    {%- elif column.pii == 'date_of_birth' -%} extract(year from {{ name }})::text
    {%- elif column.pii == 'ip' -%} host(network(set_masklen({{ name }}::inet, 16))) || '/16'
    {%- elif column.pii == 'free_text' -%} {{ redacted(name) }}
    {%- else -%} case when {{ name }} is not null then '***' end
    {%- endif -%}
{%- endmacro %}

{# Free text without what looks like an e-mail, a card number or a phone number: nine digits or more, so that a date
   (a register wrote 29.11.2016) stays. #}
{% macro redacted(name) -%}
    regexp_replace(
        regexp_replace({{ name }}, '[[:alnum:]._%+-]+@[[:alnum:].-]+\.[[:alpha:]]{2,}', '[e-mail]', 'g'),
        '\+?\(?\d(?:[() .-]{0,2}\d){8,}', '[number]', 'g'
    )
{%- endmacro %}
