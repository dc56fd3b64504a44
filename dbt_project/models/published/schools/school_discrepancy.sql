with

sums as (

    select
        totals.feed,
        totals.school_number,
        totals.total::bigint as total,
        coalesce((select sum(pair.value::bigint) from jsonb_each_text(totals.days) as pair), 0)::bigint as sum_of_days

    from {{ ref('school_total') }} as totals
    where totals.days is not null

)

select *
from sums
where total <> sum_of_days
