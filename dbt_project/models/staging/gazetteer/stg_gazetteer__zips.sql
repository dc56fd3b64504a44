with

tables as (

    select * from {{ source('gazetteer', 'zips') }}

),

final as (

    select
        'US'::text as country,
        'zip'::text as kind,
        upper({{ clean('state') }}) as state,
        {{ clean('zip') }} as code,
        {{ proper_case(clean_line('city')) }} as name,
        {{ clean_line('county') }} as county,
        null::jsonb as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from tables

)

select * from final
