with

lists as (

    select * from {{ source('registrar', 'category_values') }}

),

final as (

    select
        {{ clean('category') }} as list,
        'all'::text as scope,
        {{ clean_line('spelling') }} as spelling,
        {{ clean_line('code') }} as meaning,
        null::jsonb as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from lists

)

select * from final
