{# Rows of those vendors only that the role that asks is entitled to (ledger.vendor_rights), for an entity whose judged
   model says `config: {meta: {rows_by: vendor}}`. Views run with their owner's rights, so it stands in them; tables that
   analysts and stewards read have a policy. #}
{% macro is_by_vendor(entity) %}
    {{ return(execute and entity_node(entity).config.meta.get('rows_by') == 'vendor') }}
{% endmacro %}

{% macro of_entitled_vendors(entity, feed) -%}
    {%- if is_by_vendor(entity) %}
    and split_part({{ feed }}, '.', 1) = any ((select ledger.vendors_of('{{ entity }}'))::text[])
    {%- endif %}
{%- endmacro %}

{# A post-hook of views: without it a condition of the asker's own is asked of all rows, where it looks cheap, and can tell
   what it was asked of. Views that are derived of an entity are called after it. #}
{% macro guard_view() %}
    {%- if execute %}
    {%- for node in graph.nodes.values() if node.config.get('meta', {}).get('rows_by') == 'vendor'
        and this.name.startswith(node.config.meta.entity) %}
    alter view {{ this }} set (security_barrier = true);
    {%- endfor %}
    {%- endif %}
{% endmacro %}

{# A post-hook of tables: the policy is there, or it is not, as the entity says. #}
{% macro guard_rows(entity, relation, feed) %}
    {%- if execute -%}
    {%- set guarded = run_query(
        "select coalesce((select relrowsecurity from pg_class where oid = to_regclass('" ~ relation ~ "')), false)"
    ).rows[0][0] -%}
    {%- if is_by_vendor(entity) and not guarded %}
    alter table {{ relation }} enable row level security;
    create policy of_entitled_vendors on {{ relation }} for select to sluice_analyst, sluice_steward
        using (split_part({{ feed }}, '.', 1) = any ((select ledger.vendors_of('{{ entity }}'))::text[]));
    create policy pipeline on {{ relation }} to sluice_loader using (true);
    {%- elif guarded and not is_by_vendor(entity) %}
    drop policy of_entitled_vendors on {{ relation }};
    drop policy pipeline on {{ relation }};
    alter table {{ relation }} disable row level security;
    {%- endif %}
    {%- endif -%}
{% endmacro %}
