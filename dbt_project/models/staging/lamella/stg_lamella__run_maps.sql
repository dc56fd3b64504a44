with

run_maps as (

    select * from {{ source('lamella', 'run_maps') }}

),

cells as (

    select
        run_maps._delivery_id,
        run_maps._row_number,
        run_maps._line_number,
        {{ clean('run_maps.dataset_number') }} as dataset_number,
        {{ clean('run_maps.run_name') }} as run_name,
        {{ clean('run_maps.fiducial_status') }} as fiducial_status,
        {{ clean('run_maps.reconstruction_method') }} as reconstruction_method,
        {{ clean('run_maps.reconstruction_software') }} as reconstruction_software,
        {{ clean('run_maps.alignment_software') }} as alignment_software,
        {{ clean('run_maps.frame_dose_rate') }} as frame_dose_rate,
        {{ clean('run_maps.voxel_spacing') }} as voxel_spacing,
        {{ clean('run_maps.pixel_spacing') }} as pixel_spacing,
        {{ clean('run_maps.tilt_max') }} as tilt_max,
        {{ clean('run_maps.tilt_min') }} as tilt_min,
        {{ clean('run_maps.tilt_step') }} as tilt_step,
        {{ clean('run_maps.total_flux') }} as total_flux,
        {{ clean('run_maps.tilt_quality') }} as tilt_quality

    from run_maps

),

final as (

    select
        cells.dataset_number,
        cells.run_name,
        value.pixel_spacing,
        value.tilt_min,
        value.tilt_max,
        value.tilt_step,
        value.tilt_quality,
        value.total_flux,
        value.frame_dose_rate,
        cells.alignment_software,
        cells.fiducial_status,
        cells.reconstruction_method,
        cells.reconstruction_software,
        value.voxel_spacing,
        {{ unparsed([
            ('frame_dose_rate', 'cells.frame_dose_rate', 'value.frame_dose_rate'),
            ('voxel_spacing', 'cells.voxel_spacing', 'value.voxel_spacing'),
            ('pixel_spacing', 'cells.pixel_spacing', 'value.pixel_spacing'),
            ('tilt_max', 'cells.tilt_max', 'value.tilt_max'),
            ('tilt_min', 'cells.tilt_min', 'value.tilt_min'),
            ('tilt_step', 'cells.tilt_step', 'value.tilt_step'),
            ('total_flux', 'cells.total_flux', 'value.total_flux'),
            ('tilt_quality', 'cells.tilt_quality', 'value.tilt_quality'),
        ]) }} as _unparsed,
        cells._delivery_id,
        cells._row_number,
        cells._line_number

    from cells
    cross join lateral (
        select
            {{ parse_numeric('cells.frame_dose_rate') }} as frame_dose_rate,
            {{ parse_numeric('cells.voxel_spacing') }} as voxel_spacing,
            {{ parse_numeric('cells.pixel_spacing') }} as pixel_spacing,
            {{ parse_numeric('cells.tilt_max') }} as tilt_max,
            {{ parse_numeric('cells.tilt_min') }} as tilt_min,
            {{ parse_numeric('cells.tilt_step') }} as tilt_step,
            {{ parse_numeric('cells.total_flux') }} as total_flux,
            {{ parse_integer('cells.tilt_quality') }} as tilt_quality

        offset 0
    ) as value

)

select * from final
