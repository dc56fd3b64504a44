with

areas as (

    select * from {{ amended('newcastle', 'conservation_areas') }} as amended

),

cells as (

    select
        areas._delivery_id,
        areas._row_number,
        areas._line_number,
        coalesce(drawn.wkt, typed.wkt) as geometry,
        case when drawn.wkt is not null then drawn.repairs else typed.repairs end as geometry_repairs,
        coalesce({{ clean('areas.wkt') }}, {{ clean('areas.geometry') }}) as outline,
        {{ clean('areas.organisation') }} as organisation,
        {{ clean('areas.area_id') }} as area_id,
        {{ clean_line('areas.area_name') }} as area_name,
        {{ clean('areas.area_ha') }} as area_ha,
        {{ clean('areas.documentation_url') }} as documentation_url,
        {{ clean('areas.start_date') }} as start_date,
        {{ clean('areas.entry_date') }} as entry_date

    from areas
    {{ join_geometry('drawn', 'areas', 'wkt', 'united_kingdom') }}
    {{ join_geometry('typed', 'areas', 'geometry', 'united_kingdom') }}

),

final as (

    select
        publisher.organisation,
        cells.area_id as reference,
        cells.area_name as name,
        cells.geometry,
        cells.geometry_repairs,
        null::text as point,
        value.hectares,
        cells.documentation_url,
        value.start_date,
        null::date as end_date,
        value.entry_date,
        null::text as notes,
        {{ with_proposals(unparsed([
            ('organisation', 'cells.organisation', 'publisher.organisation'),
            ('geometry', 'cells.outline', 'cells.geometry'),
            ('hectares', 'cells.area_ha', 'value.hectares'),
            ('start_date', 'cells.start_date', 'value.start_date'),
            ('entry_date', 'cells.entry_date', 'value.entry_date'),
        ]), {'organisation': organisation_near('cells.organisation', 'publisher.organisation')}) }} as _unparsed,
        cells._delivery_id,
        cells._row_number,
        cells._line_number

    from cells
    {{ join_organisation('publisher', 'cells.organisation') }}
    cross join lateral (
        select
            {{ parse_numeric('cells.area_ha') }} as hectares,
            {{ parse_date('cells.start_date', order='dmy') }} as start_date,
            {{ parse_date('cells.entry_date', order='dmy') }} as entry_date

        offset 0
    ) as value

)

select * from final
