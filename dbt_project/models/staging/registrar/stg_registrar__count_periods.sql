with

lists as (

    select * from {{ source('registrar', 'count_periods') }}

),

final as (

    select
        'period'::text as kind,
        {{ clean('entity') }} as subject,
        {{ clean('begins_on') }} as name,
        {{ parse_date(clean('begins_on'), order='dmy') }} as begins_on,
        null::integer as days,
        null::integer as offset_days,
        {{ clean_line('why') }} as why,
        null::jsonb as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from lists

)

select * from final
