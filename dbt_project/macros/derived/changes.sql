{# Cumulative to delta: what a running total did at each moment at which its history changes, one row per feed, `by` and
   moment. `value` is summed over the rows that agree in `by`. Nothing is kept between runs: it is history, read again.

   kind       new_cases                     correction
   baseline   0: what was there before      0         the first delivery of a feed (where rows have times of their own:
                                                      the first row of a key, until the latest time of that delivery),
                                                      or the first good row of a key that was in quarantine before
   increase   how much more                 0
   correction 0                             how much less, below 0
   restart    all that is counted anew      0         the first delivery of a period in which the source counts anew

   A key that a later delivery brings for the first time counts from 0, one that was away goes on from where it was.
   `since` is the day that the delivery before spoke of: a difference over a missed day is the difference of both days.
   Where rows have times of their own, it is the last day before that any of them changed. #}
{% macro cumulative_changes(entity, by, value) %}
with versions as (

    select
        {{ entity }}_id as id,
        feed,
        {{ by | join(', ') }},
        {{ value }} as total,
        valid_from,
        valid_to

    from {{ ref(entity ~ '_history') }}

),

observed as (

    select feed, valid_from as at from versions
    union
    select feed, valid_to from versions where valid_to is not null

),

-- Where a source counts anew, a total that happens to stand still is all new: each key has a moment there.
restarts as (

    select observed.feed, periods.begins_on, min(observed.at) as at
    from {{ ref('known_count_periods') }} as periods
    join observed on {{ local_day(entity, 'observed.at', 'observed.feed') }} >= periods.begins_on
    where periods.entity = '{{ entity }}'
    group by 1, 2

),

-- Sums that run along instead of a join of moments with the versions in force at each: the cost follows their number.
events as (

    select feed, {{ by | join(', ') }}, valid_from as at, total as change, 1 as opened, id from versions
    union all
    select feed, {{ by | join(', ') }}, valid_to, -total, -1, null from versions where valid_to is not null
    union all
    select distinct versions.feed, {{ prefixed('versions', by) }}, restarts.at, 0, 0, null::uuid
    from versions
    join restarts using (feed)

),

moments as (

    select
        feed,
        {{ by | join(', ') }},
        at,
        sum(change) as change,
        sum(opened) as opened,
        array_agg(id) filter (where id is not null) as ids

    from events
    group by feed, {{ by | join(', ') }}, at

),

running as (

    select
        feed,
        {{ by | join(', ') }},
        at,
        ids,
        (sum(change) over series)::bigint as total,
        sum(opened) over series as parts

    from moments
    window series as (partition by feed, {{ by | join(', ') }} order by at)

),

totals as (

    select
        running.*,
        {{ local_day(entity, 'running.at', 'running.feed') }} as day,
        (select max(restarts.at) from restarts where restarts.feed = running.feed and restarts.at <= running.at)
            as counted_from

    from running
    where parts > 0

),

in_order as (

    select
        totals.*,
        lag(total) over series as total_before,
        lag(counted_from) over series as counted_before_from,
        {{ begun_until(entity) }} as begun_until,
        lag(at) over series is null as is_first

    from totals
    window series as (partition by feed, {{ by | join(', ') }} order by at)

),

told as (

    select
        in_order.*,
        case
            when is_first and at <= begun_until then 'baseline'
            when is_first and exists (
                select from quarantine.{{ entity }} as held
                join {{ source('ledger', 'deliveries') }} as d using (delivery_id)
                where held.{{ entity }}_id = any (in_order.ids) and {{ time_of_held(entity) }} < in_order.at
            ) then 'baseline'
            when not is_first and counted_from is distinct from counted_before_from then 'restart'
            when total < total_before then 'correction'
            else 'increase'
        end as kind

    from in_order

)

select
    feed,
    {{ by | join(', ') }},
    at,
    day,
    {{ spoken_of_before(entity) }} as since,
    kind,
    total_before,
    total,
    case kind
        when 'increase' then total - coalesce(total_before, 0)
        when 'restart' then total
        else 0
    end as new_cases,
    case when kind = 'correction' then total - total_before else 0 end as correction

from told
where kind in ('baseline', 'restart') or total is distinct from total_before
{% endmacro %}

{% macro prefixed(relation, columns) -%}
{%- for column in columns %}{{ relation }}.{{ column }}{{ ', ' if not loop.last }}{% endfor -%}
{%- endmacro %}

{# Until when a feed's first delivery speaks: where rows have times of their own, the latest of them. #}
{% macro begun_until(entity) -%}
{%- if has_row_times(entity) -%}
(
            select span.rows_until
            from {{ source('ledger', 'deliveries') }} as d
            join {{ source('ledger', 'spans') }} as span using (delivery_id)
            where d.feed = totals.feed and d.in_history
            order by d.effective_at, d.delivery_id
            limit 1
        )
{%- else -%} min(at) over (partition by feed)
{%- endif -%}
{%- endmacro %}

{# When a row in quarantine would have held: its own time, where rows have such and it says one. #}
{% macro time_of_held(entity) -%}
{%- if has_row_times(entity) -%} coalesce({{ own_time_of_held(entity, 'held') }}, d.effective_at)
{%- else -%} d.effective_at
{%- endif -%}
{%- endmacro %}

{# The last day before `told.at` that its feed spoke of. #}
{% macro spoken_of_before(entity) -%}
    {%- set timed = var('row_times').items() | selectattr('1.entity', 'equalto', entity) | map(attribute=0) | list -%}
    {%- set by_delivery -%}
    (
        select max(d.effective_date)
        from {{ source('ledger', 'deliveries') }} as d
        where d.feed = told.feed and d.effective_at < told.at and d.state in ('merged', 'sighted')
    )
    {%- endset -%}
    {%- if not timed %} {{- by_delivery }}
    {%- else -%}
    case
        when told.feed in ('{{ timed | join("', '") }}') then (
            select {{ local_day(entity, 'max(observed.at)', 'told.feed') }}
            from observed
            where observed.feed = told.feed and observed.at < told.at
        )
        else {{ by_delivery }}
    end
    {%- endif -%}
{%- endmacro %}
