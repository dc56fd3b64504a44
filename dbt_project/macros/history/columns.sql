{# A new or a dropped column is no change of the values. Where two observations' fingerprints speak of different columns,
   the columns that both have decide, in the form that history holds. It happens once for each key, at the first
   delivery after the change. #}
{% macro column_sets_of_the_fold() %}
    {{ return(run_query("select count(distinct substr(fingerprint, 1, 4)) from observations").rows[0][0]) }}
{% endmacro %}


{# observations.held: what history holds, or would hold, of each. #}
{% macro values_sql(entity, relation, sql, feed) %}
    {%- set id = entity ~ '_id' -%}
    alter table observations add column held jsonb;

    update observations
    set held = to_jsonb(version)
    from {{ relation }} as version
    where observations.seq = 0
        and version.{{ id }} = observations.id
        and version.valid_from = observations.at
        and version._superseded_in is null;
    {%- for content in feed.deliveries | map(attribute='content_id') | unique %}

    update observations
    set held = to_jsonb(masked)
    from ({{ sql | replace(judged_relation(entity, sql), 'judged.delivery_' ~ content) }}) as masked
    where observations.content_id = {{ content }} and observations.row_number = masked._row_number;
    {%- endfor %}

    create index on observations (id, seq);
    analyze observations;
{% endmacro %}


{# Do an observation and the one before it agree in all columns that both speak of? #}
{% macro same_values_sql(entity) -%}
    substr(fingerprint, 1, 4) <> substr(previous_fingerprint, 1, 4)
    and not exists (
        select from history.column_sets as one
        join history.column_sets as other using (entity)
        cross join unnest(one.columns) as name
        where one.entity = '{{ entity }}'
            and one.prefix = substr(fingerprint, 1, 4)
            and other.prefix = substr(previous_fingerprint, 1, 4)
            and name = any (other.columns)
            and held -> name is distinct from previous_held -> name
    )
{%- endmacro %}


{# A version that began without today's columns, and is seen with them, gets them: the same range of valid time, today's
   fingerprint, the values of the first such observation; where it began stays. What it was without them is kept, for a
   late delivery from before. #}
{% macro refreshed_sql(entity, feed) %}
    update folded
    set
        first_fingerprint = folded.fingerprint,
        first_row = folded.row_number,
        first_line = first.line_number,
        refreshed_at = seen.at,
        fingerprint = seen.fingerprint,
        content_id = seen.content_id,
        row_number = seen.row_number,
        place = seen.place
    from observations as first, lateral (
        select later.*
        from observations as later
        where later.id = first.id
            and later.at > first.at
            and substr(later.fingerprint, 1, 4) = decode('{{ column_set(entity) }}', 'hex')
        order by {{ 'later.at, later.seq' if feed.row_times else 'later.seq' }}
        limit 1
    ) as seen
    where first.id = folded.id
        and first.at = folded.valid_from
        and substr(folded.fingerprint, 1, 4) <> decode('{{ column_set(entity) }}', 'hex')
        and (folded.valid_to is null or seen.at < folded.valid_to);
{% endmacro %}
