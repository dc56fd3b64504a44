with

lists as (

    select * from {{ source('gazetteer', 'place_spellings') }}

),

final as (

    select
        {{ clean('kind') }} as list,
        coalesce({{ clean_line('state') }}, 'all') as scope,
        {{ clean_line('spelling') }} as spelling,
        {{ clean_line('name') }} as meaning,
        null::jsonb as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from lists

)

select * from final
