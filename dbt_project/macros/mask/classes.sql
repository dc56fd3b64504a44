{# The classes of personal data. Each has a normal form (equal people are spelled alike there), a masked form, and,
   unless it is free text, a keyed token. A project adds its own in dbt_project.yml, `{value}` standing for the column:

     vars:
       pii_classes:
         licence_plate: {normalised: "upper(translate({value}, ' -', ''))", masked: "left({value}, 2) || '***'"}

   What is left out of an entry: the normal form is the trimmed text, the masked form `***`; `has_token: false` for none. #}
{% macro pii_classes() %}
    {{ return([
        'email', 'phone', 'person_name', 'street_address', 'date_of_birth', 'government_id', 'ip', 'free_text', 'none'
    ] + custom_classes().keys() | list) }}
{% endmacro %}

{% macro custom_classes() %}
    {{ return(var('pii_classes', {})) }}
{% endmacro %}

{% macro has_token(column) %}
    {{ return(
        column.pii not in ('none', 'free_text') and custom_classes().get(column.pii, {}).get('has_token', true)
    ) }}
{% endmacro %}

{# An entity's columns that history holds masked. #}
{% macro personal_columns(entity) %}
    {{ return(entity_columns(entity) | rejectattr('pii', 'equalto', 'none') | list) }}
{% endmacro %}

{# The names of the columns that `masked` gives for an entity's declared columns. #}
{% macro history_columns(entity) %}
    {{ return(masked_names(entity_columns(entity))) }}
{% endmacro %}

{% macro masked_names(columns) %}
    {%- set names = [] -%}
    {%- for column in columns -%}
        {%- do names.append(column.name) -%}
        {%- if has_token(column) -%} {%- do names.append(column.name ~ '_token') -%} {%- endif -%}
    {%- endfor -%}
    {{ return(names) }}
{% endmacro %}
