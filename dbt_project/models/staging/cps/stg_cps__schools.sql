with

profiles as (

    select * from {{ source('cps', 'schools') }}

),

cells as (

    select
        profiles._delivery_id,
        profiles._row_number,
        profiles._line_number,
        cell.*

    from profiles
    cross join lateral (
        select
            {{ clean('profiles.school_id') }} as school_id,
            {{ clean_line('profiles.school_long_name') }} as name,
            {{ clean_line('profiles.network') }} as network,
            {{ clean('profiles.primary_category') }} as category,
            {{ clean('profiles.student_count') }} as student_count,
            {{ clean('profiles.latitude') }} as latitude_cell,
            {{ clean('profiles.longitude') }} as longitude_cell

        offset 0
    ) as cell

),

typed as (

    select
        cells.*,
        {{ parse_integer('student_count') }} as students,
        {{ parse_numeric('latitude_cell') }} as latitude,
        {{ parse_numeric('longitude_cell') }} as longitude

    from cells

),

final as (

    select
        school_id as school_number,
        name,
        network as district,
        case upper(category)
            when 'ES' then 'elementary'
            when 'MS' then 'middle'
            when 'HS' then 'high'
            else 'other'
        end as kind,
        students,
        latitude,
        longitude,
        {{ unparsed([
            ('students', 'student_count', 'students'),
            ('latitude', 'latitude_cell', 'latitude'),
            ('longitude', 'longitude_cell', 'longitude'),
        ]) }} as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from typed

)

select * from final
