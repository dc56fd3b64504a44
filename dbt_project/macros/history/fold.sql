{# Per key, observations in order, with what was open just before the fold begins as observation zero: a version starts
   where the fingerprint differs from the one before, or where the key was absent in between; it ends where the next
   starts, or at the first full delivery of its feed that lacks it.
   The result is held against the standing versions: what is not in it is gone, what stands already stays untouched. #}
{% macro observations_sql(entity, relation, feed) %}
    {%- set id = entity ~ '_id' -%}
    create temporary table standing on commit drop as
    select version.*
    from concerned
    cross join lateral {{ current_versions(
        relation,
        id ~ ' as id, valid_from, valid_to, _fingerprint as fingerprint, _delivery_id as delivery_id,'
        ~ ' _row_number as row_number, _fingerprints as fingerprints, _seen_at as seen_at',
        id ~ ' = concerned.id'
    ) }} as version
    where version.valid_to is null or version.valid_to >= '{{ feed.since }}';

    create temporary table observations on commit drop as
    select
        id,
        0::bigint as seq,
        valid_from as at,
        fingerprint,
        0::bigint as fulls_before,
        0::bigint as fulls,
        delivery_id,
        null::bigint as content_id,
        row_number,
        null::tid as place
    from standing
    where valid_from < '{{ feed.since }}' and fingerprints is null
    union all
    -- One that was seen by several sets of columns is an observation by each.
    select id, nth - cardinality(fingerprints), seen.at, seen.fingerprint, 0, 0, delivery_id, null, row_number, null
    from standing
    cross join unnest(fingerprints, seen_at) with ordinality as seen (fingerprint, at, nth)
    where seen.at < '{{ feed.since }}'
    {%- for delivery in feed.deliveries %}
    union all
    select
        told.{{ id }},
        {{ delivery.seq }},
        {{ time_of_row(delivery) }},
        told._fingerprint,
        {{ delivery.fulls - (1 if delivery.mode == 'full' else 0) }},
        {{ delivery.fulls }},
        {{ delivery.delivery_id }},
        {{ delivery.content_id }},
        told._row_number,
        told.ctid
    from judged.delivery_{{ delivery.content_id }} as told
    join concerned on concerned.id = told.{{ id }}
    {%- if feed.row_times %}
    where {{ time_of_row(delivery) }} >= '{{ feed.since }}'
    {%- else %}
    {{ not_said_again(feed, delivery, id) }}
    {%- endif %}
    {%- endfor %};
    {%- if feed.row_times %}
    {{ one_word_for_each_time_sql() }}
    {%- endif %}

    analyze standing;
    analyze observations;
{% endmacro %}


{# Since when a judged row holds. #}
{% macro time_of_row(delivery) -%}
    {%- if delivery.has_row_times %} coalesce(told._effective_at, '{{ delivery.at }}')
    {%- else %} '{{ delivery.at }}'
    {%- endif -%}
{%- endmacro %}


{# Of what several deliveries say of a key at one time the last word stays, at the delivery since which it is said. #}
{% macro one_word_for_each_time_sql() %}
    with said as (
        select
            ctid as place, id, at, seq,
            lag(fingerprint) over (partition by id, at order by seq) is distinct from fingerprint as is_news
        from observations
    ),

    last_words as (
        select distinct on (id, at) place from said where is_news order by id, at, seq desc
    )

    delete from observations where ctid not in (select place from last_words);
{% endmacro %}


{# The order of a key's observations. #}
{% macro in_order(feed) -%}
    {{ 'at, seq' if feed.row_times else 'seq' }}
{%- endmacro %}


{% macro fold_sql(entity, relation, feed, foreign) %}
    create temporary table folded on commit drop as
    {{ versions_sql(entity, relation, feed, foreign) }};
    {%- if foreign %}

    insert into extending
    select content_id, row_number, place from folded where not begins and content_id is not null;
    delete from folded where not begins;
    {%- endif %}

    analyze folded;

    insert into gone
    select id, valid_from, valid_to is null
    from standing
    where not exists (
        select from folded
        where folded.id = standing.id
            and folded.valid_from = standing.valid_from
            and folded.valid_to is not distinct from standing.valid_to
            and folded.fingerprint = standing.fingerprint
            and {{ seen_alike() }}
            {{- and_same_delivery(feed) }}
    );

    insert into writing
    select
        folded.id, folded.valid_from, folded.valid_to, folded.fingerprint,
        standing.id is not null or folded.content_id is null,
        folded.delivery_id, folded.content_id, folded.row_number, folded.place,
        folded.fingerprints, folded.seen_at, folded.told
    from folded
    left join standing
        on standing.id = folded.id
        and standing.valid_from = folded.valid_from
        and {{ first_fingerprint('standing') }} = {{ first_fingerprint('folded') }}
        {{- and_same_delivery(feed) }}
    where standing.id is null
        or standing.valid_to is distinct from folded.valid_to
        or not ({{ seen_alike() }});

    {{ effects_sql(feed) }}
{% endmacro %}


{# Where several deliveries may say the same of a key at one time, a version tells whose doing it is. #}
{% macro and_same_delivery(feed) -%}
    {{ ' and standing.delivery_id = folded.delivery_id' if feed.row_times }}
{%- endmacro %}


{% macro first_fingerprint(relation) -%}
    coalesce({{ relation }}.fingerprints[1], {{ relation }}.fingerprint)
{%- endmacro %}


{% macro seen_alike() -%}
    (standing.fingerprints, standing.seen_at) is not distinct from (folded.fingerprints, folded.seen_at)
{%- endmacro %}


{# The versions of the keys. Where other columns than today's play a part, each with what it knows at its end; and, not
   `begins`, the observations that brought columns to one. #}
{% macro versions_sql(entity, relation, feed, foreign) %}
    with neighbours as (
        select
            observations.*,
            lag(seq) over in_order as previous_seq,
            lag(fingerprint) over in_order as previous_fingerprint,
            lead(seq) over in_order as next_seq,
            {%- if feed.row_times %}
            lead(at) over in_order as next_at,
            {%- endif %}
            coalesce(lead(fulls_before) over in_order, {{ feed.fulls }}) as fulls_until_next
        from observations
        window in_order as (partition by id order by {{ in_order(feed) }})
    ),

    absences as (
        select
            neighbours.*,
            {% if feed.fulls -%}
            case when {{ 'true' if feed.row_times else 'fulls_until_next > fulls' }} then (
                select folding.effective_at
                from folding
                where folding.feed = '{{ feed.key }}'
                    and folding.mode = 'full'
                    {%- if feed.row_times %}
                    and folding.effective_at > neighbours.at
                    and (neighbours.next_at is null or folding.effective_at < neighbours.next_at)
                    {%- else %}
                    and folding.seq > neighbours.seq
                    and (neighbours.next_seq is null or folding.seq < neighbours.next_seq)
                    {%- endif %}
                    and not ({{ is_present_sql(
                        entity, 'folding.content_id', feed.deliveries | selectattr('has_unreadable') | list | length > 0,
                        'neighbours.id', key_of_observation(entity, relation)
                    ) }})
                    {{- not_mended(entity, feed) }}
                order by folding.seq
                limit 1
            ) end as gone_at
            {%- else -%}
            null::timestamptz as gone_at
            {%- endif %}
        from neighbours
    ),

    starts as (
        select
            absences.*,
            lag(gone_at) over in_order as previous_gone_at,
            max(gone_at) filter (where next_seq is null) over (partition by id) as finally_gone_at
        from absences
        window in_order as (partition by id order by {{ in_order(feed) }})
    )
    {{- what_versions_know_sql(feed) if foreign }}

    select
        id,
        {{ '(known_at_its_end).fingerprints[cardinality((known_at_its_end).fingerprints)] as ' if foreign }}fingerprint,
        at as valid_from,
        coalesce(
            lead(coalesce(previous_gone_at, at)) over (
                partition by id {{ ', news' if foreign }} order by {{ in_order(feed) }}
            ),
            finally_gone_at
        ) as valid_to,
        delivery_id,
        content_id,
        row_number,
        place,
    {%- if foreign %}
        news = 'begins' as begins,
        case when cardinality((known_at_its_end).fingerprints) > 1 then (known_at_its_end).fingerprints end as fingerprints,
        case when cardinality((known_at_its_end).fingerprints) > 1 then (known_at_its_end).seen_at end as seen_at,
        (known_at_its_end).told
    from at_its_end
    where news is not null
    {%- else %}
        null::bytea[] as fingerprints,
        null::timestamptz[] as seen_at,
        null::jsonb as told
    from starts
    where previous_seq is null or previous_gone_at is not null or fingerprint is distinct from previous_fingerprint
    {%- endif %}
{% endmacro %}


{% macro what_versions_know_sql(feed) -%}
,

    learnt as (
        select
            starts.*,
            history.known_by(fingerprint, at, told, previous_gone_at is not null) over in_order as known
        from starts
        window in_order as (partition by id order by {{ in_order(feed) }})
    ),

    numbered as (
        select
            learnt.*,
            (known).news as news,
            count(*) filter (where (known).news = 'begins') over in_order as nth
        from learnt
        window in_order as (partition by id order by {{ in_order(feed) }})
    ),

    at_its_end as (
        select
            numbered.*,
            last_value(known) over (
                partition by id, nth order by {{ in_order(feed) }} rows between unbounded preceding and unbounded following
            ) as known_at_its_end
        from numbered
    )
{%- endmacro %}


{# The key of an observation, looked up only where a record that could not be read asks for it. #}
{% macro key_of_observation(entity, relation) -%}
    (
        select {{ key_as_text(entity, 'row') }}
        from judged.{{ entity }} as row
        where row._delivery_id = neighbours.content_id and row.{{ entity }}_id = neighbours.id
        union all
        select {{ key_as_text(entity, 'row') }}
        from {{ relation }} as row
        where neighbours.content_id is null and row.{{ entity }}_id = neighbours.id
            and row._superseded_in is null
        limit 1
    )
{%- endmacro %}


{# What the feed's deliveries did to the keys that were folded: of those that come, the whole effect; of those that were
   merged before, what it is now less what it was. #}
{% macro effects_sql(feed) %}
    insert into effects
    with either as (
        select id, valid_from, valid_to, delivery_id, 1 as sign from folded
        union all
        select id, valid_from, valid_to, delivery_id, -1 from standing
    ),

    bounded as (
        select
            either.*,
            lag(valid_to) over in_order is not distinct from valid_from as is_change,
            lead(valid_from) over in_order is not distinct from valid_to as is_followed
        from either
        window in_order as (partition by sign, id order by valid_from)
    ),

    changes as (
        select delivery_id, sign, 1 - is_change::int as opened, is_change::int as changed, 0 as closed
        from bounded
        where valid_from >= '{{ feed.since }}'
        union all
        select folding.delivery_id, sign, 0, 0, 1
        from bounded
        join folding on folding.feed = '{{ feed.key }}' and folding.effective_at = bounded.valid_to
            and folding.mends is null
        where not is_followed
    )

    select delivery_id, sum(sign * opened), sum(sign * changed), sum(sign * closed)
    from changes
    {%- if feed.coming %}
    where sign = 1 or delivery_id not in ({{ feed.coming | map(attribute='delivery_id') | join(', ') }})
    {%- endif %}
    group by 1;
{% endmacro %}
