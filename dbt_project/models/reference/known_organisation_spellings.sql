with

published as (

    select spelling, meaning as organisation
    from {{ ref('spelling') }}
    where list = 'organisation'

)

{{ in_force('organisation_spellings', ['spelling', 'organisation']) }}
