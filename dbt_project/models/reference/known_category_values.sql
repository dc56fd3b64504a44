with

published as (

    select list as category, meaning as code, spelling
    from {{ ref('spelling') }}
    where scope = 'all' and list not in ('organisation', 'state')

)

{{ in_force('category_values', ['category', 'code', 'spelling']) }}
