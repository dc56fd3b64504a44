with

published as (

    select list as kind, nullif(scope, 'all') as state, spelling, meaning as name
    from {{ ref('spelling') }}
    where list in ('state', 'district')

)

{{ in_force('in_place_spellings', ['kind', 'state', 'spelling', 'name']) }}
