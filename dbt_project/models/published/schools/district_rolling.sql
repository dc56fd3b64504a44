-- A school is one, however many sources have its profile.
with

profiles as (

    select school_number, min(district) as district
    from {{ ref('school') }}
    group by 1

)

select
    profiles.district,
    rolling.span,
    rolling.first_day,
    rolling.last_day,
    count(*) as schools,
    count(profiles.school_number) as schools_known,
    sum(rolling.new_cases)::bigint as new_cases,
    sum(rolling.correction)::bigint as correction,
    round(sum(rolling.new_cases)::numeric / (rolling.last_day - rolling.first_day + 1), 3) as average

from {{ ref('school_rolling') }} as rolling
left join profiles using (school_number)
group by 1, 2, 3, 4
