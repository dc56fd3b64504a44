{# What history holds of an entity's judged rows: a personal column becomes its masked form under its own name and a
   keyed token under `<column>_token`. The classes come from the judged model's YAML, so no model can forget one.

   Each personal column has a lateral of its own (`offset 0` keeps it one): PostgreSQL then remembers the result for
   values that the statistics say are repeated, and computes a million e-mails of 90,000 keepers 90,000 times. It does
   so by one process; how many rows are masked by all of them stands in many.sql. #}
{% macro masked(entity) %}
{%- set positions = mask_aliases(entity) -%}
select
    judged.{{ entity }}_id,
    {%- for column in entity_columns(entity) %}
    {%- if column.pii == 'none' %}
    judged.{{ adapter.quote(column.name) }},
    {%- else %}
    {{ positions[column.name] }}.masked as {{ adapter.quote(column.name) }},
    {%- if has_token(column) %}
    {{ positions[column.name] }}.token as {{ adapter.quote(column.name ~ '_token') }},
    {%- endif %}
    {%- endif %}
    {%- endfor %}
    judged._feed,
    judged._fingerprint,
    judged._delivery_id,
    judged._row_number,
    judged._line_number
from {{ ref('judged_' ~ entity) }} as judged
{%- for column in personal_columns(entity) %}
{{ mask_of(column, 'judged', positions[column.name]) }}
{%- endfor %}
{% endmacro %}

{# The name of the lateral of each personal column. #}
{% macro mask_aliases(entity) %}
    {%- set aliases = {} -%}
    {%- for column in personal_columns(entity) %}{% do aliases.update({column.name: 'mask' ~ loop.index}) %}{% endfor -%}
    {{ return(aliases) }}
{% endmacro %}

{# A lateral `alias` with the masked form and the token of a column of `relation`; without its fence it is taken apart
   into expressions, which any process may compute. #}
{% macro mask_of(column, relation, alias, fence='offset 0') -%}
cross join lateral (
    select
        {{ masked_form(column, relation) }} as masked
        {%- if has_token(column) %},
        {{ token(column, relation) }} as token
    from pii.token_key_now() as key
        {%- endif %}
    {{ fence }}
) as {{ alias }}
{%- endmacro %}

{# HMAC-SHA256 of the class and the normal form: equal people join across vendors, classes never do. The key is a row
   of the one-row function `pii.token_key_now() as key`: it is read once per statement, and never stands in its text. #}
{% macro token(column, relation=none) -%}
    '{{ column.pii }}:' || encode(substr(pii.hmac_sha256(
        key.inner_key, key.outer_key, textsend('{{ column.pii }}:' || {{ normalised(column, relation) }})
    ), 1, 16), 'hex')
{%- endmacro %}

{% macro quoted(column, relation=none) -%}
    {{ relation ~ '.' if relation }}{{ adapter.quote(column.name) }}
{%- endmacro %}

{# What stands behind an @ is shown where it can be a domain (no blank in it, no digit at its end), the end of a phone where
   it is a number: a file with shifted columns has anything there. #}
{% macro masked_form(column, relation=none) -%}
    {%- set name = quoted(column, relation) -%}
    {%- set custom = custom_classes().get(column.pii) -%}
    {%- if custom is not none -%}
        {%- if 'masked' in custom -%} {{ custom.masked | replace('{value}', name ~ '::text') }}
        {%- else -%} case when {{ name }} is not null then '***' end
        {%- endif -%}
    {%- elif column.pii == 'none' -%} {{ name }}
    {%- elif column.pii == 'email' -%} case
        when strpos({{ name }}, '@') > 1 and strpos({{ name }}, ' ') = 0 and right({{ name }}, 1) > '9'
            then left({{ name }}, 1) || '***@' || split_part({{ name }}, '@', -1)
        when {{ name }} is not null then '***'
    end
    {%- elif column.pii == 'phone' -%} case
        when length({{ name }}) > 7 and ltrim(right({{ name }}, 4), '0123456789') = '' then '***' || right({{ name }}, 4)
        when {{ name }} is not null then '***'
    end
    {%- elif column.pii == 'person_name' -%} left({{ name }}, 1) || '***'
    {%- elif column.pii == 'date_of_birth' -%} {{ year_of_birth(column, name) }}
    {%- elif column.pii == 'ip' -%} case
        when pg_input_is_valid({{ name }}::text, 'inet') then host(network(set_masklen({{ name }}::text::inet, 16))) || '/16'
        when {{ name }} is not null then '***'
    end
    {%- elif column.pii == 'free_text' -%} {{ redacted(name) }}
    {%- else -%} case when {{ name }} is not null then '***' end
    {%- endif -%}
{%- endmacro %}

{# The year of a date, or of a text that begins with four digits (ISO 8601). #}
{% macro year_of_birth(column, name) -%}
    coalesce(substring({{ name }}::text from '^\d{4}(?!\d)'), case when {{ name }} is not null then '***' end)
{%- endmacro %}
