{# Profiles of schools in the entity's shape. `cells`: the cleaned cell of each of its columns. #}
{% macro school_from(profiles, cells) %}
cells as (

    select
        {{ profiles }}._delivery_id,
        {{ profiles }}._row_number,
        {{ profiles }}._line_number,
        cell.*

    from {{ profiles }}
    cross join lateral (
        select
            {{ cells.school_number }} as school_number,
            {{ cells.name }} as name,
            {{ cells.district }} as district,
            {{ cells.kind }} as category,
            {{ cells.students }} as student_count,
            {{ cells.latitude }} as latitude_cell,
            {{ cells.longitude }} as longitude_cell

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
        school_number,
        name,
        district,
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
{% endmacro %}
