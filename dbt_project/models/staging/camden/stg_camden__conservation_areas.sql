with

areas as (

    select * from {{ source('camden', 'conservation_areas') }}

),

cells as (

    select
        areas._delivery_id,
        areas._row_number,
        areas._line_number,
        outline.wkt as geometry,
        outline.repairs as geometry_repairs,
        place.wkt as point,
        {{ clean('areas.geometry') }} as outline,
        {{ clean('areas.point') }} as place,
        {{ clean('areas.reference') }} as reference,
        {{ clean_line('areas.area_name') }} as area_name,
        {{ clean('areas.organisation') }} as organisation,
        {{ clean('areas.documentation_url') }} as documentation_url,
        {{ clean('areas.notes') }} as notes,
        {{ clean('areas.start_date') }} as start_date,
        {{ clean('areas.end_date') }} as end_date,
        {{ clean('areas.entry_date') }} as entry_date

    from areas
    {{ join_geometry('outline', 'areas', 'geometry', 'united_kingdom') }}
    {{ join_geometry('place', 'areas', 'point', 'united_kingdom') }}

),

final as (

    select
        cells.organisation,
        cells.reference,
        cells.area_name as name,
        cells.geometry,
        cells.geometry_repairs,
        cells.point,
        null::numeric as hectares,
        cells.documentation_url,
        value.start_date,
        value.end_date,
        value.entry_date,
        cells.notes,
        {{ unparsed([
            ('geometry', 'cells.outline', 'cells.geometry'),
            ('point', 'cells.place', 'cells.point'),
            ('start_date', 'cells.start_date', 'value.start_date'),
            ('end_date', 'cells.end_date', 'value.end_date'),
            ('entry_date', 'cells.entry_date', 'value.entry_date'),
        ]) }} as _unparsed,
        cells._delivery_id,
        cells._row_number,
        cells._line_number

    from cells
    cross join lateral (
        select
            {{ parse_date('cells.start_date', order='dmy') }} as start_date,
            {{ parse_date('cells.end_date', order='dmy') }} as end_date,
            {{ parse_date('cells.entry_date', order='dmy') }} as entry_date

        offset 0
    ) as value

)

select * from final
