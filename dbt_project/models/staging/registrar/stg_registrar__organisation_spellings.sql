with

lists as (

    select * from {{ source('registrar', 'organisation_spellings') }}

),

final as (

    select
        'organisation'::text as list,
        'all'::text as scope,
        {{ clean_line('spelling') }} as spelling,
        {{ clean('organisation') }} as meaning,
        null::jsonb as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from lists

)

select * from final
