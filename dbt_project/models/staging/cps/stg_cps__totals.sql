with

answers as (

    select * from {{ source('cps', 'totals') }}

),

cells as (

    select
        answers._delivery_id,
        answers._row_number,
        answers._line_number,
        cell.*

    from answers
    cross join lateral (
        select
            {{ clean('answers.school_id') }} as school_id,
            {{ clean('answers.total_case_count') }} as total_case_count

        offset 0
    ) as cell

),

typed as (

    select
        cells.*,
        {{ parse_integer('total_case_count') }} as total

    from cells

),

final as (

    select
        school_id as school_number,
        {{ occurrence(of='school_id', by='total desc nulls last, _row_number') }} as part,
        total,
        null::jsonb as days,
        {{ unparsed([('total', 'total_case_count', 'total')]) }} as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from typed

)

select * from final
