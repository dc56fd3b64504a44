with

files as (

    select * from {{ source('cps', 'vaccinations') }}

),

typed as (

    select
        files._delivery_id,
        files._row_number,
        files._line_number,
        cell.*,
        {{ parse_integer('cell.first_dose') }} as first_doses,
        {{ parse_integer('cell.completed_cell') }} as completed

    from files
    cross join lateral (
        select
            {{ clean('files.school_id') }} as school_id,
            {{ clean('files.first_dose') }} as first_dose,
            {{ clean('files.completed') }} as completed_cell

        offset 0
    ) as cell

),

final as (

    select
        school_id as school_number,
        first_doses,
        completed,
        {{ unparsed([
            ('first_doses', 'first_dose', 'first_doses'),
            ('completed', 'completed_cell', 'completed'),
        ]) }} as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from typed

)

select * from final
