{# folding: the run's deliveries in order. concerned: the keys for which they can change anything, found by one join
   over ids and fingerprints; all other keys are unchanged and are not looked at again. #}
{% macro concerned_sql(entity, relation, run) %}
    {%- set id = entity ~ '_id' -%}
    create temporary table folding on commit drop as
    select delivery_id, feed, effective_at, mode, row_number() over (order by effective_at, revision, delivery_id) as seq
    from ledger.judging
    where run = {{ run }};

    create temporary table concerned on commit drop as
    with open_versions as (
        select {{ id }}, _fingerprint, _feed from {{ relation }}
        where _superseded_in is null and valid_to is null
    ),

    judged as (
        select {{ id }}, _fingerprint, _feed, _delivery_id
        from judged.{{ entity }}
        where _delivery_id = any (array(select delivery_id from folding))
    ),

    different as (
        select judged.{{ id }}
        from judged
        left join open_versions using ({{ id }})
        where open_versions._fingerprint is distinct from judged._fingerprint
    ),

    full_deliveries as (
        select feed, count(*) as deliveries from folding where mode = 'full' group by feed
    ),

    sightings as (
        select judged.{{ id }}, count(*) as deliveries
        from judged
        join folding on folding.delivery_id = judged._delivery_id and folding.mode = 'full'
        group by 1
    ),

    missing as (
        select open_versions.{{ id }}
        from open_versions
        join full_deliveries on full_deliveries.feed = open_versions._feed
        left join sightings using ({{ id }})
        where coalesce(sightings.deliveries, 0) < full_deliveries.deliveries
    )

    select {{ id }} from different
    union
    select {{ id }} from missing;

    create unique index on concerned ({{ id }});
    analyze concerned;
{% endmacro %}
