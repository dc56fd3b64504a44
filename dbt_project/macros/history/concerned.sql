{# The keys of a feed for which its deliveries can change anything; all other keys are not looked at again. New keys that
   all deliveries since agree on are no matter for the fold either: they go straight to `writing`. #}
{% macro concerned_sql(entity, relation, feed) %}
    create temporary table concerned on commit drop as
    {{ concerned_in_order_sql(entity, relation, feed) if feed.in_order else concerned_out_of_order_sql(entity, relation, feed) }};

    {% if feed.in_order -%}
    insert into writing (id, valid_from, fingerprint, is_copy, delivery_id, content_id, row_number)
    select
        concerned.id, folding.effective_at, concerned.fingerprint, false,
        folding.delivery_id, folding.content_id, concerned.first % (1::bigint << 40)
    from concerned
    join folding on folding.seq = concerned.first >> 40
    where concerned.is_simple;

    insert into effects
    select delivery_id, count(*), 0, 0
    from writing
    where not is_copy and delivery_id in ({{ feed.coming | map(attribute='delivery_id') | join(', ') }})
    group by 1;

    delete from concerned where is_simple;
    {%- endif %}

    create unique index on concerned (id);
    analyze concerned;
{% endmacro %}


{# In order, each key's observations are held against the open version. A key is simple where it is new, all its
   observations agree, and no full delivery after the first of them lacks it. #}
{% macro concerned_in_order_sql(entity, relation, feed) %}
    {%- set id = entity ~ '_id' -%}
    with told as (
        {%- for delivery in feed.coming %}
        select
            {{ id }} as id,
            _fingerprint as fingerprint,
            ({{ delivery.seq }}::bigint << 40) + _row_number as first,
            {{ 1 if delivery.mode == 'full' else 0 }} as fulls,
            {{ delivery.fulls - (1 if delivery.mode == 'full' else 0) }} as fulls_before
        from judged.delivery_{{ delivery.content_id }}
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ),

    distinct_told as (
        select id, fingerprint, min(first) as first, sum(fulls) as fulls, min(fulls_before) as fulls_before
        from told
        group by id, fingerprint
    ),

    known as (
        select {{ id }} as id, _fingerprint as fingerprint
        from {{ relation }}
        where _superseded_in is null and valid_to is null and _feed = '{{ feed.key }}'
    ),

    compared as (
        select
            told.id,
            (array_agg(told.fingerprint))[1] as fingerprint,
            min(told.first) as first,
            bool_or(known.id is not null) as is_known,
            count(*) = 1 and sum(told.fulls) = {{ feed.fulls }} - min(told.fulls_before) as is_steady,
            bool_and(told.fingerprint is not distinct from known.fingerprint) and sum(told.fulls) = {{ feed.fulls }}
                as is_unchanged
        from distinct_told as told
        left join known on known.id = told.id
        group by told.id
    )

    select id, fingerprint, first, not is_known and is_steady as is_simple
    from compared
    where not is_unchanged
    {%- if feed.fulls %}
    union all
    select id, null, null, false
    from known
    where not exists (select from distinct_told as told where told.id = known.id)
    {%- endif %}
{% endmacro %}


{# Out of order, each delivery is held against the versions that cover its own time. #}
{% macro concerned_out_of_order_sql(entity, relation, feed) %}
    {%- set id = entity ~ '_id' -%}
    {%- for delivery in feed.coming if delivery.has_row_times %}
    {{ concerned_by_row_times_sql(relation, feed, delivery, id) }}
    union
    {%- endfor %}
    {%- for delivery in feed.coming if not delivery.has_row_times %}
    {%- set covers -%}
        version.valid_from <= '{{ delivery.at }}' and (version.valid_to is null or version.valid_to > '{{ delivery.at }}')
    {%- endset %}
    select told.{{ id }} as id
    from judged.delivery_{{ delivery.content_id }} as told
    {%- if delivery.mode == 'full' %}
    left join {{ relation }} as version on version.{{ id }} = told.{{ id }} and version._superseded_in is null and {{ covers }}
    {%- else %}
    left join lateral (
        select version._fingerprint, version._seen_at
        from {{ current_versions(relation, '_fingerprint, valid_from, valid_to, _seen_at', id ~ ' = told.' ~ id) }} as version
        where {{ covers }}
        limit 1
    ) as version on true
    {%- endif %}
    where version._fingerprint is distinct from told._fingerprint or {{ learns_after("'" ~ delivery.at ~ "'") }}
    union
    {%- if delivery.mode == 'full' %}
    select version.{{ id }}
    from {{ relation }} as version
    where version._superseded_in is null
        and version._feed = '{{ feed.key }}'
        and {{ covers }}
        and not exists (
            select from judged.delivery_{{ delivery.content_id }} as told where told.{{ id }} = version.{{ id }}
        )
    union
    {%- endif %}
    {%- endfor %}
    {%- for gone in feed.removed %}
    {{ concerned_by_what_goes_sql(relation, feed, gone, id) }}
    union
    {%- endfor %}
    {%- for at in feed.removed_mended %}
    {{ alive_when_mended(relation, id, feed.key, at) }}
    union
    {%- endfor %}
    select null::uuid as id where false
{% endmacro %}


{# Rows with times of their own: each is held against the version that covers its time. A version that begins there, and
   is a later delivery's doing, becomes this one's. #}
{% macro concerned_by_row_times_sql(relation, feed, delivery, id) %}
    {%- set later = feed.deliveries | selectattr('seq', 'gt', delivery.seq) | map(attribute='delivery_id') | list -%}
    select told.id
    from (
        select {{ id }} as id, _fingerprint as fingerprint, coalesce(_effective_at, '{{ delivery.at }}') as at
        from judged.delivery_{{ delivery.content_id }}
    ) as told
    left join lateral (
        select version.*
        from {{ current_versions(
            relation, '_fingerprint, valid_from, valid_to, _delivery_id, _seen_at', id ~ ' = told.id'
        ) }} as version
        where version.valid_from <= told.at and (version.valid_to is null or version.valid_to > told.at)
        limit 1
    ) as version on true
    where version._fingerprint is distinct from told.fingerprint or {{ learns_after('told.at') }}
    {%- if later %}
        or (version.valid_from = told.at and version._delivery_id in ({{ later | join(', ') }}))
    {%- endif %}
{% endmacro %}


{# Whether a version is seen by other columns for the first time after `at`: what comes then may be before that. #}
{% macro learns_after(at) -%}
    version._seen_at[cardinality(version._seen_at)] > {{ at }}
{%- endmacro %}


{# A delta that goes concerns the keys that it spoke of: its rows say which, where they are those that history was told.
   Else what begins, ends or is seen by other columns at the time of a delivery that goes is looked for in the whole
   dimension. #}
{% macro concerned_by_what_goes_sql(relation, feed, gone, id) %}
    {%- if gone.mode == 'delta' and gone.effect == 'remove' and is_as_merged(gone.content_id) %}
    select told.{{ id }} as id
    from judged.delivery_{{ gone.content_id }} as told
    {%- else %}
    {%- set then = "between '" ~ gone.since ~ "' and '" ~ gone.until ~ "'" if gone.has_row_times else "= '" ~ gone.at ~ "'" %}
    select {{ id }} as id
    from {{ relation }}
    where _superseded_in is null
        and _feed = '{{ feed.key }}'
        and (
            valid_from {{ then }} or valid_to {{ then }}
            or (_seen_at is not null and exists (select from unnest(_seen_at) as seen_at where seen_at {{ then }}))
        )
    {%- endif %}
{% endmacro %}


{# Whether a content's judged rows are still there, and still those that were merged. #}
{% macro is_as_merged(content_id) %}
    {%- set rows = run_query(
        "select good - duplicate from ledger.row_accounts where delivery_id = " ~ content_id ~ " and opened is not null"
    ).rows -%}
    {{ return(
        rows | length > 0
        and is_there('judged.delivery_' ~ content_id)
        and run_query("select count(*) from judged.delivery_" ~ content_id).rows[0][0] == rows[0][0]
    ) }}
{% endmacro %}
