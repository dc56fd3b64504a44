select
    category,
    state,
    district,
    count(*) filter (where not is_duplicate) as resources,
    count(*) filter (where is_duplicate) as duplicates,
    count(*) filter (where not is_duplicate and is_verified) as verified,
    count(*) filter (where not is_duplicate and availability = 'available') as said_available,
    max(last_verified_on) as last_verified_on

from {{ ref('resource_directory') }}
group by grouping sets ((category, state, district), (category, state), (category))
