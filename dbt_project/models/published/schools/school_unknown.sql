with

counted as (

    select school_number, feed, valid_from from {{ ref('school_total') }}
    union all
    select school_number, feed, valid_from from {{ ref('vaccination_total') }}

)

select
    school_number,
    string_agg(distinct feed, ', ' order by feed) as feeds,
    min(valid_from) as since

from counted
where school_number not in (select school_number from {{ ref('school') }})
    and school_number not in (select school_number from {{ ref('known_ignored_schools') }})
group by 1
