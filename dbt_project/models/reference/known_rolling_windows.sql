with

published as (

    select name, days, offset_days
    from {{ ref('counting_rule') }}
    where kind = 'window'

)

{{ in_force('rolling_windows', ['name', 'days', 'offset_days']) }}
