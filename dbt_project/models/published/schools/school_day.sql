with

totals as (

    select * from {{ ref('school_total') }}

),

derived as (

    select
        feed,
        school_number,
        day,
        min(since) as since,
        sum(new_cases)::bigint as new_cases,
        sum(correction)::bigint as correction,
        count(*) as polls,
        'derived' as basis

    from {{ ref('school_change') }}
    where kind <> 'baseline'
    group by 1, 2, 3

),

reported as (

    select
        totals.feed,
        totals.school_number,
        pair.key::date as day,
        pair.key::date - 1 as since,
        greatest(pair.value::bigint, 0) as new_cases,
        least(pair.value::bigint, 0) as correction,
        1::bigint as polls,
        'reported' as basis

    from totals
    cross join lateral jsonb_each_text(totals.days) as pair
    where totals.school_number not in (select school_number from {{ ref('known_ignored_schools') }})

),

-- A feed that reports days itself is not differenced as well.
every as (

    select * from reported
    union all
    select derived.*
    from derived
    where not exists (select from totals where totals.feed = derived.feed and totals.days is not null)

),

-- Where two feeds speak of one school and day, the one that is asked first counts.
ranked as (

    select
        every.*,
        row_number() over (
            partition by school_number, day
            order by {{ by_feed('school_total', 'feed', 'priority', 100) }}, feed
        ) as place

    from every

)

select
    school_number,
    day,
    since,
    new_cases,
    correction,
    polls,
    basis,
    feed

from ranked
where place = 1
