with

areas as (

    select * from {{ amended('camden', 'conservation_areas') }} as amended

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
        publisher.organisation,
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
        {{ with_proposals(unparsed([
            ('organisation', 'cells.organisation', 'publisher.organisation'),
            ('geometry', 'cells.outline', 'cells.geometry'),
            ('point', 'cells.place', 'cells.point'),
            ('start_date', 'cells.start_date', 'value.start_date'),
            ('end_date', 'cells.end_date', 'value.end_date'),
            ('entry_date', 'cells.entry_date', 'value.entry_date'),
        ]), {'organisation': organisation_near('cells.organisation', 'publisher.organisation')}) }} as _unparsed,
        cells._delivery_id,
        cells._row_number,
        cells._line_number

    from cells
    {{ join_organisation('publisher', 'cells.organisation') }}
    cross join lateral (
        select
            {{ parse_date('cells.start_date', order='dmy') }} as start_date,
            {{ parse_date('cells.end_date', order='dmy') }} as end_date,
            {{ parse_date('cells.entry_date', order='dmy') }} as entry_date

        offset 0
    ) as value

)

select * from final
