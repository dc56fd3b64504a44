with

lists as (

    select * from {{ source('gazetteer', 'towns') }}

),

final as (

    select
        'US'::text as country,
        'town'::text as kind,
        upper({{ clean('state') }}) as state,
        {{ clean_line('place') }} as code,
        {{ clean_line('place') }} as name,
        null::text as county,
        null::jsonb as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from lists

)

select * from final
