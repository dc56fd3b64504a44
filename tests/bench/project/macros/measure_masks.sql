{# Seconds, into public.seconds: the keepers, e-mails and phones of public.given as history shows them, made as a merge of
   many rows makes them; then what their tokens stand for, into the vault. #}
{% macro measure_masks(rows) %}
    {%- set sql -%}
    select
        judged.item_code,
        judged._delivery_id,
        judged._row_number
        {%- for column in personal_columns('item') %},
        mask{{ loop.index }}.masked as {{ column.name }},
        mask{{ loop.index }}.token as {{ column.name }}_token
        {%- endfor %}
    from {{ ref('judged_item') }} as judged
    {%- for column in personal_columns('item') %}
    {{ mask_of(column, 'judged', 'mask' ~ loop.index) }}
    {%- endfor %}
    {%- endset -%}
    {% call statement('session') -%} begin; {{ session_of_the_fold() }} {%- endcall %}
    {%- set begun = the_time() -%}
    {%- set written = masked_rows('item', sql, 'public.given', rows, 0) -%}
    {%- set masked = the_time() -%}
    {{ keep_in_vault('item', [written], personal_columns('item')) }}
    {%- set kept = the_time() -%}
    {{ forget_masked_rows([written], {}) }}
    {% call statement('seconds') -%}
        insert into public.seconds values
            ('masked', extract(epoch from timestamptz '{{ masked }}' - '{{ begun }}')),
            ('kept in the vault', extract(epoch from timestamptz '{{ kept }}' - '{{ masked }}'));
        truncate pii.vault;
        commit;
    {%- endcall %}
{% endmacro %}

{% macro the_time() %} {{ return(run_query("select clock_timestamp()::text").rows[0][0]) }} {% endmacro %}
