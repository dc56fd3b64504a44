{# What the tokens of newly written versions stand for goes into the vault, in the merge's transaction: each token once.
   `written`: the judged rows that were written, as masked_rows() gave them back. `before`: versions that history had,
   whose tokens are there already. Where a key outside of the database seals the vault, the values go through pii.arriving;
   the step after the merge seals them (warehouse/vault.py). #}
{% macro keep_in_vault(entity, written, columns, before=none) %}
    {%- set kept = [] -%}
    {%- for column in columns if has_token(column) %}{% do kept.append(column) %}{% endfor -%}
    {%- if kept -%}
        {%- set sealed = run_query("select exists (select from pii.vault_keys where active)").rows[0][0] -%}
        {%- for rows in written %}
        {% call statement('vault') -%} {{ without_values(vault_sql(entity, rows, kept, sealed, before)) }} {%- endcall %}
        {%- endfor %}
    {%- endif -%}
{% endmacro %}


{# Those that are there are looked for one by one, in the order of the index: ON CONFLICT would lock each of their rows, and
   write that down. They are sorted by what follows their class: PostgreSQL tells most texts apart by their first letters.
   An empty vault has no statistics: read from front to back for each of 90,000 tokens it took two minutes. #}
{% macro vault_sql(entity, rows, columns, sealed, before) %}
    set local enable_seqscan = off;
    insert into {{ 'pii.arriving' if sealed else 'pii.vault' }} as kept (token, class, key_version, entities, value, normal)
    select
        found.token,
        found.class,
        version.version,
        array['{{ entity }}'],
        found.given,
        nullif(
            case found.nth
                {%- for column in columns %}
                when {{ loop.index }} then {{ normalised(dict(column, name='given'), 'found') }}
                {%- endfor %}
            end,
            found.given
        )
    from (
        select distinct on (kernel, class) class, nth, token, given
        from (
            {%- for column in columns %}
            select
                '{{ column.pii }}' as class, {{ loop.index }} as nth, token, given::text as given,
                substr(token, {{ column.pii | length + 2 }}) as kernel
            from {{ rows.tokens.get(column.name) or tokens_made(rows.judged, column) }} as made
            {%- if before %}
            where not exists (select from {{ before }} as old where old.{{ adapter.quote(column.name ~ '_token') }} = made.token)
            {%- endif %}
            {{ 'union all' if not loop.last }}
            {%- endfor %}
        ) as made
        order by kernel, class
    ) as found
    cross join (select max(version) as version from pii.keys where purpose = 'token') as version
    where (
        select true from pii.vault as there where there.token = found.token and there.entities @> array['{{ entity }}']
    ) is null
    on conflict (token) do update set entities = kept.entities || excluded.entities
    where not kept.entities @> excluded.entities;
    set local enable_seqscan = on
{% endmacro %}


{# The values of a column of judged rows, each once, with their tokens. #}
{% macro tokens_made(judged, column) %}
    (
        select given.given, made.token
        from (
            select distinct {{ adapter.quote(column.name) }} as given
            from {{ judged }} as written
            where {{ adapter.quote(column.name) }} is not null
        ) as given
        {{ mask_of(dict(column, name='given'), 'given', 'made') }}
    )
{%- endmacro %}
