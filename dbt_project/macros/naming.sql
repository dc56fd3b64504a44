{# A folder's `+schema` is the schema, not a suffix: staging, judged, quarantine, history, published. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}

{# judged_provider is the table judged.provider; quarantine_provider is the view quarantine.provider_masked. #}
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {%- if custom_alias_name -%} {{ custom_alias_name | trim }}
    {%- elif node.name.startswith('judged_') -%} {{ node.name[7:] }}
    {%- elif node.name.startswith('quarantine_') -%} {{ node.name[11:] }}_masked
    {%- else -%} {{ node.name }}
    {%- endif -%}
{%- endmacro %}
