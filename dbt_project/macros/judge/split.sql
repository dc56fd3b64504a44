{# One statement: type, find exact duplicates, apply every rule, write both sides, count them into the ledger, whose
   constraint `every_row_is_judged` refuses a split that loses a row. Rules about several rows of a
   delivery look at the relation `candidates`: its rows without exact repetitions. #}
{% macro split_sql(entity, relation, sql, rules) %}
    {%- set columns = entity_columns(entity) | map(attribute='name') | list -%}
    {%- set id = entity ~ '_id' -%}
    with deliveries as (
        select delivery_id, feed, run from ledger.judging where entity = '{{ entity }}'
    ),

    mapped as (
        {{ sql }}
    ),

    typed as materialized (
        select
            mapped.*,
            deliveries.feed as _feed,
            {{ surrogate_id(entity) }} as {{ id }},
            {{ fingerprint(entity) }} as _fingerprint
        from mapped
        join deliveries on deliveries.delivery_id = mapped._delivery_id
        where mapped._delivery_id = any (array(select delivery_id from deliveries))
    ),

    repeated_keys as (
        select _delivery_id, {{ id }}
        from typed
        where {{ id }} is not null
        group by 1, 2
        having count(*) > 1
    ),

    repeated as (
        select
            typed._delivery_id,
            typed._row_number,
            row_number() over (
                partition by typed._delivery_id, typed.{{ id }}, typed._fingerprint order by typed._row_number
            ) as occurrence
        from typed
        join repeated_keys using (_delivery_id, {{ id }})
    ),

    duplicates as (
        select _delivery_id, _row_number from repeated where occurrence > 1
    ),

    candidates as (
        select typed.*
        from typed
        where not exists (
            select from duplicates
            where duplicates._delivery_id = typed._delivery_id and duplicates._row_number = typed._row_number
        )
    ),

    rated as materialized (
        select
            candidates.*,
            coalesce(
                nullif(concat_ws(
                    ','
                    {%- for rule in rules if rule.code != 'key_missing' %},
                    case when ({{ rule.predicate }}) then '{{ rule.code }}' end
                    {%- endfor %}
                ), ''),
                case when {{ id }} is null then 'key_missing' else '' end
            ) as _broken
        from candidates
    ),

    raw as (
        {{ raw_rows(entity) }}
    ),

    quarantined as (
        insert into quarantine.{{ entity }}
            (delivery_id, feed, row_number, line_number, kind, {{ id }}, raw, reasons, run)
        select
            rated._delivery_id,
            rated._feed,
            rated._row_number,
            rated._line_number,
            'judged',
            rated.{{ id }},
            raw.raw,
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'code', rules.code, 'column', rules.column_name, 'message', {{ told_message('rules', 'rated') }}
                    )
                    order by rules.position
                )
                from ledger.rules
                join ledger.runs using (contract_hash)
                where runs.run = deliveries.run and rules.code = any (string_to_array(rated._broken, ','))
            ),
            deliveries.run
        from rated
        join deliveries on deliveries.delivery_id = rated._delivery_id
        join raw on raw._delivery_id = rated._delivery_id and raw._row_number = rated._row_number
        where rated._broken <> ''
        returning delivery_id
    ),

    unreadable as (
        insert into quarantine.{{ entity }}
            (delivery_id, feed, row_number, line_number, kind, raw_bytes, raw_length, byte_offset, reasons, run)
        select
            u.delivery_id,
            deliveries.feed,
            u.row_number,
            u.line_number,
            'unreadable',
            u.raw_bytes,
            u.raw_length,
            u.byte_offset,
            jsonb_build_array(jsonb_build_object('code', u.code, 'column', null, 'message', u.message)),
            deliveries.run
        from staging.unreadable as u
        join deliveries using (delivery_id)
    ),

    good as (
        insert into {{ relation }} (
            {{ id }}, _feed, _fingerprint, _unparsed, _delivery_id, _row_number, _line_number
            {%- for column in columns %}, {{ adapter.quote(column) }}{% endfor %}
        )
        select
            {{ id }}, _feed, _fingerprint, _unparsed, _delivery_id, _row_number, _line_number
            {%- for column in columns %}, {{ adapter.quote(column) }}{% endfor %}
        from rated
        where _broken = ''
        returning _delivery_id as delivery_id
    ),

    tally as (
        select
            delivery_id,
            count(*) filter (where side = 'quarantined') as quarantined,
            count(*) filter (where side = 'good') as good,
            count(*) filter (where side = 'duplicate') as duplicate
        from (
            select delivery_id, 'quarantined' as side from quarantined
            union all
            select delivery_id, 'good' from good
            union all
            select _delivery_id, 'duplicate' from duplicates
        ) as sides
        group by 1
    )

    update ledger.row_accounts as account
    set
        quarantined = coalesce(tally.quarantined, 0),
        good = coalesce(tally.good, 0) + coalesce(tally.duplicate, 0),
        duplicate = coalesce(tally.duplicate, 0),
        opened = null,
        changed = null,
        unchanged = null,
        closed = null
    from deliveries
    left join tally using (delivery_id)
    where account.delivery_id = deliveries.delivery_id
{% endmacro %}


{# The staged rows of the running run's deliveries as JSON, by the vendor's column names. #}
{% macro raw_rows(entity) %}
    {%- set feeds = graph.sources.values() | selectattr('resource_type', 'equalto', 'source')
        | selectattr('config.meta.entity', 'equalto', entity) | list -%}
    {%- for feed in feeds %}
        select
            _delivery_id,
            _row_number,
            to_jsonb(staged) - array['_delivery_id', '_row_number', '_line_number'] as raw
        from staging.{{ feed.identifier }} as staged
        where _delivery_id = any (array(select delivery_id from deliveries where feed = '{{ feed.source_name }}.{{ feed.name }}'))
        {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endmacro %}
