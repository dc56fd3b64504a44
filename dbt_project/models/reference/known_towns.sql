with

published as (

    select state, code as place
    from {{ ref('place') }}
    where country = 'US' and kind = 'town'

)

{{ in_force('us_places', ['state', 'place']) }}
