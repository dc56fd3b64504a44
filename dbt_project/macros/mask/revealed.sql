{# pii.revealed_<entity>(): the published rows with their personal values, for an entitled role that has asked for them
   (pii.ask_rows) within 15 minutes; each question is written down before. Rights of roles that are entitled by name are
   kept when the view, and this with it, is built anew. #}
{% macro revealed_function() %}
    {%- if execute and 'model.sluice.judged_' ~ model.name in graph.nodes %}
    {%- set entity = model.name -%}
    drop function if exists pii.revealed_{{ entity }}();

    create function pii.revealed_{{ entity }}() returns setof published.{{ entity }}
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp
    as $$
    begin
        perform pii.require_ask_rows('{{ entity }}');
        return query
        select
            published.{{ entity }}_id,
            {%- for column in entity_columns(entity) %}
            {%- if has_token(column) %}
            coalesce(vault{{ loop.index }}.value, published.{{ adapter.quote(column.name) }}),
            published.{{ adapter.quote(column.name ~ '_token') }},
            {%- else %}
            published.{{ adapter.quote(column.name) }},
            {%- endif %}
            {%- endfor %}
            published.feed,
            published.valid_from,
            published.valid_to
        from published.{{ entity }} as published
        {%- for column in entity_columns(entity) %}
        {%- if has_token(column) %}
        left join pii.vault as vault{{ loop.index }}
            on vault{{ loop.index }}.token = published.{{ adapter.quote(column.name ~ '_token') }}
        {%- endif %}
        {%- endfor %};
    end $$;

    comment on function pii.revealed_{{ entity }} is 'The published rows with personal values, to one who has asked for them.';
    revoke execute on function pii.revealed_{{ entity }} from public;
    grant execute on function pii.revealed_{{ entity }} to sluice_steward;
    do $grants$
    declare
        entitled name;
    begin
        for entitled in select distinct role_name from pii.entitlements as e join pg_roles on rolname = e.role_name loop
            execute format('grant execute on function pii.revealed_{{ entity }}() to %I', entitled);
        end loop;
    end $grants$;
    {%- endif %}
{% endmacro %}
