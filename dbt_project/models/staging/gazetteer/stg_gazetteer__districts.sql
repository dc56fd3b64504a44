with

tables as (

    select * from {{ source('gazetteer', 'districts') }}

),

final as (

    select
        'IN'::text as country,
        'district'::text as kind,
        {{ clean_line('state') }} as state,
        {{ clean_line('district') }} as code,
        {{ clean_line('district') }} as name,
        null::text as county,
        null::jsonb as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from tables

)

select * from final
