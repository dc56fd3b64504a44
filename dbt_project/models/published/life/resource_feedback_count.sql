with

counts as (

    select
        about_feed,
        about_id,
        count(*) filter (where verdict = 'up') as up,
        count(*) filter (where verdict = 'down') as down,
        count(*) filter (where verdict = 'available') as available,
        count(*) filter (where verdict = 'unavailable') as unavailable,
        max(given_at) as last_given_at

    from {{ ref('resource_feedback') }}
    group by 1, 2

)

select
    counts.*,
    exists (
        select from {{ ref('resource') }} as resources
        where resources.feed = counts.about_feed and resources.id = counts.about_id
    ) as is_published

from counts
