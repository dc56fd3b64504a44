{# What the tokens of newly written versions stand for goes into the vault, in the merge's transaction: each token once.
   `rows`: the judged rows that were written, as a relation or a sub-select. Where a key outside of the database seals the
   vault, the values go through pii.arriving; the step after the merge seals them (warehouse/vault.py). #}
{% macro keep_in_vault(entity, rows, columns) %}
    {%- set sealed = run_query("select exists (select from pii.vault_keys where active)").rows[0][0] -%}
    {%- for column in columns if has_token(column) %}
    {% call statement('vault') -%}
        {{ without_values(vault_sql(entity, rows, column, sealed)) }}
    {%- endcall %}
    {%- endfor %}
{% endmacro %}


{% macro vault_sql(entity, rows, column, sealed) %}
    insert into {{ 'pii.arriving' if sealed else 'pii.vault' }} as kept (token, class, key_version, entities, value, normal)
    select distinct on (made.token)
        made.token,
        '{{ column.pii }}',
        version.version,
        array['{{ entity }}'],
        given.{{ adapter.quote(column.name) }}::text,
        nullif(made.normal, given.{{ adapter.quote(column.name) }}::text)
    from (
        select distinct {{ adapter.quote(column.name) }}
        from {{ rows }} as written
        where {{ adapter.quote(column.name) }} is not null
    ) as given
    cross join lateral (
        select {{ normalised(column, 'given') }} as normal, {{ token(column, 'given') }} as token
        from pii.token_key_now() as key
        offset 0
    ) as made
    cross join (select max(version) as version from pii.keys where purpose = 'token') as version
    {%- if sealed %}
    where not exists (
        select from pii.vault as there where there.token = made.token and there.entities @> array['{{ entity }}']
    )
    {%- endif %}
    order by made.token
    on conflict (token) do update set entities = kept.entities || excluded.entities
    where not kept.entities @> excluded.entities
{% endmacro %}
