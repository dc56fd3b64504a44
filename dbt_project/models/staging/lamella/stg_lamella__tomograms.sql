with

tomograms as (

    select * from {{ source('lamella', 'tomograms') }}

),

cells as (

    select
        tomograms._delivery_id,
        tomograms._row_number,
        tomograms._line_number,
        {{ clean('tomograms.dataset_number') }} as dataset_number,
        {{ clean('tomograms.run_name') }} as run_name,
        {{ clean('tomograms.tomogram_number') }} as tomogram_number,
        {{ clean('tomograms.voxel_spacing') }} as voxel_spacing,
        {{ clean('tomograms.reconstruction_method') }} as reconstruction_method,
        {{ clean('tomograms.processing') }} as processing

    from tomograms

),

final as (

    select
        cells.dataset_number,
        cells.run_name,
        cells.tomogram_number,
        value.voxel_spacing,
        cells.reconstruction_method,
        cells.processing,
        {{ unparsed([
            ('voxel_spacing', 'cells.voxel_spacing', 'value.voxel_spacing'),
        ]) }} as _unparsed,
        cells._delivery_id,
        cells._row_number,
        cells._line_number

    from cells
    cross join lateral (
        select
            {{ parse_numeric('cells.voxel_spacing') }} as voxel_spacing

        offset 0
    ) as value

)

select * from final
