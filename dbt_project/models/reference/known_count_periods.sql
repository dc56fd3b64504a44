with

published as (

    select subject as entity, begins_on
    from {{ ref('counting_rule') }}
    where kind = 'period'

)

{{ in_force('count_periods', ['entity', 'begins_on']) }}
