with

lists as (

    select * from {{ source('gazetteer', 'states') }}

),

final as (

    select
        'IN'::text as country,
        'state'::text as kind,
        {{ clean_line('state') }} as state,
        {{ clean_line('state') }} as code,
        {{ clean_line('state') }} as name,
        null::text as county,
        null::jsonb as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from lists

)

select * from final
