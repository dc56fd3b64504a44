with

published as (

    select name as school_number
    from {{ ref('counting_rule') }}
    where kind = 'ignored' and subject = 'school'

)

{{ in_force('ignored_schools', ['school_number']) }}
