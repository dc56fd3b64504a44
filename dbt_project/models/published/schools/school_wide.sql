with

days as (

    select
        school_number,
        jsonb_object_agg(day, new_cases) filter (where new_cases <> 0) as new_cases_by_day,
        jsonb_object_agg(day, correction) filter (where correction <> 0) as corrections_by_day

    from {{ ref('school_day') }}
    group by 1

),

spans as (

    select
        school_number,
        jsonb_object_agg(span, new_cases) as sums,
        jsonb_object_agg(span, average) as averages

    from {{ ref('school_rolling') }}
    group by 1

),

totals as (

    select
        school_number,
        (array_agg(total order by {{ by_feed('school_total', 'feed', 'priority', 100) }}, feed))[1] as total

    from (
        select school_number, feed, sum(total)::bigint as total
        from {{ ref('school_total') }}
        group by 1, 2
    ) as of_feeds
    group by 1

),

profiles as (

    select school_number, min(name) as name, min(district) as district
    from {{ ref('school') }}
    group by 1

)

select
    totals.school_number,
    profiles.name,
    profiles.district,
    totals.total,
    coalesce(days.new_cases_by_day, '{}') as new_cases_by_day,
    coalesce(days.corrections_by_day, '{}') as corrections_by_day,
    coalesce(spans.sums, '{}') as sums,
    coalesce(spans.averages, '{}') as averages

from totals
left join profiles using (school_number)
left join days using (school_number)
left join spans using (school_number)
where totals.school_number not in (select school_number from {{ ref('known_ignored_schools') }})
