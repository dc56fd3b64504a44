with

changes as (

    {{ cumulative_changes('school_total', by=['school_number'], value='total') }}

)

select *
from changes
where school_number not in (select school_number from {{ ref('known_ignored_schools') }})
