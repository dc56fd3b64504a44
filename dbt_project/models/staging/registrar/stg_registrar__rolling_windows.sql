with

lists as (

    select * from {{ source('registrar', 'rolling_windows') }}

),

final as (

    select
        'window'::text as kind,
        'all'::text as subject,
        {{ clean_line('name') }} as name,
        null::date as begins_on,
        {{ parse_integer(clean('days')) }} as days,
        {{ parse_integer(clean('offset_days')) }} as offset_days,
        null::text as why,
        null::jsonb as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from lists

)

select * from final
