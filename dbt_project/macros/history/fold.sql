{# Per key, observations in order, with what was open just before the fold begins as observation zero: a version starts where the fingerprint
   differs from the one before, or where the key was absent in between; it ends where the next starts, or at the first
   full delivery of its feed that lacks it. A quarantined row is proof that its key is there, and so is the key's text
   in a record that could not be read: neither changes the key, neither closes it. #}
{% macro fold_sql(entity, relation) %}
    {%- set id = entity ~ '_id' -%}
    {%- set key = entity_key(entity) -%}
    {%- set mended = has_supplements(entity) -%}
    {%- set personal = entity_columns(entity) | rejectattr('pii', 'equalto', 'none')
        | selectattr('name', 'in', key) | list -%}
    create temporary table folded on commit drop as
    with observations as (
        select
            dimension.{{ id }} as id,
            dimension._feed as feed,
            dimension._fingerprint as fingerprint,
            0::bigint as seq,
            dimension.valid_from as at,
            dimension._delivery_id as delivery_id,
            dimension._row_number as row_number,
            dimension._line_number as line_number,
            null::bigint as content_id,
            array[{% for part in key %}dimension.{{ adapter.quote(part) }}::text{{ ', ' if not loop.last }}{% endfor %}] as key
        from {{ relation }} as dimension
        join concerned using ({{ id }})
        join since on since.feed = dimension._feed
        where dimension._superseded_in is null
            and dimension.valid_from < since.at
            and (dimension.valid_to is null or dimension.valid_to >= since.at)
        union all
        select
            judged.{{ id }},
            judged._feed,
            judged._fingerprint,
            folding.seq,
            folding.effective_at,
            folding.delivery_id,
            judged._row_number,
            judged._line_number,
            folding.content_id,
            array[{% for part in key %}judged.{{ adapter.quote(part) }}::text{{ ', ' if not loop.last }}{% endfor %}]
        from judged.{{ entity }} as judged
        join folding on folding.content_id = judged._delivery_id
        join concerned using ({{ id }})
        where judged._delivery_id = any (array(select content_id from folding))
            {%- if mended %}{{ not_said_again(entity) }}{% endif %}
    ),

    neighbours as (
        select
            observations.*,
            lag(seq) over in_order as previous_seq,
            lag(fingerprint) over in_order as previous_fingerprint,
            lead(seq) over in_order as next_seq
        from observations
        window in_order as (partition by id order by seq)
    ),

    absences as (
        select neighbours.*, absence.effective_at as gone_at
        from neighbours
        left join lateral (
            select folding.effective_at
            from folding
            where folding.mode = 'full'
                and folding.feed = neighbours.feed
                and folding.seq > neighbours.seq
                and (neighbours.next_seq is null or folding.seq < neighbours.next_seq)
                and not exists (
                    select from quarantine.{{ entity }} as present
                    where present.{{ id }} = neighbours.id and present.delivery_id = folding.content_id
                )
                and not exists (
                    select from quarantine.{{ entity }} as present
                    where present.kind = 'unreadable' and present.delivery_id = folding.content_id
                    {%- if not personal %}
                        and (
                            present.raw_length > length(present.raw_bytes)
                            or exists (
                                select from unnest(neighbours.key) as part
                                where position(lower(part) in lower(encode(present.raw_bytes, 'escape'))) > 0
                            )
                        )
                    {%- endif %}
                )
                {%- if mended %}{{ not_mended(entity) }}{% endif %}
            order by folding.seq
            limit 1
        ) as absence on true
    ),

    starts as (
        select
            absences.*,
            previous_seq is null or lag(gone_at) over in_order is not null as is_opening,
            previous_seq is not null and lag(gone_at) over in_order is null
                and fingerprint is distinct from previous_fingerprint as is_change
        from absences
        window in_order as (partition by id order by seq)
    ),

    numbered as (
        select starts.*, count(*) filter (where is_opening or is_change) over (partition by id order by seq) as version
        from starts
    )

    select
        id,
        (array_agg(seq order by seq))[1] as seq,
        (array_agg(delivery_id order by seq))[1] as delivery_id,
        (array_agg(row_number order by seq))[1] as row_number,
        (array_agg(line_number order by seq))[1] as line_number,
        (array_agg(content_id order by seq))[1] as content_id,
        (array_agg(fingerprint order by seq))[1] as fingerprint,
        min(at) as valid_from,
        coalesce(max(gone_at), lead(min(at)) over (partition by id order by version)) as valid_to
    from numbered
    group by id, version;

    analyze folded;
{% endmacro %}
