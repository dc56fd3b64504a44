{# folding: the deliveries whose observations are folded, in order: what comes in, and what is in force since the
   earliest change of its feed. removed: what goes out, and what is judged again: a key that it brought may be bad now.
   Each content's rows stand in judged.delivery_<content_id>. #}
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
        span.rows_from,
        span.rows_until,
        span.has_row_times,
        row_number() over (order by d.effective_at, d.delivery_id) as seq,
        (count(*) filter (where d.mode = 'full') over (
            partition by d.feed order by d.effective_at, d.delivery_id rows unbounded preceding
        )) as fulls
    from ledger.run_deliveries as r
    join ledger.deliveries as d using (delivery_id)
    join ledger.spans as span using (delivery_id)
    left join ledger.deliveries as mended on mended.delivery_id = d.mends
    where r.run = {{ run }} and r.effect in ('add', 'context');

    create temporary table removed on commit drop as
    select
        d.delivery_id, coalesce(d.sighting_of, d.delivery_id) as content_id, d.feed, d.effective_at, d.mode, d.mends,
        r.effect, span.rows_from, span.rows_until, span.has_row_times
    from ledger.run_deliveries as r
    join ledger.deliveries as d using (delivery_id)
    join ledger.spans as span using (delivery_id)
    where r.run = {{ run }} and (r.effect = 'remove' or (r.effect = 'add' and d.in_history));

    analyze folding;
{% endmacro %}


{# What every road writes to. gone: current versions that are superseded. writing: versions that become current, each
   a copy of one that is superseded (is_copy), or a judged row at its place in judged.delivery_<content_id>. Where
   other columns than today's play a part, `told` has the values that the version knows. extending: judged rows that only
   bring columns to a version. effects: what the deliveries did. #}
{% macro working_tables_sql(entity, relation) %}
    create temporary table gone (id uuid, valid_from timestamptz, is_open boolean) on commit drop;
    create temporary table writing (
        id uuid, valid_from timestamptz, valid_to timestamptz, fingerprint bytea, is_copy boolean,
        delivery_id bigint, content_id bigint, row_number bigint, place tid,
        fingerprints bytea[], seen_at timestamptz[], told jsonb
    ) on commit drop;
    create temporary table extending (content_id bigint, row_number bigint, place tid) on commit drop;
    create temporary table effects (delivery_id bigint, opened bigint, changed bigint, closed bigint) on commit drop;
    create temporary table superseded (like {{ relation }}) on commit drop;
{% endmacro %}


{# The feeds of the run, each with its deliveries and its road:
   first: nothing of it is in history, and one delivery comes: every row is a version.
   direct: one delivery comes, later than all that is in history: its rows are held against the open versions.
   fold: all else. With row_times, deliveries whose rows have times of their own are among them: their observations are
   in order of (at, seq), and each is held against the version that covers its own time.
   The statements name deliveries and partitions, so that the planner knows how many rows they hold. #}
{% macro feeds_of_the_fold() %}
    {%- set found = [] -%}
    {%- for feed in run_query(
        "select feed, exists (select from ledger.deliveries as d where d.feed = every.feed and d.in_history) as is_known"
        " from (select feed from folding union select feed from removed) as every order by 1"
    ).rows -%}
        {%- set deliveries = run_query(
            "select f.*, effective_at::text as at, rows_from::text as since, coalesce(account.unreadable, 0) > 0 as has_unreadable,"
            " coalesce(account.good - account.duplicate, 0) as rows"
            " from folding as f left join ledger.row_accounts as account on account.delivery_id = f.content_id"
            " where feed = '" ~ feed.feed ~ "' order by seq"
        ).rows -%}
        {%- set gone = run_query("select removed.*, effective_at::text as at, rows_from::text as since, rows_until::text as until"
            " from removed where feed = '" ~ feed.feed ~ "'").rows -%}
        {%- set coming = deliveries | selectattr('effect', 'equalto', 'add') | list -%}
        {%- set mended = deliveries | selectattr('mends') | list -%}
        {%- set row_times = (deliveries | list + gone | list) | selectattr('has_row_times') | list | length > 0 -%}
        {%- set in_order = not row_times and not gone and not mended and coming | length == deliveries | length -%}
        {%- do found.append({
            'key': feed.feed,
            'name': feed.feed | replace('.', '__'),
            'deliveries': deliveries,
            'coming': coming,
            'removed': gone,
            'removed_mended': gone | selectattr('mends') | map(attribute='at') | list,
            'mended': mended,
            'since': (coming | map(attribute='since') | list + gone | map(attribute='since') | list) | min,
            'fulls': deliveries | selectattr('mode', 'equalto', 'full') | list | length,
            'rows': coming | sum(attribute='rows'),
            'in_order': in_order,
            'row_times': row_times,
            'road': ('direct' if feed.is_known else 'first') if in_order and deliveries | length == 1 else 'fold'
        }) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{# The current versions that meet a condition on their ids, by way of the two indexes that hold each of them once. #}
{% macro current_versions(relation, columns, condition) -%}
    (
        select {{ columns }} from {{ relation }} where _superseded_in is null and valid_to is null and {{ condition }}
        union all
        select {{ columns }} from {{ relation }} where _superseded_in is null and valid_to is not null and {{ condition }}
    )
{%- endmacro %}


{# Is the key of a version in this delivery, though not good? A quarantined row is proof of it, and so is the key's text
   in a record that could not be read: neither changes the key, neither closes it. `key` is SQL for its parts. #}
{% macro is_present_sql(entity, delivery_id, has_unreadable, id, key) -%}
    {%- set personal = entity_columns(entity) | rejectattr('pii', 'equalto', 'none')
        | selectattr('name', 'in', entity_key(entity)) | list -%}
    exists (
        select from quarantine.{{ entity }} as present
        where present.{{ entity }}_id = {{ id }} and present.delivery_id = {{ delivery_id }}
    )
    {%- if has_unreadable %}
    or exists (
        select from quarantine.{{ entity }} as present
        where present.kind = 'unreadable' and present.delivery_id = {{ delivery_id }}
        {%- if not personal %}
            and (
                present.raw_length > length(present.raw_bytes)
                or exists (
                    select from unnest({{ key }}) as part
                    where position(lower(part) in lower(staging.text_of(present.raw_bytes, (
                        select found ->> 'encoding' from ledger.deliveries as whole where whole.delivery_id = {{ delivery_id }}
                    )))) > 0
                )
            )
        {%- endif %}
    )
    {%- endif %}
{%- endmacro %}


{% macro key_as_text(entity, alias) -%}
    array[{% for part in entity_key(entity) %}{{ alias }}.{{ adapter.quote(part) }}::text{{ ', ' if not loop.last }}{% endfor %}]
{%- endmacro %}
