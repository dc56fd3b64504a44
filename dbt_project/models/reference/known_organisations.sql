with

published as (

    select organisation, name
    from {{ ref('organisation') }}

)

{{ in_force('organisations', ['organisation', 'name']) }}
