{# folding: the deliveries whose observations are folded, in order: what comes in, and what is in force since the earliest
   change of its feed. removed: what goes out. since: where the fold of a feed begins. concerned: the keys for which any
   of this can change anything; all other keys are not looked at again. A key is concerned where a delivery that comes
   in disagrees with the version that covers its time, or where a version begins or ends at the time of one that goes. #}
{% macro folding_sql(run) %}
    create temporary table folding on commit drop as
    select
        d.delivery_id,
        coalesce(d.sighting_of, d.delivery_id) as content_id,
        d.feed,
        d.effective_at,
        d.mode,
        d.mends,
        d.sha256,
        mended.sha256 as mended_sha256,
        r.effect,
        row_number() over (order by d.effective_at, d.delivery_id) as seq
    from ledger.run_deliveries as r
    join ledger.deliveries as d using (delivery_id)
    left join ledger.deliveries as mended on mended.delivery_id = d.mends
    where r.run = {{ run }} and r.effect in ('add', 'context');

    create temporary table removed on commit drop as
    select d.delivery_id, d.feed, d.effective_at, d.mends
    from ledger.run_deliveries as r
    join ledger.deliveries as d using (delivery_id)
    -- What is judged again goes out as it was and comes in as it is now.
    where r.run = {{ run }} and (r.effect = 'remove' or (r.effect = 'add' and d.in_history));

    create temporary table since on commit drop as
    select feed, min(effective_at) as at
    from (
        select feed, effective_at from folding where effect = 'add'
        union all
        select feed, effective_at from removed
    ) as changes
    group by feed;

    analyze folding;
    analyze since;
{% endmacro %}


{# In order, the version that covers a new delivery's time is the open one: one join over ids and fingerprints. #}
{% macro concerned_in_order_sql(entity, relation) %}
    {%- set id = entity ~ '_id' -%}
    create temporary table concerned on commit drop as
    with open_versions as (
        select {{ id }}, _fingerprint, _feed
        from {{ relation }}
        where _superseded_in is null and valid_to is null
    ),

    observed as (
        select judged.{{ id }}, judged._fingerprint, folding.mode
        from judged.{{ entity }} as judged
        join folding on folding.content_id = judged._delivery_id
        where judged._delivery_id = any (array(select content_id from folding))
    ),

    different as (
        select observed.{{ id }}
        from observed
        left join open_versions using ({{ id }})
        where open_versions._fingerprint is distinct from observed._fingerprint
    ),

    full_deliveries as (
        select feed, count(*) as deliveries from folding where mode = 'full' group by feed
    ),

    sighted as (
        select {{ id }}, count(*) as deliveries from observed where mode = 'full' group by 1
    ),

    missing as (
        select open_versions.{{ id }}
        from open_versions
        join full_deliveries on full_deliveries.feed = open_versions._feed
        left join sighted using ({{ id }})
        where coalesce(sighted.deliveries, 0) < full_deliveries.deliveries
    )

    select {{ id }} from different
    union
    select {{ id }} from missing;

    create unique index on concerned ({{ id }});
    analyze concerned;
{% endmacro %}


{# Out of order: each delivery is compared with the versions that cover its own time. #}
{% macro concerned_out_of_order_sql(entity, relation) %}
    {%- set id = entity ~ '_id' -%}
    create temporary table concerned on commit drop as
    with coming as (
        select * from folding where effect = 'add'
    ),

    different as (
        select judged.{{ id }}
        from judged.{{ entity }} as judged
        join coming on coming.content_id = judged._delivery_id
        left join {{ relation }} as version
            on version.{{ id }} = judged.{{ id }}
            and version._superseded_in is null
            and version.valid_from <= coming.effective_at
            and (version.valid_to is null or version.valid_to > coming.effective_at)
        where judged._delivery_id = any (array(select content_id from coming))
            and version._fingerprint is distinct from judged._fingerprint
    ),

    missing as (
        select version.{{ id }}
        from {{ relation }} as version
        join coming
            on coming.mode = 'full'
            and coming.feed = version._feed
            and version.valid_from <= coming.effective_at
            and (version.valid_to is null or version.valid_to > coming.effective_at)
        where version._superseded_in is null
            and not exists (
                select from judged.{{ entity }} as judged
                where judged.{{ id }} = version.{{ id }} and judged._delivery_id = coming.content_id
            )
    ),

    bounded as (
        select version.{{ id }}
        from {{ relation }} as version
        join removed
            on removed.feed = version._feed
            and removed.effective_at in (version.valid_from, version.valid_to)
        where version._superseded_in is null
    )

    select {{ id }} from different
    union
    select {{ id }} from missing
    union
    select {{ id }} from bounded
    {%- if has_supplements(entity) %}{{ alive_when_mended(entity, relation) }}{% endif %};

    create unique index on concerned ({{ id }});
    analyze concerned;
{% endmacro %}
