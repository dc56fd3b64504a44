{# The surrogate id: a hash of feed and natural key. The parts are compared as a row's text, which quotes what
   needs quoting, so that ('a', 'bc') and ('ab', 'c') differ. Keyed where a part of the key is personal. #}
{% macro surrogate_id(entity, feed) %}
    {%- if not feed %} {%- do exceptions.raise_compiler_error('surrogate_id of ' ~ entity ~ ': which feed?') -%} {%- endif -%}
    {%- set key = entity_key(entity) -%}
    {%- set personal = entity_columns(entity) | rejectattr('pii', 'equalto', 'none')
        | selectattr('name', 'in', key) | list -%}
    {%- set message -%}
        convert_to(row('{{ feed }}'::text{% for part in key %}, mapped.{{ adapter.quote(part) }}{% endfor %})::text, 'UTF8')
    {%- endset -%}
    case
        when {% for part in key %}mapped.{{ adapter.quote(part) }} is not null{{ ' and ' if not loop.last }}{% endfor %}
            then encode(substr(
                {%- if personal %}{{ peppered(message) }}{% else %}sha256({{ message }}){% endif -%}
            , 1, 16), 'hex')::uuid
    end
{% endmacro %}

{# What makes a version: the tracked columns, personal values included, under a key of its own; before that, four bytes
   that tell which columns these are, and how they were hashed, so that neither a new column nor a new hash is a change
   of the values. The array's binary form tells its parts and NULL apart. Of SHA-512 a quarter is kept, so one pass over
   key and message is as good as HMAC's two (nobody can go on from a hash of which he lacks the rest). Numbers count, not how
   they are written: 12.50 is 12.5. #}
{% macro fingerprint(entity) %}
    decode('{{ column_set(entity) }}', 'hex') || substr(sha512((select inner_key from pii.pepper) || array_send(array[
        {%- for column in tracked_columns(entity) %}
        {{- 'trim_scale(cast(' ~ adapter.quote(column.name) ~ ' as ' ~ column.data_type ~ '))' if is_numeric(column)
            else adapter.quote(column.name) }}::text
        {{- ', ' if not loop.last }}
        {%- endfor -%}
    ])), 1, 16)
{% endmacro %}

{% macro tracked_columns(entity) %}
    {{ return(entity_columns(entity) | selectattr('tracked') | sort(attribute='name') | list) }}
{% endmacro %}

{% macro is_numeric(column) %}
    {{ return(column.data_type.startswith(('numeric', 'decimal')) and '[' not in column.data_type) }}
{% endmacro %}

{# The name of today's set of tracked columns and of the hash over them, as eight hexadecimal digits. #}
{% macro column_set(entity) %}
    {%- set told = ['sha512'] -%}
    {%- for column in tracked_columns(entity) -%}
        {%- do told.append(column.name ~ ' ' ~ column.data_type ~ (' trimmed' if is_numeric(column) else '')) -%}
    {%- endfor -%}
    {{ return(local_md5(told | join(', '))[:8]) }}
{% endmacro %}

{% macro peppered(message) -%}
    pii.hmac_sha256((select inner_key from pii.pepper), (select outer_key from pii.pepper), {{ message }})
{%- endmacro %}
