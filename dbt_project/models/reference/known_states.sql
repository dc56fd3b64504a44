with

published as (

    select state
    from {{ ref('place') }}
    where country = 'IN' and kind = 'state'

)

{{ in_force('in_states', ['state']) }}
