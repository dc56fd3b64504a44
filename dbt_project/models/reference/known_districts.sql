with

published as (

    select state, code as district
    from {{ ref('place') }}
    where country = 'IN' and kind = 'district'

)

{{ in_force('in_districts', ['state', 'district']) }}
