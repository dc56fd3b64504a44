with

files as (

    select * from {{ source('cps', 'days') }}

),

typed as (

    select
        files._delivery_id,
        files._row_number,
        files._line_number,
        cell.*,
        {{ parse_integer('cell.total_cell') }} as total

    from files
    cross join lateral (
        select
            {{ clean('files.school_id') }} as school_id,
            {{ clean('files.total') }} as total_cell,
            files.new_cases_by_day,
            {{ parse_day_map('files.new_cases_by_day') }} as days

        offset 0
    ) as cell

),

final as (

    select
        school_id as school_number,
        1 as part,
        total,
        days,
        {{ unparsed([('total', 'total_cell', 'total'), ('days', 'new_cases_by_day', 'days')]) }} as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from typed

)

select * from final
