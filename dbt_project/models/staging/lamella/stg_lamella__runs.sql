with

runs as (

    select * from {{ source('lamella', 'runs') }}

),

cells as (

    select
        runs._delivery_id,
        runs._row_number,
        runs._line_number,
        {{ clean('runs.dataset_number') }} as dataset_number,
        {{ clean('runs.run_name') }} as run_name,
        {{ clean('runs.pixel_spacing') }} as pixel_spacing,
        {{ clean('runs.tilt_min') }} as tilt_min,
        {{ clean('runs.tilt_max') }} as tilt_max,
        {{ clean('runs.tilt_step') }} as tilt_step,
        {{ clean('runs.tilt_quality') }} as tilt_quality

    from runs

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
        null::numeric as total_flux,
        null::numeric as frame_dose_rate,
        null::text as alignment_software,
        null::text as fiducial_status,
        null::text as reconstruction_method,
        null::text as reconstruction_software,
        null::numeric as voxel_spacing,
        {{ unparsed([
            ('pixel_spacing', 'cells.pixel_spacing', 'value.pixel_spacing'),
            ('tilt_min', 'cells.tilt_min', 'value.tilt_min'),
            ('tilt_max', 'cells.tilt_max', 'value.tilt_max'),
            ('tilt_step', 'cells.tilt_step', 'value.tilt_step'),
            ('tilt_quality', 'cells.tilt_quality', 'value.tilt_quality'),
        ]) }} as _unparsed,
        cells._delivery_id,
        cells._row_number,
        cells._line_number

    from cells
    cross join lateral (
        select
            {{ parse_numeric('cells.pixel_spacing') }} as pixel_spacing,
            {{ parse_numeric('cells.tilt_min') }} as tilt_min,
            {{ parse_numeric('cells.tilt_max') }} as tilt_max,
            {{ parse_numeric('cells.tilt_step') }} as tilt_step,
            {{ parse_integer('cells.tilt_quality') }} as tilt_quality

        offset 0
    ) as value

)

select * from final
