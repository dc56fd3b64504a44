with

observed as (

    {{ observed_until('school_total') }}

),

windows as (

    select
        windows.name as span,
        windows.days,
        observed.day - windows.offset_days - windows.days + 1 as first_day,
        observed.day - windows.offset_days as last_day

    from {{ ref('known_rolling_windows') }} as windows
    cross join observed

),

schools as (

    select distinct school_number
    from {{ ref('school_total') }}
    where school_number not in (select school_number from {{ ref('known_ignored_schools') }})

)

select
    schools.school_number,
    windows.span,
    windows.first_day,
    windows.last_day,
    coalesce(sum(days.new_cases), 0)::bigint as new_cases,
    coalesce(sum(days.correction), 0)::bigint as correction,
    round(coalesce(sum(days.new_cases), 0)::numeric / max(windows.days), 3) as average

from schools
cross join windows
left join {{ ref('school_day') }} as days
    on days.school_number = schools.school_number
    and days.day between windows.first_day and windows.last_day
group by schools.school_number, windows.span, windows.first_day, windows.last_day
