with

lists as (

    select * from {{ source('registrar', 'organisations') }}

),

final as (

    select
        {{ clean('organisation') }} as organisation,
        {{ clean_line('name') }} as name,
        null::jsonb as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from lists

)

select * from final
