with

lists as (

    select * from {{ source('registrar', 'ignored_schools') }}

),

final as (

    select
        'ignored'::text as kind,
        'school'::text as subject,
        {{ clean('school_number') }} as name,
        null::date as begins_on,
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
