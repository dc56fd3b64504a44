{# Bitemporal reads for BI tools, as functions beside the published views; they run with their owner's rights, as the
   views do. published.<entity>_history_known_at(known_at): all versions as they were published at `known_at`.
   published.<entity>_as_of(valid_at, known_at): of these, the rows that were true at `valid_at`. #}
{% macro as_of_function() %}
    {%- if model.name.endswith('_history') %}
    {%- set entity = model.name[:-8] %}
    -- dbt replaces the view by a new one: the functions' type is the old one's, and cannot be replaced in place.
    drop function if exists published.{{ entity }}_as_of(timestamptz, timestamptz);
    drop function if exists published.{{ entity }}_history_known_at(timestamptz);

    create function published.{{ entity }}_history_known_at(known_at timestamptz)
    returns setof published.{{ entity }}_history
    language sql stable security definer set search_path = pg_catalog, pg_temp
    as $$
        select
            dimension.{{ entity }}_id,
            {%- for column in history_columns(entity) %}
            dimension.{{ adapter.quote(column) }},
            {%- endfor %}
            dimension._feed,
            dimension.valid_from,
            dimension.valid_to
        from history.dim_{{ entity }} as dimension,
            (select ledger.run_known_at('{{ entity }}', known_at) as run) as published
        where dimension._recorded_in <= published.run
            and (dimension._superseded_in is null or dimension._superseded_in > published.run)
            {{- of_entitled_vendors(entity, 'dimension._feed') }}
    $$;

    create function published.{{ entity }}_as_of(valid_at timestamptz, known_at timestamptz default now())
    returns setof published.{{ entity }}_history
    language sql stable security definer set search_path = pg_catalog, pg_temp
    as $$
        select *
        from published.{{ entity }}_history_known_at(known_at) as version
        where version.valid_from <= valid_at and (version.valid_to is null or version.valid_to > valid_at)
    $$;

    comment on function published.{{ entity }}_history_known_at is 'All versions, as published at known_at.';
    comment on function published.{{ entity }}_as_of is 'Rows that were true at valid_at, as published at known_at.';
    {%- endif %}
{% endmacro %}
